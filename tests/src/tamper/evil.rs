//! An evil broker: it holds the log's key, rewrites what happened and signs it anew.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use schleuse_broker::journal::checkpoint::CheckpointSigner;
use schleuse_proto::evidence::sha256;
use schleuse_proto::skeleton::{Skeleton, commitment, leaf_hash};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use super::{Desk, bytes, entry};
use crate::raw;

/// A record as an evil broker may change it; the row has its findings and document.
#[derive(Clone)]
struct Record {
    skeleton: Skeleton,
    entry: v1::LogEntry,
    row: Value,
}

impl Record {
    fn of(row: &Value) -> Self {
        let skeleton = bytes(row, "skeleton").as_slice().try_into().unwrap();
        let skeleton = Skeleton::decode(&skeleton).unwrap();
        Self { skeleton, entry: entry(row), row: row.clone() }
    }

    fn event(&mut self) -> &mut Event {
        self.entry.event.as_mut().unwrap()
    }

    /// A record of the broker itself, made from another, with a number that nothing names.
    fn followed_by(&self, kind: v1::RecordType, event: Event) -> Self {
        let mut record = self.clone();
        record.become_event(kind, event);
        record.row["participant_reference"] = json!("");
        record.row["erased"] = json!(false);
        record.skeleton.number = u64::MAX;
        record
    }

    /// Nothing but the skeleton is left.
    fn erase(&mut self) {
        let gone = ["salt", "body", "findings", "findings_salt", "document"];
        for field in gone.into_iter().chain(["participant_reference"]) {
            self.row[field] = json!("");
        }
        self.row["document_signature"] = json!({ "certificate": "", "value": "" });
        self.row["erased"] = json!(true);
        self.entry = v1::LogEntry::default();
    }

    /// Another event in its place, caused by the broker itself.
    fn become_event(&mut self, kind: v1::RecordType, event: Event) {
        self.skeleton.record_type = u8::try_from(i32::from(kind)).unwrap();
        self.entry = v1::LogEntry { actor: None, event: Some(event) };
        self.row["document"] = json!("");
        self.row["document_signature"] = json!({ "certificate": "", "value": "" });
    }

    fn change_findings(&mut self, change: impl FnOnce(&mut v1::Findings)) {
        let mut findings = v1::Findings::decode(bytes(&self.row, "findings").as_slice()).unwrap();
        change(&mut findings);
        self.row["findings"] = json!(STANDARD.encode(findings.encode_to_vec()));
    }

    /// Commits to it anew, under a number; the row and its leaf hash.
    fn commit(mut self, number: u64, time_ms: u64) -> (Value, [u8; 32]) {
        let salt = |row: &Value, field: &str| bytes(row, field).try_into().unwrap();
        let body = self.entry.encode_to_vec();
        if self.row["erased"] == false {
            let findings = bytes(&self.row, "findings");
            self.skeleton.body_commitment = commitment(&salt(&self.row, "salt"), &body);
            self.skeleton.findings_commitment =
                commitment(&salt(&self.row, "findings_salt"), &findings);
            self.row["body"] = json!(STANDARD.encode(body));
        }
        (self.skeleton.number, self.skeleton.time_ms) = (number, time_ms);
        let encoded = self.skeleton.encode();
        self.row["record_number"] = json!(number);
        self.row["skeleton"] = json!(STANDARD.encode(encoded));
        (self.row, leaf_hash(&encoded))
    }
}

/// Records as an evil broker may change them.
type Records = Vec<Record>;
type Change<'a> = &'a dyn Fn(&mut Records);

/// Commits to the records anew, as only the broker can: commitments, leaves, root, signature. Messages and runs are
/// named by the numbers that their records get.
fn sign(export: &Value, signer: &CheckpointSigner, records: Records) -> Value {
    let numbers: HashMap<u64, u64> = records.iter().map(|r| r.skeleton.number).zip(0..).collect();
    let (mut rows, mut leaves, mut time_ms) = (Vec::new(), Vec::new(), 0);
    for (mut record, number) in records.into_iter().zip(0..) {
        let message = match record.entry.event.as_mut() {
            Some(Event::HandedOut(event)) => Some(&mut event.message_number),
            Some(Event::StageReported(event)) => Some(&mut event.message_number),
            Some(Event::MessageStopped(event)) => Some(&mut event.message_number),
            Some(Event::RunApproved(event)) => Some(&mut event.run_number),
            Some(Event::ErasureBegun(event)) => Some(&mut event.run_number),
            Some(Event::RecordsErased(event)) => Some(&mut event.run_number),
            _ => None,
        };
        if let Some(message) = message {
            *message = numbers.get(message).copied().unwrap_or(*message);
        }
        time_ms = record.skeleton.time_ms.max(time_ms);
        let (row, leaf) = record.commit(number, time_ms);
        rows.push(row);
        leaves.push(leaf);
    }
    let note = signer.sign(leaves.len() as u64, &crate::log_root(&leaves)).unwrap();
    let mut export = export.clone();
    export["rows"] = rows.into();
    export["leaf_hashes"] = STANDARD.encode(leaves.concat()).into();
    export["checkpoint"] = STANDARD.encode(note).into();
    export
}

/// A broker that holds the log's key rewrites what happened.
pub(super) fn evil_broker(desk: &mut Desk<'_>, export: &Value, signer: &CheckpointSigner) {
    let records: Records = export["rows"].as_array().unwrap().iter().map(Record::of).collect();
    let last = records.last().unwrap().skeleton.number;
    assert_eq!(records.len() as u64, last + 1, "the whole log");
    let forged = |change: Change<'_>| {
        let mut records = records.clone();
        change(&mut records);
        sign(export, signer, records)
    };
    let honest = serde_json::to_vec(&forged(&|_| ())).unwrap();
    assert_eq!(desk.failed(&honest, true), Vec::<&str>::new());

    for (what, change) in TRUTHS {
        let json = serde_json::to_vec(&forged(change)).unwrap();
        assert_eq!(desk.failed(&json, true), Vec::<&str>::new(), "{what}");
        desk.keep(&json);
    }
    for (what, expected, change) in LIES {
        let failed = desk.must_fail(what, &forged(change), true);
        assert!(failed.contains(expected), "{what}: found by {failed:?}, not by {expected}");
    }
}

/// What is not found, and how it is written.
type Truth = (&'static str, fn(&mut Records));

/// What else an honest broker may have written, so that no check finds anything.
const TRUTHS: &[Truth] = &[
    ("a participant who was erased", |records| {
        erased_participant(records);
        erase_by(records, v1::ErasureGround::Participant, 2);
    }),
    ("an erasure of two parts, with a query between them", |records| {
        erased_participant(records);
        let number = records.len() as u64 - 2;
        list(records, v1::ErasureGround::Participant, number, 1);
        let queried = Event::LogQueried(v1::LogQueried::default());
        push(records, v1::RecordType::LogQueried, queried);
        list(records, v1::ErasureGround::Participant, number, 2);
    }),
    ("an erasure that goes on", |records| {
        erased_participant(records);
        let number = records.len() as u64 - 2;
        records.pop();
        push_begun(records);
        records.last_mut().unwrap().row["participant_reference"] = json!("");
        list(records, v1::ErasureGround::Participant, number, 1);
    }),
    ("a hold of the operator after a reconciliation", |records| {
        push(records, v1::RecordType::LogReconciled, Event::LogReconciled(Default::default()));
        push(records, v1::RecordType::HoldPlaced, Event::HoldPlaced(Default::default()));
    }),
];

/// What a lie is called, which check names it, and how it is told.
type Lie = (&'static str, &'static str, fn(&mut Records));

/// Lies, each with the check that must find it.
const LIES: &[Lie] = &[
    ("a message of another purpose", "signatures", |records| {
        let Event::MessageDecided(decided) = decision(records).event() else { unreachable!() };
        let mut label = v1::Label::decode(decided.label.clone()).unwrap();
        label.purpose = "rueckmeldung".into();
        decided.label = label.encode_to_vec().into();
    }),
    ("a yes to a question that nothing covered", "permits", |records| {
        asked(records, false).1.covered = true;
    }),
    ("a no to a question that a consent covered", "permits", |records| {
        let (place, event) = asked(records, true);
        event.covered = false;
        records[place].change_findings(|findings| {
            *findings = v1::Findings::default();
            findings.set_deny_reason(v1::DenyReason::NoConsent);
        });
    }),
    ("a message about somebody as one about nobody", "permits", |records| {
        let record = decision(records);
        let Event::MessageDecided(decided) = record.event() else { unreachable!() };
        decided.without_participant = true;
        record.change_findings(|findings| *findings = v1::Findings::default());
        record.row["participant_reference"] = json!("");
    }),
    ("a hand-out about somebody as one about nobody", "hand-outs", |records| {
        let record = hand_out(records);
        let Event::HandedOut(event) = record.event() else { unreachable!() };
        event.without_participant = true;
        event.consent_reference = bytes::Bytes::new();
        record.change_findings(|findings| *findings = v1::Findings::default());
        record.row["participant_reference"] = json!("");
    }),
    ("a message about nobody of a purpose that needs a consent", "permits", |records| {
        let started = place(records, |event| matches!(event, Event::BrokerStarted(_)));
        let Event::BrokerStarted(event) = records[started].event() else { unreachable!() };
        event.purposes_without_participant.clear();
    }),
    ("a message about nobody on a consent", "permits", |records| {
        let nobody = |event: &Event| matches!(event, Event::MessageDecided(event) if event.without_participant);
        let place = place(records, nobody);
        let Event::MessageDecided(event) = records[place].event() else { unreachable!() };
        event.without_participant = false;
        records[place].change_findings(|findings| findings.consent_id = vec![1; 16].into());
    }),
    ("a hand-out to another agency", "hand-outs", |records| {
        let Event::HandedOut(event) = hand_out(records).event() else { unreachable!() };
        event.recipient = Some(raw::address(raw::BEZIRK, "zentrale"));
    }),
    ("a hand-out of one more category", "permits", |records| {
        let Event::HandedOut(event) = hand_out(records).event() else { unreachable!() };
        event.categories.push("wohnen".into());
    }),
    ("a hand-out after the message was stopped", "stopped messages", |records| {
        let stopped = place(records, |event| matches!(event, Event::MessageStopped(_)));
        let Event::MessageStopped(event) = records[stopped].event() else { unreachable!() };
        let message_number = event.message_number;
        again(records, &|event| {
            event.message_number = message_number;
            event.consent_reference = bytes::Bytes::from_static(&[0; 16]);
        });
    }),
    ("a hand-out under a revoked consent", "revoked consents", |records| {
        again(records, &|event| event.message_number = 1_000);
    }),
    ("a revocation of another consent", "consents", |records| {
        let revoked = place(records, |event| matches!(event, Event::ConsentRevoked(_)));
        let Event::ConsentRevoked(event) = records[revoked].event() else { unreachable!() };
        event.consent_id = bytes::Bytes::from_static(&[3; 16]);
    }),
    ("a consent that came after what it covers", "permits", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        let consent = records.remove(recorded);
        let behind = place(records, |event| matches!(event, Event::HandedOut(_))) + 1;
        records.insert(behind, consent);
    }),
    ("a hand-out under a suspended consent", "permits", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        let mut suspended = records[recorded].clone();
        let Event::ConsentRecorded(event) = suspended.event() else { unreachable!() };
        let (consent_id, revision) = (event.consent_id.clone(), event.revision);
        let event = v1::ConsentSuspended { consent_id, revision, reason: 0 };
        let event = Event::ConsentSuspended(event);
        suspended.become_event(v1::RecordType::ConsentSuspended, event);
        // A number of its own, so that nothing names it.
        suspended.skeleton.number = u64::MAX;
        records.insert(recorded + 1, suspended);
    }),
    ("a hand-out under another grant", "permits", |records| {
        hand_out(records).change_findings(|findings| findings.grant_index += 1);
    }),
    ("a consent with another document", "records", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        let mut document =
            v1::ConsentDocument::decode(bytes(&records[recorded].row, "document").as_slice())
                .unwrap();
        document.review_by_ms += 1;
        records[recorded].row["document"] = json!(STANDARD.encode(document.encode_to_vec()));
    }),
    ("a consent that nobody signed", "signatures", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        let record = &mut records[recorded];
        let mut document =
            v1::ConsentDocument::decode(bytes(&record.row, "document").as_slice()).unwrap();
        document.review_by_ms += 1;
        let document = document.encode_to_vec();
        record.row["document"] = json!(STANDARD.encode(&document));
        let Event::ConsentRecorded(event) = record.event() else { unreachable!() };
        event.document_hash = sha256(&[&document]).to_vec().into();
    }),
    ("a refusal of what is covered", "permits", |records| {
        let record = decision(records);
        let Event::MessageDecided(event) = record.event() else { unreachable!() };
        event.accepted = false;
        record.change_findings(|findings| {
            *findings = v1::Findings::default();
            findings.set_deny_reason(v1::DenyReason::NoConsent);
        });
    }),
    ("an erasure that its proposer approved", "runs", |records| {
        let record = approved(records);
        let Event::RunApproved(event) = record.event() else { unreachable!() };
        let proposed_by = event.proposed_by.clone();
        record.entry.actor = proposed_by;
    }),
    ("an erasure that somebody without a name approved", "runs", |records| {
        approved(records).entry.actor.as_mut().unwrap().person.clear();
    }),
    ("an erasure that nobody approved", "runs", |records| {
        let place = place(records, |event| matches!(event, Event::RunApproved(_)));
        let queried = Event::LogQueried(v1::LogQueried::default());
        records[place].become_event(v1::RecordType::LogQueried, queried);
    }),
    ("an erasure that was approved afterwards", "runs", |records| {
        let place = place(records, |event| matches!(event, Event::RunApproved(_)));
        let approved = records.remove(place);
        records.push(approved);
    }),
    ("an erasure by a run that had lapsed", "runs", |records| {
        approved(records).skeleton.time_ms += 14 * 24 * 3_600_000;
    }),
    ("an erasure of another run", "runs", |records| {
        let place = place(records, |event| matches!(event, Event::RecordsErased(_)));
        let Event::RecordsErased(event) = records[place].event() else { unreachable!() };
        event.run_number += 1;
    }),
    ("a run that nobody proposed", "runs", |records| {
        let Event::RunApproved(event) = approved(records).event() else { unreachable!() };
        event.run_number += 1;
    }),
    ("a record that was erased in secret", "erased", |records| {
        hand_out(records).erase();
    }),
    ("a consent that retention took", "erased", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        records[recorded].erase();
        list(records, v1::ErasureGround::Retention, recorded as u64, 1);
    }),
    ("a permit whose consent retention took", "permits", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        records[recorded].erase();
        list(records, v1::ErasureGround::Retention, recorded as u64, 1);
    }),
    ("a revocation that was erased on its own", "erased", |records| {
        let revoked = place(records, |event| matches!(event, Event::ConsentRevoked(_)));
        records[revoked].erase();
        list(records, v1::ErasureGround::Participant, revoked as u64, 1);
    }),
    ("a revocation that was erased after a participant", "erased", |records| {
        let revoked = place(records, |event| matches!(event, Event::ConsentRevoked(_)));
        records[revoked].erase();
        erased_participant(records);
        erase_by(records, v1::ErasureGround::Participant, 2);
        list(records, v1::ErasureGround::Participant, revoked as u64, 1);
    }),
    ("an erasure that never began", "erased", |records| {
        erased_participant(records);
        records.pop();
        erase_by(records, v1::ErasureGround::Participant, 1);
    }),
    ("a reconciliation that was erased with a participant", "erased", |records| {
        push(records, v1::RecordType::LogReconciled, Event::LogReconciled(Default::default()));
        records.last_mut().unwrap().erase();
        let reconciled = records.pop().unwrap();
        erased_participant(records);
        records.insert(records.len() - 1, reconciled);
        erase_by(records, v1::ErasureGround::Participant, 3);
    }),
    ("a hand-out of a message that was erased", "stopped messages", |records| {
        let is =
            |event: &Event| matches!(event, Event::MessageDecided(decided) if decided.accepted);
        let number = place(records, is) as u64;
        records[number as usize].erase();
        list(records, v1::ErasureGround::Retention, number, 1);
        again(records, &|event| event.message_number = number);
    }),
    ("a hand-out of a message that had expired", "hand-outs", |records| {
        let Event::MessageDecided(decided) = decision(records).event() else { unreachable!() };
        let label = v1::Label::decode(decided.label.clone()).unwrap();
        hand_out(records).skeleton.time_ms = label.expires_at_ms.try_into().unwrap();
    }),
    ("a hand-out after a reconciliation", "permits", |records| {
        let event = Event::LogReconciled(v1::LogReconciled::default());
        let record = records[0].followed_by(v1::RecordType::LogReconciled, event);
        let behind = place(records, |event| matches!(event, Event::ConsentRecorded(_))) + 1;
        records.insert(behind, record);
    }),
    ("a consent of nobody", "participants", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        records[recorded].row["participant_reference"] = json!("");
    }),
    ("a hand-out about nobody", "participants", |records| {
        hand_out(records).row["participant_reference"] = json!("");
    }),
    ("a consent that the Lotse signed for another", "participants", |records| {
        let recorded = place(records, |event| matches!(event, Event::ConsentRecorded(_)));
        let mut other = records[recorded].clone();
        other.skeleton.number = u64::MAX;
        other.row["participant_reference"] = json!("a".repeat(26));
        records.push(other);
    }),
];

/// Adds a record of the broker itself at the end.
fn push(records: &mut Records, kind: v1::RecordType, event: Event) {
    let record = records[0].followed_by(kind, event);
    records.push(record);
}

/// Adds what is left of somebody: the registration and the record in which the erasure began.
fn erased_participant(records: &mut Records) {
    approve_run(records);
    let registered = v1::ParticipantRegistered::default();
    let registered = Event::ParticipantRegistered(registered);
    push(records, v1::RecordType::ParticipantRegistered, registered);
    records.last_mut().unwrap().erase();
    push_begun(records);
    records.last_mut().unwrap().erase();
}

fn push_begun(records: &mut Records) {
    let begun = v1::ErasureBegun { run_number: RUN };
    push(records, v1::RecordType::ErasureBegun, Event::ErasureBegun(begun));
}

/// Number of a run of the retention, until it gets the one of its place.
const RUN: u64 = u64::MAX - 1;

fn officer(person: &str) -> Option<v1::Actor> {
    let (agency, role) = ("projekt".to_owned(), "dpo".to_owned());
    Some(v1::Actor { agency, role, person: person.to_owned(), ..v1::Actor::default() })
}

/// Adds a run of the retention that two persons proposed and approved, if there is none.
fn approve_run(records: &mut Records) {
    if records.iter().any(|record| record.skeleton.number == RUN) {
        return;
    }
    let kind = v1::RunKind::Retention.into();
    let proposed = v1::RunProposed { kind, reason: "what is due".to_owned() };
    push(records, v1::RecordType::RunProposed, Event::RunProposed(proposed));
    let record = records.last_mut().unwrap();
    (record.skeleton.number, record.entry.actor) = (RUN, officer("d-01"));
    let approved = v1::RunApproved { run_number: RUN, kind, proposed_by: officer("d-01") };
    push(records, v1::RecordType::RunApproved, Event::RunApproved(approved));
    records.last_mut().unwrap().entry.actor = officer("d-02");
}

/// The record in which the first run was approved.
fn approved(records: &mut Records) -> &mut Record {
    let place = place(records, |event| matches!(event, Event::RunApproved(_)));
    &mut records[place]
}

/// Adds a record that lists records as erased, by the places that they have now.
fn list(records: &mut Records, ground: v1::ErasureGround, first: u64, count: u64) {
    approve_run(records);
    let ranges = vec![v1::RecordRange { first, count }];
    let event = v1::RecordsErased { ground: ground.into(), ranges, run_number: RUN };
    push(records, v1::RecordType::RecordsErased, Event::RecordsErased(event));
}

/// Lists the last records as erased.
fn erase_by(records: &mut Records, ground: v1::ErasureGround, count: u64) {
    let first = records.len() as u64 - count;
    list(records, ground, first, count);
}

fn place(records: &Records, is: impl Fn(&Event) -> bool) -> usize {
    let found = records.iter().position(|record| record.entry.event.as_ref().is_some_and(&is));
    found.expect("the case has such an event")
}

/// The first decision that accepted.
fn decision(records: &mut Records) -> &mut Record {
    let is = |event: &Event| matches!(event, Event::MessageDecided(decided) if decided.accepted);
    let place = place(records, is);
    &mut records[place]
}

/// The first question with this answer.
fn asked(records: &mut Records, covered: bool) -> (usize, &mut v1::CoverageAsked) {
    let is =
        |event: &Event| matches!(event, Event::CoverageAsked(asked) if asked.covered == covered);
    let place = place(records, is);
    let Event::CoverageAsked(event) = records[place].event() else { unreachable!() };
    (place, event)
}

/// The first hand-out.
fn hand_out(records: &mut Records) -> &mut Record {
    let place = place(records, |event| matches!(event, Event::HandedOut(_)));
    &mut records[place]
}

/// Adds another hand-out at the end, made from one that there is.
fn again(records: &mut Records, change: &dyn Fn(&mut v1::HandedOut)) {
    let mut record = hand_out(records).clone();
    record.skeleton.number = u64::MAX;
    let Event::HandedOut(event) = record.event() else { unreachable!() };
    change(event);
    records.push(record);
}
