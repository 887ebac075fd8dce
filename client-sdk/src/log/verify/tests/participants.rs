//! Tests of whom rows are about.

use super::*;

#[test]
fn a_complete_file_tells_whom_it_is_about() {
    let (consent, label) = (both(), dates());
    let log = [
        recorded(&consent),
        accepted(&consent, &label),
        handed_out(1, &consent, &label),
        restricted(true),
    ];
    for untold in 0..log.len() {
        let mut log = log.clone();
        log[untold].participant = String::new();
        assert_eq!(faults(&log).first(), Some(&"participants"), "{untold}");
        assert_eq!(faults_among_others(&log), Vec::<&str>::new(), "{untold}");
    }
    // Whom a refusal is about stays open if nobody has the reference.
    let mut refused = [recorded(&consent), no_consent()];
    refused[1].participant = String::new();
    assert_eq!(faults(&refused), Vec::<&str>::new());
}

/// A consent of somebody else, as the Lotse signed it.
fn other(id: u8, signed: char) -> v1::ConsentDocument {
    let mut document = both();
    document.consent_id = vec![id; 16].into();
    document.participant_reference = reference(signed);
    document
}

#[test]
fn a_signed_reference_means_one_person() {
    let sound = [
        recorded(&both()),
        recorded(&other(1, 'l')),
        recorded(&other(2, 'm')).about('q'),
        // A Lotse of another agency has its own reference of the same person.
        recorded(&other(3, 'm')).by(DRV, "lotse"),
    ];
    assert_eq!(faults(&sound), Vec::<&str>::new());
    let wrong: [(&str, Entry); 3] = [
        ("one signed reference for two", recorded(&other(5, 'l')).about('q')),
        ("two signed references for one", recorded(&other(6, 'n'))),
        ("a person of another agency", recorded(&other(7, 'm')).by(DRV, "lotse").about('q')),
    ];
    for (what, entry) in wrong {
        let log = [&sound[..], &[entry]].concat();
        assert_eq!(faults(&log), ["participants"], "{what}");
        assert_eq!(faults_among_others(&log), ["participants"], "{what}");
    }
}

#[test]
fn a_revision_stays_with_its_participant() {
    let first = both();
    let mut second = consent(Some(&first), vec![grant(&["termine"])]);
    let log = |second: Entry| faults(&[recorded(&first), second]);
    assert_eq!(log(recorded(&second)), Vec::<&str>::new());
    assert_eq!(log(recorded(&second).about('q')), ["participants"]);
    assert_eq!(log(recorded(&second).by(DRV, "lotse").about('q')), ["participants"]);
    second.participant_reference = reference('m');
    assert_eq!(log(recorded(&second)), ["participants"]);
}
