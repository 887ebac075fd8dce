//! Tests of runs: who proposed and who approved what was erased.

use super::*;

const ERASURE: v1::RunKind = v1::RunKind::Erasure;
const RETENTION: v1::RunKind = v1::RunKind::Retention;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An erasure of one participant by the run of record 1, as an honest broker writes it.
fn erasure() -> Vec<Entry> {
    let mut begun = erasure_begun().erased();
    *run_of(&mut begun.event).unwrap() = 1;
    let mut listed = records_erased(v1::ErasureGround::Participant, &[(0, 2), (3, 1)]);
    *run_of(&mut listed.event).unwrap() = 1;
    vec![
        registered().erased(),
        run_proposed(ERASURE).about('p').erased(),
        run_approved(1, ERASURE),
        begun,
        listed,
    ]
}

/// What an honest broker wrote, changed.
fn changed(change: impl FnOnce(&mut Vec<Entry>)) -> Vec<&'static str> {
    let mut entries = erasure();
    change(&mut entries);
    faults(&entries)
}

fn decision(entries: &mut [Entry]) -> &mut v1::RunApproved {
    let Event::RunApproved(event) = &mut entries[2].event else { unreachable!() };
    event
}

#[test]
fn an_erasure_needs_two_persons() {
    assert_eq!(faults(&erasure()), Vec::<&str>::new());
    assert_eq!(changed(|log| log[2] = log[2].clone().by_officer("d-01")), ["runs"]);
    assert_eq!(changed(|log| log[2] = log[2].clone().by_officer("")), ["runs"]);
    assert_eq!(changed(|log| log[2].actor = None), ["runs"]);
    assert_eq!(changed(|log| log[2] = log[2].clone().by("projekt", "operator")), ["runs"]);
    assert_eq!(changed(|log| decision(log).proposed_by = None), ["runs"]);
    let unnamed = |log: &mut Vec<Entry>| {
        decision(log).proposed_by.as_mut().unwrap().person = String::new();
    };
    assert_eq!(changed(unnamed), ["runs"]);
    let elsewhere = |log: &mut Vec<Entry>| {
        decision(log).proposed_by.as_mut().unwrap().agency = DRV.to_owned();
    };
    assert_eq!(changed(elsewhere), ["runs"]);
    assert_eq!(changed(|log| log[2] = log[2].clone().about('p')), ["runs"]);
    assert_eq!(changed(|log| decision(log).set_kind(v1::RunKind::Unspecified)), ["runs"]);
}

#[test]
fn an_erasure_without_a_run_is_found() {
    let nobody = |log: &mut Vec<Entry>| log[2] = no_consent();
    assert_eq!(changed(nobody), ["runs"]);
    let mut entries = erasure();
    nobody(&mut entries);
    let report = some(&entries, 5, |_| true).verify(&log_key());
    assert!(report.is_sound() && detail(&report, "runs").contains("of 1 it is not shown"));
    // What shows that it was carried out before is found in any file.
    let mut erased = records_erased(v1::ErasureGround::Retention, &[(1, 1)]);
    *run_of(&mut erased.event).unwrap() = 1;
    let queried = Entry::of(Event::LogQueried(v1::LogQueried::default())).erased();
    let late = [no_consent(), queried, erased, run_approved(1, RETENTION)];
    assert_eq!(faults_among_others(&late), ["runs"]);
    assert_eq!(changed(|log| *run_of(&mut log[4].event).unwrap() = 9), ["runs"]);
    // Contents that are still there name a run too.
    let unfinished = |log: &mut Vec<Entry>| {
        log[3] = erasure_begun();
        *run_of(&mut log[3].event).unwrap() = 9;
    };
    assert_eq!(changed(unfinished), ["runs"]);
}

#[test]
fn a_run_is_approved_once_while_it_is_open() {
    let proposal = |log: &mut Vec<Entry>| log[1] = run_proposed(ERASURE).about('p');
    // The erasure goes on: what it lists is still there.
    assert_eq!(changed(proposal), Vec::<&str>::new());
    let by_another = |log: &mut Vec<Entry>| log[1] = run_proposed(ERASURE).by_officer("d-03");
    assert_eq!(changed(by_another), ["runs"]);
    assert_eq!(changed(|log| log[1] = run_proposed(RETENTION)), ["runs"]);
    assert_eq!(changed(|log| log[1] = no_consent().erased()), ["runs"]);
    assert_eq!(changed(|log| decision(log).run_number = 2), ["runs"]);
    assert_eq!(changed(|log| decision(log).set_kind(RETENTION)), Vec::<&str>::new());
    let late = |ms: i64| {
        changed(|log| {
            for entry in &mut log[2..] {
                entry.time_ms = Some(START_MS + 1000 + 14 * DAY_MS + ms);
            }
        })
    };
    assert_eq!(late(-1), Vec::<&str>::new());
    assert_eq!(late(0), ["runs"]);
    let open = |between: Vec<Entry>| {
        let log = [vec![run_proposed(RETENTION)], between, vec![run_approved(0, RETENTION)]];
        faults(&log.concat())
    };
    assert_eq!(open(vec![]), Vec::<&str>::new());
    assert_eq!(open(vec![run_withdrawn(0)]), ["runs"]);
    assert_eq!(open(vec![run_approved(0, RETENTION)]), ["runs"]);
    assert_eq!(open(vec![reconciled()]), ["runs"]);
    assert_eq!(faults(&[run_withdrawn(0)]), ["runs"]);
    assert_eq!(faults(&[run_proposed(RETENTION).by("projekt", "dpo")]), ["runs"]);
    assert_eq!(faults(&[run_proposed(RETENTION).about('p')]), ["runs"]);
    assert_eq!(faults(&[run_proposed(v1::RunKind::Unspecified)]), ["runs"]);
}

#[test]
fn a_run_erases_what_it_is_about() {
    // One participant, and nothing by retention.
    let second = |kind| {
        let mut log = erasure();
        decision(&mut log).set_kind(kind);
        let mut begun = erasure_begun().erased();
        *run_of(&mut begun.event).unwrap() = 1;
        let mut listed = records_erased(v1::ErasureGround::Participant, &[(5, 2)]);
        *run_of(&mut listed.event).unwrap() = 1;
        log.extend([registered().erased(), begun, listed]);
        faults(&log)
    };
    assert_eq!(second(ERASURE), ["runs"]);
    assert_eq!(second(RETENTION), Vec::<&str>::new());
    let mut by_retention = erasure();
    let mut listed = records_erased(v1::ErasureGround::Retention, &[(5, 1)]);
    *run_of(&mut listed.event).unwrap() = 1;
    let queried = Entry::of(Event::LogQueried(v1::LogQueried::default())).erased();
    by_retention.extend([queried, listed]);
    assert_eq!(faults(&by_retention), ["runs"]);
    // One that had begun before does not become right afterwards.
    let begun_before = |log: &mut Vec<Entry>| {
        log.swap(2, 3);
        log[4] = records_erased(v1::ErasureGround::Participant, &[(0, 3)]);
        *run_of(&mut log[4].event).unwrap() = 1;
    };
    assert_eq!(changed(begun_before), ["runs"]);
    // That somebody approved it is never erased.
    let mut hidden = erasure();
    hidden[2].erased = true;
    assert_eq!(faults(&hidden), ["erased", "runs"]);
    let mut hiding = records_erased(v1::ErasureGround::Participant, &[(0, 4)]);
    *run_of(&mut hiding.event).unwrap() = 1;
    hidden[4] = hiding;
    assert_eq!(faults(&hidden), ["erased", "runs"]);
}
