//! Tests of releases, objections and ends.

use schleuse_proto::evidence::sha256;

use super::*;

const NONE: [&str; 0] = [];

fn with_document(event: Event, document: &impl schleuse_proto::Message) -> Entry {
    let mut entry = Entry::of(event).by(LOTSENSTELLE, "lotse").about('p');
    entry.document = document.encode_to_vec();
    let (certificate, value) = (Bytes::from_static(&[1]), Bytes::from_static(&[2]));
    entry.document_signature = Some(v1::Signature { certificate, value });
    entry
}

fn hash(document: &impl schleuse_proto::Message) -> Bytes {
    Bytes::copy_from_slice(&sha256(&[&document.encode_to_vec()]))
}

fn release() -> v1::SecrecyReleaseDocument {
    v1::SecrecyReleaseDocument {
        release_id: vec![5; 16].into(),
        participant_reference: reference('l'),
        holder: Some(address(crate::test_log::JOBCENTER, "fallmanagement")),
        addressee: Some(address(DRV, "reha-beratung")),
        categories: vec!["termine".to_owned()],
        purposes: vec!["reha-einleitung".to_owned()],
        not_before_ms: START_MS,
        not_after_ms: START_MS + GRANT_MS,
        ..Default::default()
    }
}

fn released(document: &v1::SecrecyReleaseDocument) -> Entry {
    let event = v1::SecrecyReleaseRecorded {
        release_id: document.release_id.clone(),
        document_hash: hash(document),
    };
    with_document(Event::SecrecyReleaseRecorded(event), document)
}

fn release_revoked(release: &v1::SecrecyReleaseDocument) -> Entry {
    let document = v1::SecrecyReleaseRevocationDocument {
        release_id: release.release_id.clone(),
        release_hash: hash(release),
        signed_at_ms: START_MS,
    };
    let event = v1::SecrecyReleaseRevoked {
        release_id: release.release_id.clone(),
        document_hash: hash(&document),
    };
    with_document(Event::SecrecyReleaseRevoked(event), &document)
}

fn objection() -> v1::ObjectionDocument {
    v1::ObjectionDocument {
        objection_id: vec![6; 16].into(),
        participant_reference: reference('l'),
        ..Default::default()
    }
}

fn objected(document: &v1::ObjectionDocument) -> Entry {
    let event = v1::ObjectionRecorded {
        objection_id: document.objection_id.clone(),
        document_hash: hash(document),
    };
    with_document(Event::ObjectionRecorded(event), document)
}

fn objection_ended(objection: &v1::ObjectionDocument) -> Entry {
    let document = v1::ObjectionWithdrawalDocument {
        objection_id: objection.objection_id.clone(),
        objection_hash: hash(objection),
        signed_at_ms: START_MS,
    };
    let event = v1::ObjectionWithdrawn {
        objection_id: objection.objection_id.clone(),
        document_hash: hash(&document),
    };
    with_document(Event::ObjectionWithdrawn(event), &document)
}

fn participation_ended() -> Entry {
    let document = v1::ParticipationEndDocument {
        participant_reference: reference('l'),
        signed_at_ms: START_MS,
    };
    let event = v1::ParticipationEnded { document_hash: hash(&document) };
    with_document(Event::ParticipationEnded(event), &document)
}

fn secret() -> v1::Label {
    v1::Label { professional_secret: true, ..dates() }
}

fn under(entry: Entry, release: &v1::SecrecyReleaseDocument) -> Entry {
    entry.findings(|findings| findings.release_hash = hash(release))
}

#[test]
fn a_secret_passes_under_a_release_and_not_without() {
    let (consent, release, label) = (both(), release(), secret());
    let passed = under(accepted(&consent, &label), &release);
    let out = under(handed_out(2, &consent, &label), &release);
    let sound = [
        recorded(&consent),
        released(&release),
        passed.clone(),
        out.clone(),
        release_revoked(&release),
        refused(&label, v1::DenyReason::SecrecyReleaseMissing),
    ];
    assert_eq!(faults(&sound), NONE);
    let bare = [recorded(&consent), released(&release), accepted(&consent, &label)];
    assert_eq!(faults(&bare), ["permits"], "no release named");
    let late = [recorded(&consent), released(&release), release_revoked(&release), passed.clone()];
    assert_eq!(faults(&late), ["permits"], "revoked");
    assert_eq!(faults(&[recorded(&consent), passed.clone()]), ["permits"], "never recorded");
    let mut of_another = released(&release).about('q');
    of_another.actor.as_mut().unwrap().agency = DRV.to_owned();
    assert_eq!(faults(&[recorded(&consent), of_another, passed.clone()]), ["permits"]);
    let changes: [fn(&mut v1::SecrecyReleaseDocument); 5] = [
        |release| release.purposes = vec!["x".to_owned()],
        |release| release.categories = vec!["wohnen".to_owned()],
        |release| release.not_after_ms = START_MS + 1,
        |release| release.holder = Some(address(DRV, "reha-beratung")),
        |release| release.addressee = None,
    ];
    for change in changes {
        let mut other = release.clone();
        change(&mut other);
        let passed = under(accepted(&consent, &label), &other);
        assert_eq!(faults(&[recorded(&consent), released(&other), passed]), ["permits"]);
    }
    let open = under(accepted(&consent, &dates()), &release);
    assert_eq!(faults(&[recorded(&consent), released(&release), open]), ["permits"]);
    let spurious = refused(&label, v1::DenyReason::SecrecyReleaseMissing);
    assert_eq!(faults(&[recorded(&consent), released(&release), spurious]), ["permits"]);
    let changed =
        [recorded(&consent), released(&release), passed, handed_out(2, &consent, &dates())];
    assert_eq!(faults(&changed), ["hand-outs"], "another flag than the label's");
}

#[test]
fn nothing_passes_that_an_objection_meets() {
    let (consent, objection, label) = (both(), objection(), dates());
    let passed = accepted(&consent, &label);
    let no = refused(&label, v1::DenyReason::Objected);
    let sound = [
        recorded(&consent),
        objected(&objection),
        no.clone(),
        objection_ended(&objection),
        passed.clone(),
    ];
    assert_eq!(faults(&sound), NONE);
    assert_eq!(faults(&[recorded(&consent), objected(&objection), passed.clone()]), ["permits"]);
    assert_eq!(faults(&[recorded(&consent), no.clone()]), ["permits"], "nobody objects");
    let narrow = v1::ObjectionDocument {
        agencies: vec![DRV.to_owned()],
        categories: vec!["gesundheit".to_owned()],
        ..objection.clone()
    };
    assert_eq!(faults(&[recorded(&consent), objected(&narrow), passed.clone()]), NONE);
    let over = v1::ObjectionDocument { until_ms: START_MS + 1, ..objection };
    assert_eq!(faults(&[recorded(&consent), objected(&over), passed]), NONE);
    assert_eq!(faults(&[recorded(&consent), objected(&over), no]), ["permits"]);
}

#[test]
fn nothing_passes_after_the_end() {
    let (consent, label) = (both(), dates());
    let no = refused(&label, v1::DenyReason::Ended);
    assert_eq!(faults(&[recorded(&consent), participation_ended(), no]), NONE);
    let late = [recorded(&consent), participation_ended(), accepted(&consent, &label)];
    assert_eq!(faults(&late), ["permits"]);
    let twice = [recorded(&consent), participation_ended(), participation_ended()];
    assert_eq!(faults(&twice), ["safeguards"]);
}

#[test]
fn what_ends_something_names_it() {
    let (release, objection) = (release(), objection());
    assert_eq!(faults(&[release_revoked(&release)]), ["safeguards"], "never recorded");
    assert_eq!(faults_among_others(&[release_revoked(&release)]), NONE);
    let twice = [released(&release), release_revoked(&release), release_revoked(&release)];
    assert_eq!(faults(&twice), ["safeguards"]);
    let other = v1::ObjectionDocument { until_ms: 1, ..objection.clone() };
    assert_eq!(faults(&[objected(&objection), objection_ended(&other)]), ["safeguards"]);
    let again = [released(&release), released(&release)];
    assert_eq!(faults(&again), ["safeguards"]);
}

#[test]
fn a_review_is_not_missed_before_it_was_due() {
    let missed = |consent: &v1::ConsentDocument| {
        let mut entry = suspended(consent);
        if let Event::ConsentSuspended(event) = &mut entry.event {
            event.set_reason(v1::SuspensionReason::ReviewMissed);
        }
        entry
    };
    let consent = both();
    let due = missed(&consent).at(consent.review_by_ms);
    assert_eq!(faults(&[recorded(&consent), due]), NONE);
    assert_eq!(faults(&[recorded(&consent), missed(&consent)]), ["consents"]);
}
