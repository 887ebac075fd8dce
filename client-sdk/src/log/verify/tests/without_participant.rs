//! Tests of what passes without participant.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::{faults, faults_among_others};
use crate::test_log::{
    DRV, Entry, JOBCENTER, accepted, consent, grant, handed_out, label, recorded,
};

fn started(purposes: &[&str]) -> Entry {
    Entry::of(Event::BrokerStarted(v1::BrokerStarted {
        purposes_without_participant: purposes.iter().map(|&code| code.to_owned()).collect(),
        ..Default::default()
    }))
}

fn published(agency: &'static str, functions: &[&str]) -> Entry {
    let functions = functions.iter().map(|&function| v1::AgencyFunction {
        function: function.to_owned(),
        ..Default::default()
    });
    let document = v1::DirectoryDocument {
        agency: agency.to_owned(),
        functions: functions.collect(),
        ..Default::default()
    };
    let document = document.encode_to_vec().into();
    let event = v1::DirectoryPublished { document, signature: None };
    Entry::of(Event::DirectoryPublished(event)).by(agency, "system")
}

fn about_nobody() -> v1::Label {
    let purpose = "strukturfragen".to_owned();
    v1::Label { purpose, participant_commitment: Bytes::new(), ..label(&[]) }
}

fn nobody(mut entry: Entry) -> Entry {
    entry.participant = String::new();
    entry.findings = Some(v1::Findings::default());
    entry
}

fn passed(label: &v1::Label) -> Entry {
    let document = consent(None, vec![grant(&["termine"])]);
    let mut entry = nobody(accepted(&document, label));
    let Event::MessageDecided(event) = &mut entry.event else { unreachable!() };
    event.without_participant = true;
    entry
}

fn out(number: u64, label: &v1::Label) -> Entry {
    let document = consent(None, vec![grant(&["termine"])]);
    let mut entry = nobody(handed_out(number, &document, label));
    let Event::HandedOut(event) = &mut entry.event else { unreachable!() };
    event.without_participant = true;
    event.consent_reference = Bytes::new();
    entry
}

/// A start, two directory entries, a message about nobody and its hand-out.
fn right() -> Vec<Entry> {
    let label = about_nobody();
    vec![
        started(&["strukturfragen"]),
        published(JOBCENTER, &["fallmanagement"]),
        published(DRV, &["reha-beratung"]),
        passed(&label),
        out(3, &label),
    ]
}

#[test]
fn a_message_about_nobody_passes_between_agencies_of_the_directory() {
    assert_eq!(faults(&right()), Vec::<&str>::new());
    // Without the directory it is a fault in a complete file, and open in another.
    let mut unpublished = right();
    unpublished.remove(2);
    unpublished[3] = out(2, &about_nobody());
    assert_eq!(faults(&unpublished), ["permits"]);
    assert_eq!(faults_among_others(&unpublished), Vec::<&str>::new());
}

#[test]
fn what_is_about_somebody_never_passes_as_about_nobody() {
    let commits = Bytes::from_static(&[2; 32]);
    let label = |change: &dyn Fn(&mut v1::Label)| {
        let mut label = about_nobody();
        change(&mut label);
        label
    };
    let at = |place: usize, entry: Entry| {
        let mut entries = right();
        entries[place] = entry;
        entries
    };
    let committed = label(&|label| label.participant_commitment = commits.clone());
    let named = label(&|label| label.categories = vec!["gesundheit".to_owned()]);
    let other = label(&|label| label.purpose = "fallkonferenz".to_owned());
    let both = consent(None, vec![grant(&["termine"])]);
    let mut under_consent = out(3, &about_nobody());
    let Event::HandedOut(event) = &mut under_consent.event else { unreachable!() };
    event.consent_reference = Bytes::from_static(&[1; 16]);
    let wrong = [
        ("commitment", at(3, passed(&committed))),
        ("category", at(3, passed(&named))),
        ("purpose", at(3, passed(&other))),
        ("told", at(3, passed(&about_nobody()).about('p'))),
        ("findings", at(3, passed(&about_nobody()).findings(|f| f.consent_revision = 1))),
        ("consent", at(4, under_consent)),
        ("catalogue", at(0, started(&[]))),
        ("on a consent", at(3, accepted(&both, &about_nobody()))),
    ];
    for (what, entries) in wrong {
        assert!(faults(&entries).contains(&"permits"), "{what}");
        assert!(faults_among_others(&entries).contains(&"permits"), "{what}");
    }
    let first = vec![recorded(&both), accepted(&both, &crate::test_log::label(&["termine"]))];
    assert_eq!(faults(&first), Vec::<&str>::new());
}
