//! Whole courses: an application that wanders, with the deadlines at each step.

use jiff::civil::{Date, date};

use super::super::rules::{CONSENT_CONFIRMED, CONSENT_RECORDED, CONSENT_REVOKED, JOINED};
use super::*;
use crate::deadlines::start_of;
use crate::ids::ParticipantReference;

const JOBCENTER: &str = "jobcenter-stadt-regensburg";
const DRV: &str = "drv-bayern-sued";
const BEZIRK: &str = "bezirk-oberpfalz";
const HOUR_MS: i64 = 3_600_000;

/// At ten in the morning of a day.
fn ms(day: Date) -> i64 {
    start_of(day).unwrap() + 10 * HOUR_MS
}

fn message(kind: &str, from: &str, to: &str, day: Date) -> CaseEvent {
    CaseEvent {
        participant: Some(ParticipantReference::parse(&"a".repeat(26)).unwrap()),
        kind: kind.to_owned(),
        thread: "01".to_owned(),
        message: format!("{kind}{day}{to}"),
        sender: from.to_owned(),
        recipient: to.to_owned(),
        direction: Direction::Observed,
        accepted_ms: ms(day),
        handed_out_ms: Some(ms(day) + HOUR_MS),
        taken_up_ms: None,
    }
}

fn event(kind: &str, thread: &str, day: Date) -> CaseEvent {
    let mut event = message(kind, "", "", day);
    event.thread = thread.to_owned();
    event.handed_out_ms = None;
    event
}

/// Rule, last day, state.
fn course(events: &[CaseEvent], at: Date) -> Vec<(&'static str, Date, DeadlineState)> {
    let found = deadlines(events, ms(at), Place::default()).unwrap();
    found.iter().map(|one| (one.rule.id, one.due, one.state)).collect()
}

fn one(events: &[CaseEvent], at: Date, rule: &str) -> (Date, DeadlineState) {
    let all = course(events, at);
    let mut found = all.iter().filter(|(id, _, _)| *id == rule);
    let (_, due, state) = found.next().unwrap_or_else(|| panic!("no {rule} in {all:?}"));
    assert!(found.next().is_none(), "{rule} twice");
    (*due, *state)
}

use DeadlineState::{Late, Met, Open, Overdue, Superseded};

#[test]
fn the_first_agency_has_two_weeks_and_three_if_it_keeps_the_application() {
    let ask = message("zustaendigkeit.ask", JOBCENTER, DRV, date(2026, 11, 4));
    let events = vec![ask];
    let expected = [
        ("sgb9-14-1-1", date(2026, 11, 18), Open),
        ("sgb9-14-2-2", date(2026, 11, 25), Open),
        ("sgb9-18-1", date(2027, 1, 4), Open),
    ];
    assert_eq!(course(&events, date(2026, 11, 18)), expected);
    assert_eq!(one(&events, date(2026, 11, 19), "sgb9-14-1-1").1, Overdue);
    let mut kept = events.clone();
    kept.push(message("zustaendigkeit.take-on", DRV, JOBCENTER, date(2026, 11, 18)));
    assert_eq!(one(&kept, date(2026, 12, 1), "sgb9-14-1-1").1, Met);
    assert_eq!(one(&kept, date(2026, 12, 1), "sgb9-14-2-2").1, Overdue);
    kept.push(message("zustaendigkeit.decided", DRV, JOBCENTER, date(2026, 12, 2)));
    assert_eq!(one(&kept, date(2026, 12, 3), "sgb9-14-2-2").1, Late);
}

#[test]
fn forwarded_the_time_counts_from_receipt_there_and_only_once() {
    let ask = message("zustaendigkeit.ask", JOBCENTER, DRV, date(2026, 11, 4));
    let mut forward = message("zustaendigkeit.forward", DRV, BEZIRK, date(2026, 11, 10));
    // Fetched on the 12th only.
    forward.handed_out_ms = Some(ms(date(2026, 11, 12)));
    let mut events = vec![forward.clone(), ask];
    let at = date(2026, 11, 13);
    assert_eq!(one(&events, at, "sgb9-14-1-1").1, Met);
    assert_eq!(one(&events, at, "sgb9-14-2-2").1, Superseded);
    assert_eq!(one(&events, at, "sgb9-14-2-4"), (date(2026, 12, 3), Open));
    // In agreement once more (§ 14 (3)): the same time runs on, and the third agency meets it.
    events.push(message("zustaendigkeit.forward", BEZIRK, JOBCENTER, date(2026, 11, 16)));
    assert_eq!(one(&events, date(2026, 11, 17), "sgb9-14-2-4"), (date(2026, 12, 3), Open));
    events.push(message("zustaendigkeit.decided", JOBCENTER, BEZIRK, date(2026, 12, 3)));
    assert_eq!(one(&events, date(2026, 12, 10), "sgb9-14-2-4").1, Met);
    // While it is not known when it was fetched, the acceptance counts: never later.
    forward.handed_out_ms = None;
    let found = deadlines(&[forward], ms(at), Place::default()).unwrap();
    let found = found.iter().find(|one| one.rule.id == "sgb9-14-2-4").unwrap();
    assert_eq!((found.due, found.receipt_known), (date(2026, 12, 1), false));
}

#[test]
fn an_opinion_gives_two_weeks_from_when_it_is_there() {
    let mut events = vec![
        message("zustaendigkeit.ask", JOBCENTER, DRV, date(2026, 11, 4)),
        message("zustaendigkeit.opinion-ordered", DRV, JOBCENTER, date(2026, 11, 6)),
    ];
    let at = date(2026, 12, 1);
    assert_eq!(one(&events, at, "sgb9-14-2-2").1, Superseded);
    assert_eq!(one(&events, at, "sgb9-17-2-1"), (date(2026, 11, 20), Overdue));
    events.push(message("zustaendigkeit.opinion-received", DRV, JOBCENTER, date(2026, 12, 11)));
    // Two weeks later is Christmas Day, a Friday.
    assert_eq!(one(&events, date(2026, 12, 12), "sgb9-14-2-3"), (date(2026, 12, 28), Open));
    assert_eq!(one(&events, date(2026, 12, 12), "sgb9-17-2-1").1, Late);
}

#[test]
fn with_others_involved_six_weeks_and_with_a_conference_two_months() {
    let mut events = vec![
        message("zustaendigkeit.ask", JOBCENTER, DRV, date(2026, 11, 4)),
        message("zustaendigkeit.involve", DRV, BEZIRK, date(2026, 11, 9)),
    ];
    let at = date(2026, 11, 23);
    assert_eq!(one(&events, at, "sgb9-14-2-2").1, Superseded);
    assert_eq!(one(&events, at, "sgb9-15-2-2"), (date(2026, 11, 23), Open));
    assert_eq!(one(&events, at, "sgb9-15-4-1"), (date(2026, 12, 16), Open));
    // Another agency's answer is not the one that is awaited.
    events.push(message("zustaendigkeit.note", JOBCENTER, DRV, date(2026, 11, 20)));
    assert_eq!(one(&events, at, "sgb9-15-2-2").1, Open);
    events.push(message("zustaendigkeit.note", BEZIRK, DRV, date(2026, 11, 23)));
    assert_eq!(one(&events, date(2026, 11, 24), "sgb9-15-2-2").1, Met);
    events.push(message("fallkonferenz.fix", DRV, BEZIRK, date(2026, 11, 25)));
    let at = date(2026, 11, 26);
    assert_eq!(one(&events, at, "sgb9-15-4-1").1, Superseded);
    assert_eq!(one(&events, at, "sgb9-15-4-2"), (date(2027, 1, 4), Open));
}

#[test]
fn two_agencies_that_were_asked_have_each_their_own_time() {
    let mut events = vec![
        message("zustaendigkeit.ask", JOBCENTER, DRV, date(2026, 11, 4)),
        message("zustaendigkeit.ask", JOBCENTER, BEZIRK, date(2026, 11, 4)),
        message("zustaendigkeit.take-on", DRV, JOBCENTER, date(2026, 11, 5)),
    ];
    for event in &mut events {
        event.direction =
            if event.sender == JOBCENTER { Direction::Sent } else { Direction::Received };
    }
    let found = deadlines(&events, ms(date(2026, 11, 6)), Place::default()).unwrap();
    let of = |agency: &str| {
        let mut found = found.iter().filter(|d| d.rule.id == "sgb9-14-1-1" && d.obliged == agency);
        found.next().unwrap()
    };
    assert_eq!((of(DRV).state, of(BEZIRK).state), (Met, Open));
    assert_eq!(of(DRV).ours, Some(false));
    // One forwards: the other still has to decide.
    events.push(message("zustaendigkeit.forward", DRV, JOBCENTER, date(2026, 11, 6)));
    let found = deadlines(&events, ms(date(2026, 11, 7)), Place::default()).unwrap();
    let three_weeks = found.iter().filter(|one| one.rule.id == "sgb9-14-2-2");
    let states: Vec<_> = three_weeks.map(|one| (one.obliged.as_str(), one.state)).collect();
    assert_eq!(states, [(DRV, Superseded), (BEZIRK, Open)]);
}

#[test]
fn the_participation_has_its_dates_and_ends_even_on_a_sunday() {
    let mut events = vec![event(JOINED, "", date(2024, 11, 30))];
    let at = date(2024, 12, 10);
    assert_eq!(one(&events, at, "projekt-rueckmeldung"), (date(2025, 1, 27), Open));
    assert_eq!(one(&events, at, "projekt-gutachten"), (date(2025, 5, 30), Open));
    assert_eq!(one(&events, at, "projekt-ende"), (date(2026, 11, 29), Open));
    events.push(message("zuleitung.introduction", "lotsenstelle", DRV, date(2024, 12, 5)));
    events.push(message("rueckmeldung.note", "lotsenstelle", JOBCENTER, date(2025, 1, 27)));
    assert_eq!(one(&events, date(2025, 3, 1), "projekt-rueckmeldung").1, Met);
    events.push(event(LEFT, "", date(2026, 11, 27)));
    let at = date(2027, 3, 1);
    assert_eq!(one(&events, at, "projekt-ende").1, Met);
    assert_eq!(one(&events, at, "projekt-nachbetreuung-3"), (date(2027, 2, 27), Met));
    assert_eq!(one(&events, at, "projekt-nachbetreuung-6"), (date(2027, 5, 27), Open));
}

#[test]
fn a_consent_is_reviewed_every_six_months_until_it_ends() {
    let mut events = vec![event(CONSENT_RECORDED, "c1", date(2026, 1, 15))];
    let at = date(2026, 8, 1);
    let rule = "projekt-ueberpruefung";
    assert_eq!(one(&events, at, rule), (date(2026, 7, 15), Overdue));
    events.push(event(CONSENT_CONFIRMED, "c1", date(2026, 7, 15)));
    let states: Vec<_> = course(&events, at).into_iter().filter(|(id, ..)| *id == rule).collect();
    assert_eq!(states, [(rule, date(2026, 7, 15), Met), (rule, date(2027, 1, 15), Open)]);
    events.push(event(CONSENT_RECORDED, "c2", date(2026, 7, 20)));
    events.push(event(CONSENT_REVOKED, "c1", date(2026, 7, 25)));
    let states: Vec<_> = course(&events, at).into_iter().filter(|(id, ..)| *id == rule).collect();
    assert_eq!(states[1].2, Superseded);
    assert_eq!(states[2], (rule, date(2027, 1, 20), Open));
}

#[test]
fn what_happens_later_changes_nothing_before_and_threads_and_people_stay_apart() {
    let ask = message("zustaendigkeit.ask", JOBCENTER, DRV, date(2026, 11, 4));
    let mut other_thread = message("zustaendigkeit.decided", DRV, JOBCENTER, date(2026, 11, 5));
    other_thread.thread = "02".to_owned();
    let mut other_person = message("zustaendigkeit.decided", DRV, JOBCENTER, date(2026, 11, 5));
    other_person.participant = Some(ParticipantReference::parse(&"b".repeat(26)).unwrap());
    let later = message("zustaendigkeit.decided", DRV, JOBCENTER, date(2026, 11, 12));
    let all = [ask.clone(), other_thread, other_person, later];
    let at = date(2026, 11, 10);
    assert_eq!(one(&all, at, "sgb9-14-2-2"), one(&[ask], at, "sgb9-14-2-2"));
    assert_eq!(one(&all, date(2026, 11, 13), "sgb9-14-2-2").1, Met);
}
