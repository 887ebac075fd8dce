//! Answers to questions before sending: decided again like permits and refusals.

use super::*;
use crate::test_log::asked;

#[test]
fn answers_that_are_as_the_decision_pass() {
    let (document, dates) = (both(), dates());
    let entries = [
        asked(None, &dates),
        recorded(&document),
        asked(Some(&document), &dates),
        restricted(true),
        asked(None, &dates),
        restricted(false),
        revoked(&document),
        asked(None, &dates),
    ];
    assert_eq!(faults(&entries), Vec::<&str>::new());
    let report = whole(&entries).verify(&log_key());
    let said = detail(&report, "permits");
    assert!(said.contains("4 answers before sending"), "{said}");
}

#[test]
fn answers_that_are_not_are_found() {
    let (document, dates) = (both(), dates());
    let yes = || asked(Some(&document), &dates);
    for entries in [
        vec![yes(), recorded(&document)],
        vec![recorded(&document), revoked(&document), yes()],
        vec![recorded(&document), restricted(true), yes()],
        vec![recorded(&document), asked(None, &dates)],
        vec![recorded(&document), asked(Some(&document), &label(&["schulden-finanzen"]))],
    ] {
        assert_eq!(faults(&entries), ["permits"]);
    }
    // That a yes was wrong shows among other rows too; that a no was, only in a complete file.
    let entries = [recorded(&document), revoked(&document), yes()];
    assert_eq!(faults_among_others(&entries), ["permits"]);
    assert!(faults_among_others(&[recorded(&document), asked(None, &dates)]).is_empty());
}
