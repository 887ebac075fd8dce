//! Tests of the module `verify`.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::evidence::consent_signed_bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::signer::Signer;
use crate::test_log::{
    CONSENT, DRV, Entry, GRANT_MS, LOTSENSTELLE, START_MS, accepted, address, confirmed, consent,
    erasure_begun, grant, handed_out, label, log_key, reconciled, recorded, records_erased,
    reference, refused, registered, restricted, revoked, run_approved, run_of, run_proposed,
    run_withdrawn, some, stopped, suspended, whole,
};
use crate::trust_file::TrustAnchors;

mod coverage;
mod duties;
mod erasures;
mod evaluation;
mod participants;
mod runs;
mod safeguards;
mod without_participant;

/// A consent to pass on two categories, and what it covers.
fn both() -> v1::ConsentDocument {
    consent(None, vec![grant(&["gesundheit", "termine"])])
}

fn dates() -> v1::Label {
    label(&["termine"])
}

fn no_consent() -> Entry {
    refused(&dates(), v1::DenyReason::NoConsent)
}

/// A whole course: recorded, passed, narrowed, revoked, refused.
fn course() -> Vec<Entry> {
    let (first, dates) = (both(), dates());
    let second = consent(Some(&first), vec![grant(&["termine"])]);
    let health = label(&["gesundheit"]);
    vec![
        no_consent(),
        recorded(&first),
        accepted(&first, &dates),
        handed_out(2, &first, &dates),
        accepted(&first, &health),
        recorded(&second),
        stopped(4),
        refused(&health, v1::DenyReason::Superseded),
        suspended(&second),
        refused(&dates, v1::DenyReason::Suspended),
        confirmed(&second),
        accepted(&second, &dates),
        restricted(true),
        refused(&dates, v1::DenyReason::Restricted),
        restricted(false),
        handed_out(11, &second, &dates),
        revoked(&second),
        refused(&dates, v1::DenyReason::Revoked),
    ]
}

fn failed(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
}

fn detail<'a>(report: &'a Report, name: &str) -> &'a str {
    &report.checks.iter().find(|check| check.name == name).unwrap().detail
}

/// Failed checks of a whole log.
fn faults(entries: &[Entry]) -> Vec<&'static str> {
    failed(&whole(entries).verify(&log_key()))
}

/// Failed checks of the same rows among others.
fn faults_among_others(entries: &[Entry]) -> Vec<&'static str> {
    failed(&some(entries, 5, |_| true).verify(&log_key()))
}

#[test]
fn a_sound_export_passes_also_after_its_way_through_a_file() {
    let bundle = whole(&course());
    let read = Bundle::from_json(&bundle.to_json().unwrap()).unwrap();
    assert_eq!(read, bundle);
    let report = read.check(&Expectations::new(&log_key()).complete());
    assert!(report.is_sound() && report.complete, "{report}");
    assert_eq!((report.rows, report.log_size), (18, 18));
    let permits = detail(&report, "permits");
    assert!(permits.starts_with("decided again: 5 "), "{permits}");
    assert!(permits.ends_with("5 refusals were of what no consent covered"), "{permits}");
    assert!(detail(&report, "consents").starts_with("4 revisions"), "{report}");
}

#[test]
fn the_root_is_the_one_of_the_tile_library() {
    for size in 1..70_u64 {
        let mut stored: Vec<tlog_tiles::Hash> = Vec::new();
        let mut leaves = Vec::new();
        for number in 0..size {
            let record = number.to_be_bytes();
            let read = Read(&stored);
            let hashes = tlog_tiles::stored_hashes(number, &record, &read).unwrap();
            stored.extend(hashes);
            leaves.push(tlog_tiles::record_hash(&record).0);
        }
        let expected = tlog_tiles::tree_hash(size, &Read(&stored)).unwrap().0;
        assert_eq!(tree_root(&leaves.iter().collect::<Vec<_>>()), expected, "{size}");
    }
}

struct Read<'a>(&'a [tlog_tiles::Hash]);

impl tlog_tiles::HashReader for Read<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// Changes one value of the bundle's JSON.
fn tampered(change: impl FnOnce(&mut serde_json::Value)) -> Report {
    let bundle = whole(&course());
    let mut json: serde_json::Value = serde_json::from_slice(&bundle.to_json().unwrap()).unwrap();
    change(&mut json);
    let bundle = Bundle::from_json(&serde_json::to_vec(&json).unwrap()).unwrap();
    bundle.verify(&log_key())
}

#[test]
fn every_tampering_fails_in_its_own_check() {
    let other = whole(&course()[..5]);
    let other: serde_json::Value = serde_json::from_slice(&other.to_json().unwrap()).unwrap();
    let report = tampered(|json| json["log_key"] = "x".into());
    assert_eq!(failed(&report), ["log key"]);
    let report = tampered(|json| json["checkpoint"] = "bm90ZQ==".into());
    assert_eq!(failed(&report), ["checkpoint"]);
    let report = tampered(|json| json["checkpoint"] = other["checkpoint"].clone());
    assert_eq!(failed(&report), ["merkle tree"]);
    let report = tampered(|json| json["leaf_hashes"] = other["leaf_hashes"].clone());
    assert!(failed(&report).contains(&"merkle tree"));
    for field in ["skeleton", "salt", "body", "findings", "findings_salt"] {
        let report = tampered(|json| json["rows"][1][field] = json["rows"][2][field].clone());
        // Equal salts change nothing.
        let expected: &[&str] = if field.ends_with("salt") { &[] } else { &["records"] };
        assert_eq!(failed(&report), expected, "{field}");
    }
    for field in ["salt", "findings_salt"] {
        let other = "AAAAAAAAAAAAAAAAAAAAAA==";
        assert_eq!(failed(&tampered(|json| json["rows"][2][field] = other.into())), ["records"]);
    }
    assert_eq!(failed(&tampered(|json| json["rows"][1]["salt"] = "".into())), ["records"]);
    let report = tampered(|json| json["rows"][2]["findings_salt"] = "".into());
    assert_eq!(failed(&report), ["records"]);
    let report = tampered(|json| json["rows"][1]["record_number"] = 2.into());
    assert_eq!(failed(&report), ["records"]);
    let report = tampered(|json| json["rows"].as_array_mut().unwrap().swap(0, 1));
    assert!(failed(&report).contains(&"order"));
}

#[test]
fn a_document_fits_its_record_and_an_erased_row_has_nothing_left() {
    let report = tampered(|json| json["rows"][1]["document"] = json["rows"][5]["document"].clone());
    assert_eq!(failed(&report), ["records"]);
    for (part, value) in [("certificate", ""), ("value", "")] {
        let report = tampered(|json| json["rows"][1]["document_signature"][part] = value.into());
        assert_eq!(failed(&report), ["records"], "{part}");
    }
    assert_eq!(failed(&tampered(|json| json["rows"][1]["document"] = "".into())), ["records"]);
    assert_eq!(failed(&tampered(|json| json["rows"][1]["erased"] = true.into())), ["records"]);
    let report = tampered(|json| {
        for field in ["salt", "body", "findings", "findings_salt", "document"] {
            json["rows"][1][field] = "".into();
        }
        json["rows"][1]["document_signature"] = json["rows"][0]["document_signature"].clone();
        json["rows"][1]["erased"] = true.into();
    });
    // Nothing says that it was erased, and what rested on it rests on nothing.
    assert_eq!(failed(&report), ["consents", "permits", "erased"]);
}

#[test]
fn a_row_that_was_never_in_the_log_is_found() {
    let forged = whole(&[revoked(&both())]);
    let forged: serde_json::Value = serde_json::from_slice(&forged.to_json().unwrap()).unwrap();
    let report = tampered(|json| json["rows"][0] = forged["rows"][0].clone());
    assert!(failed(&report).contains(&"inclusion"));
}

#[test]
fn hand_outs_after_the_end_of_their_message_or_consent_are_found() {
    let (consent, label) = (both(), dates());
    let accepted = || accepted(&consent, &label);
    let out = |number| handed_out(number, &consent, &label);
    let late = |entries: Vec<Entry>| faults_among_others(&entries);
    assert_eq!(late(vec![accepted(), stopped(0), out(0)]), ["stopped messages"]);
    assert_eq!(late(vec![no_consent(), out(0)]), ["stopped messages", "hand-outs"]);
    // Nothing that could be handed out: itself, a later record, a record that is no decision.
    for entries in [vec![out(0)], vec![out(7)], vec![stopped(9), out(0)]] {
        assert_eq!(late(entries), ["hand-outs"]);
    }
    assert_eq!(late(vec![accepted(), revoked(&consent), out(0)]), ["revoked consents"]);
    assert_eq!(late(vec![revoked(&consent), accepted()]), ["revoked consents"]);
    let other = handed_out(0, &consent, &crate::test_log::label(&["gesundheit"]));
    assert_eq!(late(vec![accepted(), other]), ["hand-outs"]);
    // Of a decision that a record before lists as erased, whether its contents are still there or not.
    let erased = || records_erased(v1::ErasureGround::Retention, &[(0, 1)]);
    assert_eq!(late(vec![accepted().erased(), erased(), out(0)]), ["stopped messages"]);
    assert_eq!(late(vec![accepted(), erased(), out(0)]), ["stopped messages"]);
    assert_eq!(late(vec![accepted().erased(), out(0), erased()]), Vec::<&str>::new());
}

#[test]
fn a_message_that_had_expired_is_not_handed_out() {
    let consent = both();
    let mut label = dates();
    label.expires_at_ms = START_MS + 9_000;
    let at = |time_ms| {
        let out = handed_out(1, &consent, &label).at(time_ms);
        faults(&[recorded(&consent), accepted(&consent, &label), out])
    };
    assert_eq!(at(START_MS + 8_999), Vec::<&str>::new());
    assert_eq!(at(START_MS + 9_000), ["hand-outs"]);
}

#[test]
fn after_a_reconciliation_every_consent_needs_its_lotse() {
    let (consent, label) = (both(), dates());
    let revised = crate::test_log::consent(Some(&consent), vec![grant(&["termine"])]);
    let passed = |consent| accepted(consent, &label);
    let log = |rest: Vec<Entry>| faults(&[vec![recorded(&consent), reconciled()], rest].concat());
    assert_eq!(log(vec![passed(&consent)]), ["permits"]);
    assert_eq!(log(vec![confirmed(&consent), passed(&consent)]), Vec::<&str>::new());
    assert_eq!(log(vec![recorded(&revised), passed(&revised)]), Vec::<&str>::new());
    assert_eq!(log(vec![confirmed(&consent), reconciled(), passed(&consent)]), ["permits"]);
    // What did not hold any more is rightly refused.
    assert_eq!(log(vec![no_consent()]), Vec::<&str>::new());
    let waiting =
        [recorded(&consent), passed(&consent), reconciled(), handed_out(1, &consent, &label)];
    assert_eq!(faults(&waiting), ["permits"]);
}

#[test]
fn an_operator_brings_back_revocations_and_holds() {
    let (first, second) = (both(), both());
    let lost = consent(Some(&second), vec![grant(&["termine"])]);
    let mut replayed = revoked(&lost);
    replayed.actor = None;
    let event = v1::HoldPlaced { reason: "restored".to_owned(), ..Default::default() };
    let hold = Entry::of(Event::HoldPlaced(event));
    let log = [recorded(&first), replayed, reconciled(), hold.clone(), hold.about('p')];
    assert_eq!(faults(&log), Vec::<&str>::new());
    let late = [&log[..], &[accepted(&first, &dates())]].concat();
    assert_eq!(faults(&late), ["revoked consents", "permits"]);
}

#[test]
fn a_hand_out_that_a_broker_or_a_forwarder_hides_is_missed() {
    let hidden = some(&course(), 0, |number| number != 3);
    let report = hidden.verify(&log_key());
    assert!(report.is_sound() && !report.complete, "{report}");
    assert!(detail(&report, "completeness").starts_with("17 of 18 records"));
    let report = hidden.check(&Expectations::new(&log_key()).complete());
    assert_eq!(failed(&report), ["completeness"]);
    assert!(detail(&report, "completeness").contains("first gap is at 3"));
    let end = some(&course(), 1, |_| true).check(&Expectations::new(&log_key()).complete());
    assert!(detail(&end, "completeness").contains("first gap is at 18"));
}

#[test]
fn a_permit_needs_a_consent_that_was_recorded_before() {
    let (consent, label) = (both(), dates());
    let backdated =
        [accepted(&consent, &label), handed_out(0, &consent, &label), recorded(&consent)];
    assert_eq!(faults(&backdated), ["permits"]);
    // Among other records the consent may be one of them.
    assert_eq!(faults_among_others(&backdated), Vec::<&str>::new());
    let report = some(&backdated, 5, |_| true).verify(&log_key());
    assert!(detail(&report, "permits").contains("2 not recomputed"), "{report}");
    let mut secret = recorded(&consent);
    (secret.document, secret.document_signature) = (Vec::new(), None);
    assert_eq!(faults(&[secret, accepted(&consent, &label)]), ["permits"]);
    let mut silent = accepted(&consent, &label);
    silent.findings = None;
    assert_eq!(faults(&[recorded(&consent), silent]), ["permits"]);
}

/// What must fail although it shows a consent that covers something else, or another time.
#[test]
fn a_permit_is_what_its_consent_says_at_that_instant() {
    let consent = both();
    let passed = |label: v1::Label| accepted(&consent, &label);
    let changed = |change: fn(&mut v1::Label)| {
        let mut label = dates();
        change(&mut label);
        vec![recorded(&consent), accepted(&consent, &label)]
    };
    let narrowed = crate::test_log::consent(Some(&consent), vec![grant(&["gesundheit"])]);
    let out = || handed_out(1, &consent, &dates());
    let wrong: Vec<(&str, Vec<Entry>)> = vec![
        ("category", changed(|label| label.categories.push("wohnen".to_owned()))),
        ("purpose", changed(|label| label.purpose = "unterlagen".to_owned())),
        ("recipient", changed(|label| label.recipient = Some(address(DRV, "zentrale")))),
        ("sender", changed(|label| label.sender = Some(address(DRV, "zentrale")))),
        ("early", vec![recorded(&consent).at(START_MS - 9), passed(dates()).at(START_MS - 1)]),
        ("expired", vec![recorded(&consent), passed(dates()).at(START_MS + GRANT_MS)]),
        ("suspended", vec![recorded(&consent), passed(dates()), suspended(&consent), out()]),
        ("restricted", vec![recorded(&consent), passed(dates()), restricted(true), out()]),
        ("narrowed", vec![recorded(&consent), passed(dates()), recorded(&narrowed), out()]),
        ("grant", vec![recorded(&consent), passed(dates()).findings(|f| f.grant_index = 1)]),
        (
            "hash",
            vec![
                recorded(&consent),
                passed(dates()).findings(|f| f.document_hash = Bytes::from_static(&[0; 32])),
            ],
        ),
        ("reason", vec![recorded(&consent), passed(dates()).findings(|f| f.deny_reason = 2)]),
        ("person", vec![recorded(&consent), passed(dates()).about('q')]),
    ];
    for (what, entries) in wrong {
        assert_eq!(faults(&entries), ["permits"], "{what}");
        assert_eq!(faults_among_others(&entries), ["permits"], "{what}");
    }
    let begun = Entry::of(Event::ErasureBegun(v1::ErasureBegun::default())).about('p');
    assert_eq!(faults(&[recorded(&consent), passed(dates()), begun, out()]), ["permits"]);
    let mut alias = out();
    let Event::HandedOut(event) = &mut alias.event else { unreachable!() };
    event.consent_reference = Bytes::from_static(CONSENT);
    assert_eq!(faults(&[recorded(&consent), passed(dates()), alias]), ["permits"]);
    let last = passed(dates()).at(START_MS + GRANT_MS - 1);
    assert_eq!(faults(&[recorded(&consent), last]), Vec::<&str>::new());
}

#[test]
fn a_refusal_of_what_was_covered_is_found_in_a_complete_file() {
    let consent = both();
    let refused = |reason| vec![recorded(&consent), refused(&dates(), reason)];
    assert_eq!(faults(&refused(v1::DenyReason::NoConsent)), ["permits"]);
    assert_eq!(faults(&refused(v1::DenyReason::Unspecified)), ["permits"]);
    assert_eq!(faults(&refused(v1::DenyReason::NotAllCovered)), Vec::<&str>::new());
    assert_eq!(faults_among_others(&refused(v1::DenyReason::NoConsent)), Vec::<&str>::new());
    let mut other = refused(v1::DenyReason::NoConsent);
    other[1].participant = crate::test_log::reference('q');
    assert_eq!(faults(&other), Vec::<&str>::new());
}

#[test]
fn revisions_form_a_chain_and_documents_name_the_newest() {
    let first = both();
    let second = consent(Some(&first), vec![grant(&["termine"])]);
    let mut broken = second.clone();
    broken.previous_hash = Bytes::from_static(&[5; 32]);
    let mut early = first.clone();
    early.previous_hash = Bytes::from_static(&[5; 32]);
    let mut agencies = recorded(&first);
    let Event::ConsentRecorded(event) = &mut agencies.event else { unreachable!() };
    event.agencies.pop();
    let wrong: [(&str, Vec<Entry>); 8] = [
        ("chain", vec![recorded(&first), recorded(&broken)]),
        ("first", vec![recorded(&early)]),
        ("again", vec![recorded(&first), recorded(&first)]),
        ("back", vec![recorded(&first), recorded(&second), recorded(&first)]),
        ("revived", vec![recorded(&first), revoked(&first), recorded(&second)]),
        ("revocation", vec![recorded(&first), recorded(&second), revoked(&first)]),
        ("confirmation", vec![recorded(&first), recorded(&second), confirmed(&first)]),
        ("agencies", vec![agencies]),
    ];
    for (what, entries) in wrong {
        assert_eq!(faults_among_others(&entries), ["consents"], "{what}");
    }
    // The revision before is missing: in the whole log it would be there.
    assert_eq!(faults_among_others(&[recorded(&second)]), Vec::<&str>::new());
    assert_eq!(faults(&[recorded(&second)]), ["consents"]);
    assert_eq!(faults(&[revoked(&first)]), ["consents"]);
    let mut other = revoked(&first);
    let Event::ConsentRevoked(event) = &mut other.event else { unreachable!() };
    event.consent_id = Bytes::from_static(&[8; 16]);
    assert_eq!(faults_among_others(&[other]), ["consents"]);
    // Replayed after a restore that lost the revision.
    let mut replayed = revoked(&second);
    replayed.actor = None;
    assert_eq!(faults(&[recorded(&first), replayed]), Vec::<&str>::new());
}

/// Signatures of consents, with certificates of a generated installation.
#[test]
fn consents_are_signed_by_a_lotse_of_the_agency_that_recorded_them() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    let now_ms = SystemClock.now_ms();
    let plan = schleuse_certs_dev::Plan::demonstration(u64::try_from(now_ms).unwrap());
    schleuse_certs_dev::generate(&plan, &pki).unwrap();
    let trust = TrustAnchors::load(&pki.join("trust.toml")).unwrap().trust;
    let signer = |agency: &str, name: &str| {
        let stem = pki.join("agencies").join(agency).join(name);
        Signer::load(&stem.with_extension("pem"), &stem.with_extension("key")).unwrap()
    };
    let lotse = signer(LOTSENSTELLE, "lotse-l-01");
    let sound = |signer: &Signer, agency: &str, time_ms: i64| {
        let document = both();
        let mut entry = recorded(&document).by(agency, "lotse").at(time_ms);
        let signed = consent_signed_bytes(&document.encode_to_vec());
        entry.document_signature = Some(signer.sign(&signed).unwrap());
        failed(&whole(&[entry]).verify_signatures(&log_key(), &trust))
    };
    assert_eq!(sound(&lotse, LOTSENSTELLE, now_ms), Vec::<&str>::new());
    assert_eq!(sound(&lotse, DRV, now_ms), ["signatures"]);
    assert_eq!(sound(&lotse, LOTSENSTELLE, now_ms + 400 * 24 * 3_600_000), ["signatures"]);
    assert_eq!(sound(&signer(DRV, "system"), DRV, now_ms), ["signatures"]);

    // No hash of the log covers this certificate, and its issuer did not sign its frame.
    let document = both();
    let mut entry = recorded(&document).by(LOTSENSTELLE, "lotse").at(now_ms);
    let signature = lotse.sign(&consent_signed_bytes(&document.encode_to_vec())).unwrap();
    let length = signature.certificate.len();
    for bit in (0..4 * 8).chain((length - 90) * 8..length * 8) {
        let mut certificate = signature.certificate.to_vec();
        certificate[bit / 8] ^= 1 << (bit % 8);
        let certificate = certificate.into();
        entry.document_signature = Some(v1::Signature { certificate, ..signature.clone() });
        let report = whole(std::slice::from_ref(&entry)).verify_signatures(&log_key(), &trust);
        assert_eq!(failed(&report), ["signatures"], "bit {bit}");
    }

    // A revocation that an operator replayed counts from when the Lotse signed it.
    let replayed = |signer: &Signer, signed_at_ms: i64| {
        let mut entry = revoked(&both()).at(now_ms);
        entry.actor = None;
        let Event::ConsentRevoked(event) = &mut entry.event else { unreachable!() };
        let mut document = v1::RevocationDocument::decode(event.document.clone()).unwrap();
        document.signed_at_ms = signed_at_ms;
        event.document = document.encode_to_vec().into();
        let signed = schleuse_proto::evidence::revocation_signed_bytes(&event.document);
        event.signature = Some(signer.sign(&signed).unwrap());
        failed(&some(&[entry], 5, |_| true).verify_signatures(&log_key(), &trust))
    };
    assert_eq!(replayed(&lotse, now_ms), Vec::<&str>::new());
    assert_eq!(replayed(&lotse, START_MS - 900 * 24 * 3_600_000), ["signatures"]);
    assert_eq!(replayed(&signer(DRV, "system"), now_ms), ["signatures"]);
}

#[test]
fn a_log_of_another_key_is_not_believed() {
    let other = log_key().replace("schleuse.example", "other.example");
    let bundle = whole(&course());
    assert!(!bundle.verify(&other).is_sound());
    assert!(!bundle.verify("").is_sound());
    assert!(Bundle::from_json(b"{}").is_err());
}
