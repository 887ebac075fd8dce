//! What is shown of one participant when the list of all is cut.

use schleuse_client::{Address, ConsentId, PlannedMessage, Receipt, RequestReason};

use super::*;

const NOW_MS: i64 = 1_800_000_000_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

fn reference(letter: &str) -> ParticipantReference {
    ParticipantReference::parse(&letter.repeat(26)).unwrap()
}

fn task(letter: &str, due_ms: Option<i64>, what: TaskKind) -> Task {
    Task { participant: Some(reference(letter)), due_ms, what }
}

fn request(letter: &str, number: u64) -> Task {
    let planned = PlannedMessage {
        sender: "jobcenter/fallmanagement".parse::<Address>().unwrap(),
        recipient: "drv/reha-beratung".parse().unwrap(),
        purpose: "unterlagen".to_owned(),
        kind: "unterlagen.supply".to_owned(),
        categories: Vec::new(),
        professional_secret: false,
    };
    let reason = RequestReason::Unspecified;
    let what = TaskKind::ConsentRequest { task: number, planned, reason, asked_at_ms: NOW_MS };
    task(letter, None, what)
}

/// A consent whose grants end after some days, and whose review is after some days.
fn consent(ends: &[i64], review: i64, state: v1::ConsentState) -> ConsentRecord {
    let grants = ends
        .iter()
        .map(|days| v1::Grant { not_after_ms: NOW_MS + days * DAY_MS, ..v1::Grant::default() });
    ConsentRecord {
        consent_id: ConsentId::generate().unwrap(),
        document: v1::ConsentDocument { grants: grants.collect(), ..Default::default() },
        document_bytes: Default::default(),
        state,
        receipt: Receipt { record_number: 1, leaf_hash: [0; 32] },
        revoked_at_ms: None,
        restricted: false,
        review_by_ms: NOW_MS + review * DAY_MS,
        review_missed: false,
    }
}

fn participation(ends_in_days: i64) -> v1::Participation {
    v1::Participation {
        phase: ParticipationPhase::Goals.into(),
        started_at_ms: 7,
        ends_by_ms: NOW_MS + ends_in_days * DAY_MS,
        ..v1::Participation::default()
    }
}

#[test]
fn a_whole_list_is_taken_as_it_is() {
    let listed = task("a", Some(NOW_MS), TaskKind::Unknown);
    let tasks = Tasks::of(vec![task("b", Some(1), TaskKind::Unknown), listed.clone()], false);
    let consents = [consent(&[5], 5, v1::ConsentState::Active)];
    let about = |who| tasks.about(&reference(who), &consents, Some(&participation(3)), NOW_MS);
    assert_eq!(about("a"), (vec![listed], true));
    assert_eq!(about("c"), (Vec::new(), true));
}

#[test]
fn what_a_cut_list_hides_of_a_participant_is_shown_all_the_same() {
    let state = participation(20);
    let open = consent(&[-1, 10, 40], 15, v1::ConsentState::Active);
    let over = consent(&[10], 15, v1::ConsentState::Revoked);
    let suspended = consent(&[300], -20, v1::ConsentState::Suspended);
    let known = (NOW_MS - 20 * DAY_MS, TaskKind::Review { consent: suspended.consent_id });
    let tasks = vec![request("a", 1), task("a", Some(known.0), known.1.clone())];
    let tasks = Tasks::of(tasks, true);
    let consents = [open.clone(), over, suspended];
    let (mine, knows_all) = tasks.about(&reference("a"), &consents, Some(&state), NOW_MS);
    let expected = [
        known,
        (NOW_MS + 10 * DAY_MS, TaskKind::GrantEnding { consent: open.consent_id, grant_index: 1 }),
        (NOW_MS + 15 * DAY_MS, TaskKind::Review { consent: open.consent_id }),
        (state.ends_by_ms, TaskKind::ParticipationEnding { started_at_ms: 7 }),
    ];
    let expected = expected.map(|(due_ms, what)| task("a", Some(due_ms), what));
    assert_eq!(mine, [vec![request("a", 1)], expected.to_vec()].concat());
    assert!(knows_all, "what is due at once comes before what is due on a day");
}

#[test]
fn among_too_many_requests_nobody_is_said_to_have_none() {
    let tasks = Tasks::of((0..1000).map(|number| request("b", number)).collect(), true);
    assert_eq!(tasks.about(&reference("a"), &[], None, NOW_MS), (Vec::new(), false));
    assert_eq!(tasks.known_until_ms(), Some(0));
}

#[test]
fn each_participant_has_a_number_and_the_first_day() {
    let at = |who, due_ms| task(who, due_ms, TaskKind::Unknown);
    let nobody = Task { participant: None, ..at("a", Some(2)) };
    let tasks = vec![at("a", Some(9)), at("b", Some(5)), at("a", Some(4)), at("b", None), nobody];
    let tasks = Tasks::of(tasks, false);
    let open = tasks.by_participant();
    let short = |who| open.get(&reference(who)).map(|one| (one.count, one.first_due_ms));
    assert_eq!((short("a"), short("b"), short("c")), (Some((2, Some(4))), Some((2, None)), None));
}
