//! Tests of what may be erased, and how.

use super::*;

const PARTICIPANT: v1::ErasureGround = v1::ErasureGround::Participant;
const RETENTION: v1::ErasureGround = v1::ErasureGround::Retention;

/// The ground and the ranges of a record of an erasure.
type Part<'a> = (v1::ErasureGround, &'a [(u64, u64)]);

/// A participant who is erased as an honest broker does it, and what its erasure lists.
fn erased_whole() -> Vec<Entry> {
    let (consent, label) = (both(), dates());
    let course = [
        registered(),
        recorded(&consent),
        accepted(&consent, &label),
        handed_out(2, &consent, &label),
        revoked(&consent),
        erasure_begun(),
    ];
    let mut entries: Vec<Entry> = course.into_iter().map(Entry::erased).collect();
    entries.push(records_erased(PARTICIPANT, &[(0, 6)]));
    entries
}

/// Entries with other records of their erasure.
fn erased_by(parts: &[Part<'_>]) -> Vec<Entry> {
    let mut entries = erased_whole();
    entries.pop();
    entries.extend(parts.iter().map(|(ground, ranges)| records_erased(*ground, ranges)));
    entries
}

#[test]
fn a_participant_is_erased_as_a_whole() {
    assert_eq!(faults(&erased_whole()), Vec::<&str>::new());
    // In parts, with other records between them, and a part listed again after a crash.
    let mut parts = erased_by(&[(PARTICIPANT, &[(0, 2)])]);
    parts.push(no_consent());
    parts.push(records_erased(PARTICIPANT, &[(0, 2), (3, 1)]));
    parts.push(records_erased(PARTICIPANT, &[(2, 4)]));
    assert_eq!(faults(&parts), Vec::<&str>::new());
    let faulty: [(&str, &[Part<'_>]); 8] = [
        ("nothing lists it", &[]),
        ("one is not listed", &[(PARTICIPANT, &[(0, 3), (4, 2)])]),
        ("no registration", &[(PARTICIPANT, &[(1, 5)])]),
        ("the end comes first", &[(PARTICIPANT, &[(4, 2)]), (PARTICIPANT, &[(0, 4)])]),
        ("a part afterwards", &[(PARTICIPANT, &[(0, 1), (2, 4)]), (PARTICIPANT, &[(1, 1)])]),
        ("ended again", &[(PARTICIPANT, &[(0, 1), (2, 4)]), (PARTICIPANT, &[(1, 1), (5, 1)])]),
        ("a consent is never retired", &[(RETENTION, &[(1, 1)]), (PARTICIPANT, &[(0, 6)])]),
        ("no ground", &[(v1::ErasureGround::Unspecified, &[(0, 6)])]),
    ];
    for (what, parts) in faulty {
        assert_eq!(faults(&erased_by(parts)), ["erased"], "{what}");
    }
}

#[test]
fn each_erasure_is_of_one_participant_from_the_beginning_to_the_end() {
    let gone = |entries: &[Entry]| -> Vec<Entry> {
        entries.iter().map(|entry| entry.clone().erased()).collect()
    };
    let (one, end) = (registered(), erasure_begun());
    let listed = |ranges| records_erased(PARTICIPANT, ranges);
    let two = gone(&[one.clone(), end.clone(), one.clone(), end.clone()]);
    let each = [listed(&[(0, 2)]), listed(&[(2, 2)])];
    assert_eq!(faults(&[&two[..], &each].concat()), Vec::<&str>::new());
    assert_eq!(faults(&[&two[..], &[listed(&[(0, 4)])]].concat()), ["erased"]);
    // One that was interrupted is finished after the next.
    let late = [listed(&[(0, 1)]), listed(&[(2, 2)]), listed(&[(1, 1)])];
    assert_eq!(faults(&[&two[..], &late].concat()), Vec::<&str>::new());
    let registrations = gone(&[one.clone(), one.clone(), end.clone()]);
    assert_eq!(faults(&[&registrations[..], &[listed(&[(0, 3)])]].concat()), ["erased"]);
    // It begins before anything is erased.
    assert_eq!(faults(&[one.erased(), listed(&[(0, 1)]), end]), ["erased"]);
}

#[test]
fn the_end_of_a_consent_is_not_erased_on_its_own() {
    let (consent, label) = (both(), dates());
    for end in [revoked(&consent), suspended(&consent), restricted(true), stopped(1)] {
        let passed = [recorded(&consent), accepted(&consent, &label), end.erased()];
        let out = handed_out(1, &consent, &label);
        let with = |ground| {
            let rest = [records_erased(ground, &[(2, 1)]), out.clone()];
            faults(&[&passed[..], &rest].concat())
        };
        assert_eq!(with(PARTICIPANT), ["erased"]);
        let is_stop = matches!(passed[2].event, Event::MessageStopped(_));
        assert_eq!(with(RETENTION).is_empty(), is_stop);
    }
}

/// What once switched off that a permit needs its consent.
#[test]
fn no_erasure_excuses_a_permit_without_its_consent() {
    let (consent, label) = (both(), dates());
    let passed = accepted(&consent, &label);
    let forged =
        [recorded(&consent).erased(), records_erased(RETENTION, &[(0, 1)]), passed.clone()];
    assert_eq!(faults(&forged), ["permits", "erased"]);
    let whole = [erased_whole(), vec![passed.clone()]].concat();
    assert_eq!(faults(&whole), ["permits"]);
    let decision = [recorded(&consent), passed.erased(), handed_out(1, &consent, &label)];
    assert_eq!(faults_among_others(&decision), Vec::<&str>::new());
}

#[test]
fn retention_takes_messages_queries_and_refused_calls() {
    let (consent, label) = (both(), dates());
    let queried = Entry::of(Event::LogQueried(v1::LogQueried::default()));
    let call = Entry::of(Event::CallRefused(v1::CallRefused::default()));
    let log = [
        recorded(&consent),
        accepted(&consent, &label).erased(),
        handed_out(1, &consent, &label).erased(),
        stopped(1).erased(),
        queried.erased(),
        call.erased(),
    ];
    let with = |ground| {
        let erased = records_erased(ground, &[(1, 5)]);
        faults(&[&log[..], &[erased, accepted(&consent, &label)]].concat())
    };
    assert_eq!(with(RETENTION), Vec::<&str>::new());
    assert_eq!(with(PARTICIPANT), ["erased"]);
    // What is about no participant is not erased with one: then a reconciliation could go unseen.
    let mut hidden = erased_whole();
    hidden.insert(5, reconciled().erased());
    hidden.pop();
    hidden.push(records_erased(PARTICIPANT, &[(0, 7)]));
    assert_eq!(faults(&hidden), ["erased"]);
    assert_eq!(faults_among_others(&hidden), ["erased"]);
}

#[test]
fn an_erasure_that_goes_on_is_named() {
    let (consent, label) = (both(), dates());
    let gone = |entry: Entry| Entry { participant: String::new(), ..entry };
    let course = [
        registered(),
        recorded(&consent),
        accepted(&consent, &label),
        handed_out(2, &consent, &label),
    ];
    let course: Vec<Entry> = course.into_iter().map(gone).collect();
    let named = |entries: &[Entry]| {
        let report = whole(entries).verify(&log_key());
        assert_eq!(failed(&report), Vec::<&str>::new(), "{report}");
        assert!(detail(&report, "erased").contains("NOT FINISHED: 1 erasures go on"), "{report}");
    };
    // It began, is listed, is listed in part, is gone in part.
    let begun = [course.clone(), vec![erasure_begun()]].concat();
    named(&begun);
    named(&[&begun[..], &[records_erased(PARTICIPANT, &[(0, 5)])]].concat());
    named(&[&begun[..], &[records_erased(PARTICIPANT, &[(0, 2)])]].concat());
    let mut partly = [&begun[..], &[records_erased(PARTICIPANT, &[(0, 1)])]].concat();
    partly[0].erased = true;
    named(&partly);
    // A permit whose consent is gone already is not believed, but the reason is named.
    partly[5] = records_erased(PARTICIPANT, &[(0, 2)]);
    partly[1].erased = true;
    let report = whole(&partly).verify(&log_key());
    assert_eq!(failed(&report), ["permits"]);
    assert!(detail(&report, "permits").contains("an erasure goes on"), "{report}");
    // Of a consent both are told or none is.
    let half = [recorded(&consent), gone(accepted(&consent, &label)), erasure_begun()];
    assert_eq!(faults(&half), ["permits"]);
    // Without a beginning after it nothing goes on.
    let early = [&[erasure_begun()], &course[..2]].concat();
    assert_eq!(faults(&early), ["participants"]);
    let parts = [course.clone(), vec![records_erased(PARTICIPANT, &[(0, 2)])]].concat();
    assert_eq!(faults(&parts), ["participants", "erased"]);
}

#[test]
fn an_erasure_lists_what_stands_before_it_ascending() {
    for ranges in
        [&[(0, 8)][..], &[(1, 1), (0, 1)], &[(0, 0)], &[], &[(1, u64::MAX)], &[(0, 2), (1, 5)]]
    {
        let erased = erased_by(&[(PARTICIPANT, &[(0, 6)]), (PARTICIPANT, ranges)]);
        assert_eq!(faults_among_others(&erased), ["erased"], "{ranges:?}");
    }
    let many: Vec<Entry> = (0..1001).map(|_| no_consent().erased()).collect();
    let with = |count| {
        let erased = [records_erased(RETENTION, &[(0, count)])];
        faults_among_others(&[&many[..], &erased].concat())
    };
    assert_eq!(with(1000), Vec::<&str>::new());
    assert_eq!(with(1001), ["erased"]);
    let report = some(&erased_by(&[]), 5, |_| true).verify(&log_key());
    assert!(detail(&report, "erased").contains("the erasure of 6 of them is not shown"));
}
