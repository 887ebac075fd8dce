//! Tests of the module `checkpoints`.

use std::sync::atomic::{AtomicU64, Ordering};

use schleuse_proto::v1::ErrorReason;
use tlog_tiles::{Hash, HashReader, prove_tree, stored_hashes, tree_hash};

use super::*;
use crate::test_log;

struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// A log that signs what it is told to sign.
struct FakeLog {
    stored: Stored,
    size: u64,
    proofs: AtomicU64,
}

impl FakeLog {
    /// Records of both logs are equal below `fork_at` and differ by `branch` from there on.
    fn new(size: u64, fork_at: u64, branch: u8) -> Self {
        let mut stored = Stored(Vec::new());
        for number in 0..size {
            let record = [number.to_be_bytes(), [if number < fork_at { 0 } else { branch }; 8]];
            let hashes = stored_hashes(number, &record.concat(), &stored).unwrap();
            stored.0.extend(hashes);
        }
        Self { stored, size, proofs: AtomicU64::new(0) }
    }

    fn verifier(&self) -> CheckpointVerifier {
        CheckpointVerifier::new(&test_log::log_key()).unwrap()
    }

    fn note(&self, size: u64) -> Vec<u8> {
        test_log::sign(size, tree_hash(size, &self.stored).unwrap().0)
    }
}

impl ProofSource for FakeLog {
    async fn latest(&self, _known: Option<&[u8]>) -> Result<Vec<u8>, ClientError> {
        Ok(self.note(self.size))
    }

    async fn prove(&self, old_size: u64, new_size: u64) -> Result<Vec<Digest>, ClientError> {
        self.proofs.fetch_add(1, Ordering::Relaxed);
        if new_size > self.size {
            return Err(ClientError::Refused {
                code: tonic::Code::OutOfRange,
                reason: ErrorReason::CheckpointAhead.as_str_name().to_owned(),
                message: String::new(),
                metadata: [("log_size".to_owned(), self.size.to_string())].into(),
                retryable: false,
            });
        }
        let path = prove_tree(new_size, old_size, &self.stored).unwrap();
        Ok(path.into_iter().map(|hash| hash.0).collect())
    }
}

fn keeper(log: &FakeLog) -> CheckpointKeeper {
    CheckpointKeeper::open(log.verifier(), None, None).unwrap()
}

#[tokio::test]
async fn a_growing_log_is_followed_and_smaller_checkpoints_may_come_late() {
    let log = FakeLog::new(50, 50, 0);
    let keeper = keeper(&log);
    for size in [3, 17, 9, 17, 40] {
        keeper.observe(&log.note(size)).unwrap();
    }
    keeper.check(&log).await.unwrap();
    assert_eq!(keeper.newest().unwrap().size, 40);
    assert_eq!(log.proofs.load(Ordering::Relaxed), 3);
    keeper.observe(&log.note(12)).unwrap();
    keeper.check(&log).await.unwrap();
    assert_eq!(keeper.newest().unwrap().size, 40);
    keeper.check_latest(&log).await.unwrap();
    assert_eq!(keeper.newest().unwrap().size, 50);
    let proofs = log.proofs.load(Ordering::Relaxed);
    keeper.check(&log).await.unwrap();
    assert_eq!(log.proofs.load(Ordering::Relaxed), proofs, "nothing new, nothing asked");
}

// INVARIANT (anti-rollback).
#[tokio::test]
async fn a_broker_behind_a_kept_checkpoint_is_found_out_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let log = FakeLog::new(50, 50, 0);
    let open = |alarm| CheckpointKeeper::open(log.verifier(), Some(path.clone()), alarm).unwrap();
    open(None).check_latest(&log).await.unwrap();
    let alarms = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&alarms);
    let alarm: Alarm = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let restored = FakeLog::new(30, 30, 0);
    let error = open(Some(alarm)).check_latest(&restored).await.unwrap_err();
    assert!(matches!(error, ClientError::RolledBack { known_size: 50, seen_size: 30 }));
    assert_eq!(alarms.load(Ordering::Relaxed), 1);
    let same = open(None);
    same.check_latest(&log).await.unwrap();
}

#[tokio::test]
async fn a_log_that_shrinks_while_connected_is_found_out() {
    let log = FakeLog::new(50, 50, 0);
    let keeper = keeper(&log);
    keeper.check_latest(&log).await.unwrap();
    let restored = FakeLog::new(30, 30, 0);
    keeper.observe(&restored.note(20)).unwrap();
    for _ in 0..2 {
        let error = keeper.check(&restored).await.unwrap_err();
        assert!(matches!(error, ClientError::RolledBack { known_size: 50, seen_size: 30 }));
    }
}

#[tokio::test]
async fn a_fork_is_found_out_at_larger_smaller_and_equal_sizes() {
    let log = FakeLog::new(50, 50, 0);
    let fork = FakeLog::new(60, 20, 1);
    for size in [60, 40] {
        let keeper = keeper(&log);
        keeper.check_latest(&log).await.unwrap();
        keeper.observe(&fork.note(size)).unwrap();
        for source in [&fork, &fork] {
            let error = keeper.check(source).await.unwrap_err();
            assert!(matches!(error, ClientError::Forked { .. }), "{error}");
        }
        assert_eq!(keeper.newest().unwrap().size, 50, "the fork is not kept");
    }
    let keeper = keeper(&log);
    keeper.check_latest(&log).await.unwrap();
    let error = keeper.observe(&fork.note(50)).unwrap_err();
    assert!(matches!(error, ClientError::Forked { older: 50, newer: 50 }));
    assert!(keeper.check(&log).await.unwrap_err().is_alarm());
}

#[tokio::test]
async fn a_common_beginning_is_no_fork() {
    let log = FakeLog::new(50, 50, 0);
    let other = FakeLog::new(60, 50, 1);
    let keeper = keeper(&log);
    keeper.check_latest(&log).await.unwrap();
    keeper.check_latest(&other).await.unwrap();
    assert_eq!(keeper.newest().unwrap().size, 60);
}

#[test]
fn checkpoints_that_the_log_did_not_sign_are_refused() {
    let log = FakeLog::new(5, 5, 0);
    let keeper = keeper(&log);
    let mut note = log.note(5);
    let at = note.len() - 10;
    note[at] ^= 1;
    for wrong in [note.as_slice(), b"", b"note"] {
        assert!(keeper.observe(wrong).unwrap_err().is_alarm());
    }
    assert!(keeper.newest().is_none());
}

#[test]
fn a_kept_file_that_is_no_checkpoint_is_an_error_and_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    std::fs::write(&path, "nothing").unwrap();
    let log = FakeLog::new(5, 5, 0);
    assert!(CheckpointKeeper::open(log.verifier(), Some(path), None).is_err());
}

#[test]
fn what_waits_for_its_proof_is_bounded() {
    let log = FakeLog::new(300, 300, 0);
    let keeper = keeper(&log);
    for size in 1..=300 {
        keeper.observe(&log.note(size)).unwrap();
    }
    let known = keeper.known();
    assert_eq!(known.unproven.len(), UNPROVEN_MAX);
    assert!(known.unproven.contains_key(&1) && known.unproven.contains_key(&300));
}
