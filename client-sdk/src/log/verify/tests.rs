//! Tests of the module `verify`.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::skeleton::{SKELETON_BYTES, Skeleton, commitment, leaf_hash};
use schleuse_proto::v1;

use super::*;
use crate::ids::Receipt;
use crate::log::LogAnswer;
use crate::test_log;

const CONSENT: &[u8] = &[9; 16];
const AGENCY: &str = "drv";

/// The consent as its recipient knows it.
fn reference() -> Bytes {
    Bytes::copy_from_slice(&consent_reference(CONSENT, AGENCY))
}

fn decided(accepted: bool) -> Event {
    Event::MessageDecided(v1::MessageDecided { accepted, ..Default::default() })
}

fn handed_out(message_number: u64) -> Event {
    let consent_reference = reference();
    Event::HandedOut(v1::HandedOut { message_number, consent_reference, ..Default::default() })
}

fn stopped(message_number: u64) -> Event {
    Event::MessageStopped(v1::MessageStopped { message_number, ..Default::default() })
}

fn revoked() -> Event {
    let consent_id = Bytes::from_static(CONSENT);
    let agencies = vec!["bezirk".to_owned(), AGENCY.to_owned()];
    Event::ConsentRevoked(v1::ConsentRevoked { consent_id, agencies, ..Default::default() })
}

fn row(number: u64, event: Event) -> LogRow {
    let is_covered = matches!(&event, Event::MessageDecided(decided) if decided.accepted);
    let findings = if is_covered {
        v1::Findings { consent_id: Bytes::from_static(CONSENT), ..Default::default() }
    } else {
        v1::Findings { deny_reason: 2, ..Default::default() }
    };
    let entry = v1::LogEntry { actor: None, event: Some(event) };
    let body = entry.encode_to_vec();
    let kind = crate::log::describe::record_type(&entry).unwrap();
    let findings = findings.encode_to_vec();
    let skeleton = Skeleton {
        record_type: u8::try_from(i32::from(kind)).unwrap(),
        epoch: 1,
        number,
        time_ms: 1_790_000_000_000 + number,
        body_commitment: commitment(&[3; 16], &body),
        findings_commitment: commitment(&[4; 16], &findings),
        private_commitment: [0; 32],
        payload_digest: [0; 32],
    };
    LogRow::parse(v1::LogRow {
        record_number: number,
        skeleton: Bytes::copy_from_slice(&skeleton.encode()),
        salt: Bytes::from_static(&[3; 16]),
        body: body.into(),
        findings: findings.into(),
        findings_salt: Bytes::from_static(&[4; 16]),
        participant_reference: String::new(),
    })
    .unwrap()
}

/// A log of these events and of some more records that the query does not show.
fn bundle(events: Vec<Event>) -> Bundle {
    let rows: Vec<LogRow> = events.into_iter().zip(0..).map(|(event, n)| row(n, event)).collect();
    let mut leaves: Vec<Digest> = rows.iter().map(LogRow::leaf_hash).collect();
    leaves.extend((0..5_u8).map(|number| leaf_hash(&[number; SKELETON_BYTES])));
    let root = tree_root(&leaves.iter().collect::<Vec<_>>());
    let size = u64::try_from(leaves.len()).unwrap();
    let answer = LogAnswer {
        rows,
        receipt: Receipt { record_number: size - 1, leaf_hash: [0; 32] },
        checkpoint: test_log::sign(size, root).into(),
        truncated: false,
    };
    Bundle::new(&test_log::log_key(), &answer, leaves.concat())
}

fn sound() -> Bundle {
    bundle(vec![
        decided(true),
        handed_out(0),
        decided(true),
        decided(false),
        stopped(2),
        revoked(),
        decided(false),
    ])
}

fn failed(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
}

#[test]
fn a_sound_export_passes_also_after_its_way_through_a_file() {
    let bundle = sound();
    let read = Bundle::from_json(&bundle.to_json().unwrap()).unwrap();
    assert_eq!(read, bundle);
    let report = read.verify(&test_log::log_key());
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.rows, report.log_size), (7, 12));
    assert!(report.to_string().contains("sound"));
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
    let mut json: serde_json::Value = serde_json::from_slice(&sound().to_json().unwrap()).unwrap();
    change(&mut json);
    let bundle = Bundle::from_json(&serde_json::to_vec(&json).unwrap()).unwrap();
    bundle.verify(&test_log::log_key())
}

#[test]
fn every_tampering_fails_in_its_own_check() {
    let other = bundle(vec![decided(true), handed_out(0)]);
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
        assert_eq!(failed(&tampered(|json| json["rows"][1][field] = other.into())), ["records"]);
        assert_eq!(failed(&tampered(|json| json["rows"][1][field] = "".into())), ["records"]);
    }
    let report = tampered(|json| json["rows"][1]["record_number"] = 2.into());
    assert_eq!(failed(&report), ["records"]);
    let report = tampered(|json| json["rows"].as_array_mut().unwrap().swap(0, 1));
    assert!(failed(&report).contains(&"order"));
}

#[test]
fn a_row_that_was_never_in_the_log_is_found() {
    let forged = bundle(vec![revoked()]);
    let forged: serde_json::Value = serde_json::from_slice(&forged.to_json().unwrap()).unwrap();
    let report = tampered(|json| json["rows"][0] = forged["rows"][0].clone());
    assert!(failed(&report).contains(&"inclusion"));
}

#[test]
fn hand_outs_after_the_end_of_their_message_or_consent_are_found() {
    let late = |events| bundle(events).verify(&test_log::log_key());
    let accepted = || decided(true);
    let report = late(vec![accepted(), stopped(0), handed_out(0)]);
    assert_eq!(failed(&report), ["stopped messages"]);
    let report = late(vec![decided(false), handed_out(0)]);
    assert_eq!(failed(&report), ["stopped messages", "hand-outs"]);
    // Nothing that could be handed out: itself, a later record, a record that is no decision.
    for events in [vec![handed_out(0)], vec![handed_out(7)], vec![stopped(9), handed_out(0)]] {
        assert_eq!(failed(&late(events)), ["hand-outs"]);
    }
    let report = late(vec![accepted(), revoked(), handed_out(0)]);
    assert_eq!(failed(&report), ["revoked consents"]);
    let report = late(vec![revoked(), accepted()]);
    assert_eq!(failed(&report), ["revoked consents"]);
}

#[test]
fn a_log_of_another_key_is_not_believed() {
    let other = test_log::log_key().replace("schleuse.example", "other.example");
    assert!(!sound().verify(&other).is_sound());
    assert!(!sound().verify("").is_sound());
    assert!(Bundle::from_json(b"{}").is_err());
}
