//! The journal on a disk that crashes, fails, tears and rots.
//!
//! Upholds: ack-durable, fail-stop, append-only, and the recovery rules of `journal::recovery`.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use schleuse_broker::journal::checkpoint::CheckpointSigner;
use schleuse_broker::journal::segments::{Opened, SegmentJournal, Sizes};
use schleuse_broker::journal::{
    Contents, Journal as _, JournalError, JournalReader as _, NewRecord, fsck,
};
use schleuse_proto::evidence::sha256;

use crate::sim_disk::{Fault, SimDisk};

const FOLDER: &str = "/journal";
/// Small segments, so that a short run rolls over several of them.
const SIZES: Sizes =
    Sizes { segment_bytes: 16 * 1024, reserve_bytes: 16 * 1024, free_bytes_min: 0 };

struct Key(Vec<u8>);

impl Key {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec())
    }

    fn signer(&self) -> Arc<CheckpointSigner> {
        Arc::new(CheckpointSigner::new("crash.example/log", &self.0).unwrap())
    }
}

/// Opens the journal and returns all bodies in it.
fn open(disk: &SimDisk, key: &Key) -> Result<(Opened, Vec<Vec<u8>>), JournalError> {
    let mut bodies = Vec::new();
    let mut tag = 0_u8;
    let new_tag = move || {
        tag += 1;
        [tag; 16]
    };
    let opened = SegmentJournal::open(
        Arc::new(disk.clone()),
        Path::new(FOLDER),
        key.signer(),
        SIZES,
        Box::new(new_tag),
        &mut |record| {
            // Here nothing was ever erased: see `record::erasures` for who knows the rules.
            if record.contents != Contents::Whole {
                let (number, why) = (record.skeleton.number, "not whole".to_owned());
                return Err(JournalError::Missing { number, why });
            }
            bodies.push(record.body.to_vec());
            Ok(())
        },
    )?;
    Ok((opened, bodies))
}

fn record(number: u64) -> NewRecord {
    let payload = Bytes::from(vec![number as u8; (number as usize * 37) % 900]);
    let payload_digest = if payload.is_empty() { [0; 32] } else { sha256(&[&payload]) };
    NewRecord {
        record_type: 8,
        time: number,
        body: format!("body of record {number}").into_bytes(),
        findings: vec![number as u8; (number as usize) % 5],
        private: vec![number as u8; 16],
        payload,
        payload_digest,
        salts: [[1; 16], [2; 16], [3; 16]],
    }
}

fn bodies(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| record(number).body).collect()
}

/// Appends groups of one to four records until there are `until`; returns how many are acknowledged.
fn fill(opened: &mut Opened, from: u64, until: u64) -> (u64, bool) {
    let mut acknowledged = from;
    while acknowledged < until {
        let group = 1 + acknowledged % 4;
        let records = (acknowledged..acknowledged + group).map(record).collect();
        match opened.journal.append(records) {
            Ok(commit) => {
                acknowledged += group;
                assert_eq!(commit.size(), acknowledged);
            }
            Err(_) => return (acknowledged, false),
        }
    }
    (acknowledged, true)
}

const RECORDS: u64 = 60;

/// Every operation of a run is once the one at which the machine stops, with several ways in which
/// unsynced sectors survive.
#[test]
fn a_crash_at_any_operation_loses_nothing_acknowledged() {
    let key = Key::new();
    let whole = SimDisk::default();
    let (mut opened, _) = open(&whole, &key).unwrap();
    fill(&mut opened, 0, RECORDS);
    let (mut crashes, mut torn) = (0, 0);
    for operation in 1..=whole.operations() {
        for seed in 0..4 {
            let disk = SimDisk::default();
            disk.fail_at(operation, Fault::Crash);
            let acknowledged = match open(&disk, &key) {
                Ok((mut opened, _)) => fill(&mut opened, 0, RECORDS).0,
                Err(_) => 0,
            };
            disk.reboot(operation * 100 + seed);
            let (mut opened, found) = open(&disk, &key)
                .unwrap_or_else(|error| panic!("operation {operation}, seed {seed}: {error}"));
            let size = found.len() as u64;
            let in_flight = 1 + acknowledged % 4;
            assert!(
                size == acknowledged || size == acknowledged + in_flight,
                "operation {operation}, seed {seed}: {acknowledged} acknowledged, {size} found"
            );
            assert_eq!(found, bodies(size));
            torn += u64::from(opened.was_torn);
            crashes += 1;
            let (more, _) = fill(&mut opened, size, size + 8);
            drop(opened);
            let (_, found) = open(&disk, &key).unwrap();
            assert_eq!(found, bodies(more));
        }
    }
    assert!(crashes > 400 && torn > 20, "{crashes} crashes, {torn} torn tails");
}

/// INVARIANT (fail-stop): after the first failed write or sync nothing is acknowledged; what was
/// acknowledged before is there afterwards.
#[test]
fn an_error_at_any_operation_is_never_acknowledged() {
    let key = Key::new();
    let whole = SimDisk::default();
    let (mut opened, _) = open(&whole, &key).unwrap();
    let begin = whole.operations();
    fill(&mut opened, 0, RECORDS);
    let mut failed = 0;
    for operation in begin + 1..=whole.operations() {
        let disk = SimDisk::default();
        let (mut opened, _) = open(&disk, &key).unwrap();
        disk.fail_at(operation, Fault::Error);
        let (acknowledged, all) = fill(&mut opened, 0, RECORDS);
        if all {
            continue;
        }
        failed += 1;
        drop(opened);
        disk.reboot(operation);
        let (_, found) = open(&disk, &key).unwrap();
        assert!(found.len() as u64 >= acknowledged, "operation {operation}");
        assert_eq!(found, bodies(found.len() as u64));
    }
    assert!(failed > 50, "{failed} operations failed");
}

fn filled(key: &Key) -> SimDisk {
    let disk = SimDisk::default();
    let (mut opened, _) = open(&disk, key).unwrap();
    fill(&mut opened, 0, RECORDS);
    disk
}

fn segments(disk: &SimDisk) -> Vec<std::path::PathBuf> {
    use schleuse_broker::journal::disk::Disk as _;
    let names = disk.list(Path::new(FOLDER)).unwrap();
    let names = names.iter().filter(|name| name.starts_with("segment-"));
    names.map(|name| Path::new(FOLDER).join(name)).collect()
}

/// A changed bit is noticed, or it changed nothing that is read (padding).
#[test]
fn no_flipped_bit_is_served() {
    let key = Key::new();
    let disk = filled(&key);
    let expected = open(&disk, &key).unwrap().1;
    let (mut refused, mut harmless) = (0_u32, 0_u32);
    for path in segments(&disk) {
        let bytes = disk.bytes(&path);
        for byte in 0..bytes.len() {
            let copy = disk.copy();
            let mut changed = bytes.clone();
            changed[byte] ^= 1 << (byte % 8);
            copy.put(&path, changed);
            match open(&copy, &key) {
                Ok((_, found)) => {
                    assert_eq!(found, expected, "byte {byte} of {}", path.display());
                    harmless += 1;
                }
                Err(error) => {
                    assert!(error.is_integrity(), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 40_000, "{refused} refused, {harmless} harmless");
}

/// Cut anywhere: refused, because a checkpoint was signed over more.
#[test]
fn a_cut_journal_is_refused() {
    let key = Key::new();
    let disk = filled(&key);
    let path = segments(&disk).pop().unwrap();
    let bytes = disk.bytes(&path);
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for length in (512..used).step_by(64) {
        let copy = disk.copy();
        let mut cut = bytes[..length].to_vec();
        cut.resize(bytes.len(), 0);
        copy.put(&path, cut);
        let refused = open(&copy, &key).map(|_| ()).unwrap_err();
        assert!(refused.is_integrity(), "cut to {length}: {refused}");
    }
}

/// A broken group with a whole one behind it is damage, not a torn tail.
#[test]
fn damage_in_the_middle_is_refused_without_the_checkpoint_file_too() {
    let key = Key::new();
    let disk = filled(&key);
    disk.put(&Path::new(FOLDER).join("checkpoint"), vec![0; 4096]);
    let path = segments(&disk)[0].clone();
    let mut bytes = disk.bytes(&path);
    bytes[512 + 200] ^= 1;
    disk.put(&path, bytes);
    let refused = open(&disk, &key).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("a valid group follows"), "{refused}");
}

#[test]
fn another_logs_key_is_refused_and_fsck_agrees_with_the_writer() {
    let key = Key::new();
    let disk = filled(&key);
    let (opened, _) = open(&disk, &key).unwrap();
    let size = opened.reader.latest().size();
    let root = opened.reader.root(size).unwrap();
    let verifier = key.signer().verifier().unwrap();
    let report = fsck::check(&disk, Path::new(FOLDER), &verifier, &mut |_| Ok(())).unwrap();
    assert_eq!((report.records, report.root), (size, root));
    assert!(report.segments > 2 && report.groups > 10 && !report.torn, "{report:?}");
    let other = Key::new();
    let refused = open(&disk, &other).map(|_| ()).unwrap_err();
    assert!(refused.is_integrity(), "{refused}");
}

/// Records are read ahead of whoever looks at them; what is said of them is said in their order all the same.
#[test]
fn the_first_thing_that_is_wrong_is_reported_though_records_are_read_ahead() {
    const MANY: u64 = 3_000;
    const REFUSED: u64 = 1_500;
    let key = Key::new();
    let disk = SimDisk::default();
    let (mut opened, _) = open(&disk, &key).unwrap();
    fill(&mut opened, 0, MANY);
    let size = opened.reader.latest().size();
    let verifier = key.signer().verifier().unwrap();
    let look = |disk: &SimDisk, refused: Option<u64>| {
        let mut seen = Vec::new();
        let found = fsck::check(disk, Path::new(FOLDER), &verifier, &mut |found| {
            let number = found.skeleton.number;
            seen.push(number);
            let why = "refused by whoever looks".to_owned();
            if refused == Some(number) {
                Err(JournalError::Missing { number, why })
            } else {
                Ok(())
            }
        });
        assert!(seen.iter().copied().eq(0..seen.len() as u64), "each once, in order");
        (seen.len() as u64, found.map(|report| report.records).map_err(|error| error.to_string()))
    };
    assert_eq!(look(&disk, None), (size, Ok(size)));
    let refusal = format!("record {REFUSED}: refused by whoever looks");
    assert_eq!(look(&disk, Some(REFUSED)), (REFUSED + 1, Err(refusal.clone())));

    // Damage behind it does not hide the refusal; damage alone is reported when all before it was seen.
    let path = segments(&disk).pop().unwrap();
    let mut bytes = disk.bytes(&path);
    let first = u64::from_be_bytes(bytes[12..20].try_into().unwrap());
    bytes[512 + 200] ^= 1;
    disk.put(&path, bytes);
    assert_eq!(look(&disk, Some(REFUSED)), (REFUSED + 1, Err(refusal)));
    let (seen, found) = look(&disk, None);
    assert_eq!(seen, first, "{found:?}");
    assert!(seen > REFUSED && found.unwrap_err().contains("damaged"), "{seen}");
}

/// Opens a journal of which the records in `erasing` may be erased or half erased; returns what is left of each.
fn open_erasing(
    disk: &SimDisk,
    key: &Key,
    erasing: &[u64],
) -> Result<(Opened, Vec<Contents>), JournalError> {
    let mut left = Vec::new();
    let opened = SegmentJournal::open(
        Arc::new(disk.clone()),
        Path::new(FOLDER),
        key.signer(),
        SIZES,
        Box::new(|| [9; 16]),
        &mut |found| {
            let number = found.skeleton.number;
            if found.contents == Contents::Whole {
                assert_eq!(found.body, record(number).body, "record {number}");
            } else if !erasing.contains(&number) {
                let why = "not whole".to_owned();
                return Err(JournalError::Missing { number, why });
            }
            left.push(found.contents);
            Ok(())
        },
    )?;
    Ok((opened, left))
}

/// INVARIANT (erasure): an erasure that is interrupted anywhere, with any of its sectors lost, harms nothing
/// else, leaves the tree as it was, and can be finished.
#[test]
fn an_interrupted_erasure_is_finished_and_harms_nothing_else() {
    let key = Key::new();
    let base = filled(&key);
    let (opened, _) = open(&base, &key).unwrap();
    let size = opened.reader.latest().size();
    let root = opened.reader.root(size).unwrap();
    // The record that names an erasure comes behind what it names.
    let doomed: Vec<u64> = (0..size - 4).filter(|number| number % 3 != 1).collect();
    let run = |disk: &SimDisk| {
        let (opened, _) = open(disk, &key).unwrap();
        let begin = disk.operations();
        (opened.reader.eraser(), begin)
    };
    let whole = base.copy();
    let (eraser, begin) = run(&whole);
    eraser.erase(&doomed).unwrap();
    let operations = whole.operations() - begin;
    assert!(operations > 30, "{operations}");
    let (mut half, mut none) = (0, 0);
    for operation in 1..=operations {
        for seed in 0..4 {
            let disk = base.copy();
            let (eraser, begin) = run(&disk);
            disk.fail_at(begin + operation, Fault::Crash);
            assert!(eraser.erase(&doomed).is_err());
            disk.reboot(operation * 100 + seed);
            let (opened, left) = open_erasing(&disk, &key, &doomed)
                .unwrap_or_else(|error| panic!("operation {operation}, seed {seed}: {error}"));
            half += left.iter().filter(|contents| **contents == Contents::Damaged).count();
            none += left.iter().filter(|contents| **contents == Contents::Erased).count();
            assert_eq!(opened.reader.root(size).unwrap(), root);
            opened.reader.clone().eraser().erase(&doomed).unwrap();
            drop(opened);
            let (opened, left) = open_erasing(&disk, &key, &doomed).unwrap();
            for (contents, number) in left.iter().zip(0..) {
                let expected =
                    if doomed.contains(&number) { Contents::Erased } else { Contents::Whole };
                assert_eq!(*contents, expected, "record {number}");
            }
            assert_eq!(opened.reader.root(size).unwrap(), root);
            for path in segments(&disk) {
                let bytes = disk.bytes(&path);
                for number in &doomed {
                    // With what follows it, so that record 1 is not found in record 10.
                    let text = record(*number).body;
                    let found = bytes.windows(text.len() + 1).any(|window| {
                        window.starts_with(&text) && !window[text.len()].is_ascii_digit()
                    });
                    assert!(!found, "the body of record {number} is still there");
                }
            }
        }
    }
    assert!(half > 10 && none > 100, "{half} half erased, {none} erased");
}

/// When the volume is full, the reserve makes room for one more segment, and the journal says so.
#[test]
fn a_full_volume_is_survived_with_the_reserve() {
    let key = Key::new();
    let disk = SimDisk::default();
    let (mut opened, _) = open(&disk, &key).unwrap();
    let (begin, _) = fill(&mut opened, 0, 4);
    assert!(!opened.journal.is_reserve_low());
    disk.fill_up();
    let (acknowledged, all) = fill(&mut opened, begin, RECORDS);
    assert!(opened.journal.is_reserve_low(), "new work is refused from here on");
    assert!(all && acknowledged >= RECORDS);
    drop(opened);
    assert_eq!(open(&disk, &key).unwrap().1, bodies(acknowledged));
}
