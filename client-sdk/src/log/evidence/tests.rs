//! Tests of the module `evidence`.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::skeleton::{Skeleton, commitment};

use super::super::verify::tree_root;
use super::*;
use crate::test_log;

/// A record and its row: a decision on a message.
fn row(number: u64) -> v1::LogRow {
    let decided = v1::MessageDecided {
        accepted: number.is_multiple_of(2),
        catalogue_version: "2026-1".to_owned(),
        ..Default::default()
    };
    let entry = v1::LogEntry { actor: None, event: Some(Event::MessageDecided(decided)) };
    let body = entry.encode_to_vec();
    let skeleton = Skeleton {
        record_type: u8::try_from(i32::from(v1::RecordType::MessageDecided)).unwrap(),
        epoch: 1,
        number,
        time_ms: 1_790_000_000_000 + number,
        body_commitment: commitment(&[3; 16], &body),
        findings_commitment: [9; 32],
        private_commitment: [8; 32],
        payload_digest: [7; 32],
    };
    v1::LogRow {
        record_number: number,
        skeleton: Bytes::copy_from_slice(&skeleton.encode()),
        salt: Bytes::from_static(&[3; 16]),
        body: body.into(),
        ..Default::default()
    }
}

struct Stored(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// Evidence of some records of a log of `size` records, proven by the tile library.
fn evidence(size: u64, numbers: &[u64]) -> Evidence {
    let mut stored = Stored(Vec::new());
    let mut leaves = Vec::new();
    for number in 0..size {
        let leaf = LogRow::parse(row(number)).unwrap().leaf_hash();
        let hashes =
            tlog_tiles::stored_hashes_for_record_hash(number, tlog_tiles::Hash(leaf), &stored);
        stored.0.extend(hashes.unwrap());
        leaves.push(leaf);
    }
    let root = tree_root(&leaves.iter().collect::<Vec<_>>());
    let proofs = numbers.iter().map(|number| {
        let path = tlog_tiles::prove_record(size, *number, &stored).unwrap();
        let path = path.into_iter().map(|hash| Bytes::copy_from_slice(&hash.0)).collect();
        v1::InclusionProof { record_number: *number, path }
    });
    let response = v1::ReadOwnRecordsResponse {
        rows: numbers.iter().map(|number| row(*number)).collect(),
        proofs: proofs.collect(),
        checkpoint: test_log::sign(size, root).into(),
    };
    Evidence::new(&test_log::log_key(), response).unwrap()
}

#[test]
fn evidence_of_every_record_of_logs_of_many_sizes_holds() {
    for size in [1, 2, 3, 7, 8, 64, 65] {
        let numbers: Vec<u64> = (0..size).collect();
        let evidence = evidence(size, &numbers);
        let read = Evidence::from_json(&evidence.to_json().unwrap()).unwrap();
        assert_eq!(read, evidence);
        let report = read.verify(&test_log::log_key());
        assert!(report.is_sound(), "{report}");
        assert!(report.to_string().contains("catalogue 2026-1"), "{report}");
    }
}

/// Every byte of every value that is evidence: none can be changed unnoticed.
#[test]
fn no_bit_of_it_can_be_changed() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let sound = evidence(13, &[4, 11]);
    let json: serde_json::Value = serde_json::from_slice(&sound.to_json().unwrap()).unwrap();
    let places =
        ["/checkpoint", "/records/0/path", "/records/1/row/skeleton", "/records/1/row/salt"];
    let mut changes = 0;
    for place in places.into_iter().chain(["/records/0/row/body"]) {
        let value = json.pointer(place).unwrap().as_str().unwrap();
        let bytes = STANDARD.decode(value).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut tampered = json.clone();
            *tampered.pointer_mut(place).unwrap() = STANDARD.encode(changed).into();
            let tampered = Evidence::from_json(&serde_json::to_vec(&tampered).unwrap()).unwrap();
            let report = tampered.verify(&test_log::log_key());
            assert!(!report.is_sound(), "{place} bit {bit}: {report}");
            changes += 1;
        }
        for length in 0..bytes.len() {
            let mut tampered = json.clone();
            *tampered.pointer_mut(place).unwrap() = STANDARD.encode(&bytes[..length]).into();
            let tampered = Evidence::from_json(&serde_json::to_vec(&tampered).unwrap()).unwrap();
            assert!(!tampered.verify(&test_log::log_key()).is_sound(), "{place} cut at {length}");
        }
    }
    assert!(changes > 3_000, "{changes}");
}

#[test]
fn records_cannot_be_swapped_doubled_or_taken_from_another_log() {
    let sound = evidence(13, &[4, 11]);
    let changed = |change: fn(&mut Evidence)| {
        let mut evidence = sound.clone();
        change(&mut evidence);
        evidence.verify(&test_log::log_key()).is_sound()
    };
    assert!(changed(|_| ()));
    assert!(!changed(|evidence| evidence.records.swap(0, 1)));
    assert!(!changed(|evidence| evidence.records[1] = evidence.records[0].clone()));
    assert!(!changed(|evidence| evidence.records.clear()));
    assert!(!changed(|evidence| evidence.log_key.push('x')));
    assert!(!changed(|evidence| {
        let path = evidence.records[0].path.clone();
        evidence.records[0].path = std::mem::replace(&mut evidence.records[1].path, path);
    }));
    let mut other = evidence(14, &[4, 11]);
    other.checkpoint = sound.checkpoint.clone();
    assert!(!other.verify(&test_log::log_key()).is_sound());
    assert!(!sound.verify(&test_log::log_key().replace("example", "other")).is_sound());
}
