//! What a witness remembers, in a folder of its own.
//!
//! | file | content |
//! | --- | --- |
//! | `lock` | empty; held while a witness runs |
//! | `witness-key` | public key of the witness, so that no other one goes on with its memory |
//! | `checkpoint` | newest checkpoint, signed by the log and cosigned by the witness |
//! | `fork` | two notes of the log that contradict each other; only after such a find |
//!
//! Each is replaced as a whole: written beside, synced, renamed, folder synced.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::cosignature::CosignatureVerifier;

use crate::error::ClientError;
use crate::files;

const LOCK: &str = "lock";
const WITNESS_KEY: &str = "witness-key";
const CHECKPOINT: &str = "checkpoint";
const FORK: &str = "fork";

/// The newest cosigned checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    pub(super) checkpoint: SignedCheckpoint,
    /// When it was cosigned, Unix time in seconds.
    pub(super) time_s: u64,
}

/// The open folder.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    newest: Option<Newest>,
    _lock: File,
}

/// What a folder says about its witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Public key of the witness in the C2SP form.
    pub witness_key: String,
    /// Newest checkpoint and when it was cosigned (Unix, milliseconds); none before the first.
    pub newest: Option<(SignedCheckpoint, i64)>,
    /// File with two notes that contradict each other, if the log was found forked.
    pub fork: Option<PathBuf>,
}

/// Reads the folder of a witness, which may be running.
///
/// # Errors
/// It is no such folder, of another log, or damaged.
pub fn status(folder: &Path, log: &CheckpointVerifier) -> Result<WitnessStatus, ClientError> {
    let path = folder.join(WITNESS_KEY);
    let verifier = read_key(&path)?;
    let verifier = verifier.ok_or_else(|| ClientError::file(&path, "no witness was here"))?;
    let newest = read_newest(&folder.join(CHECKPOINT), log, &verifier)?;
    let newest = newest.map(|newest| {
        let time_ms = i64::try_from(newest.time_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        (newest.checkpoint, time_ms)
    });
    let fork = folder.join(FORK);
    let fork = is_there(&fork)?.then_some(fork);
    Ok(WitnessStatus { witness_key: verifier.witness_key(), newest, fork })
}

impl Memory {
    pub(super) fn open(
        folder: &Path,
        log: &CheckpointVerifier,
        witness: &CosignatureVerifier,
    ) -> Result<Self, ClientError> {
        let lock = lock(folder)?;
        let (key_path, path) = (folder.join(WITNESS_KEY), folder.join(CHECKPOINT));
        match read_key(&key_path)? {
            Some(known) if known == *witness => {}
            Some(known) => {
                let why = format!(
                    "is the memory of {}; a witness with another key needs another folder",
                    known.witness_key()
                );
                return Err(ClientError::file(&key_path, why));
            }
            None if is_there(&path)? => {
                return Err(ClientError::file(&key_path, "is missing beside a checkpoint"));
            }
            None => files::replace(&key_path, witness.witness_key().as_bytes())?,
        }
        let newest = read_newest(&path, log, witness)?;
        Ok(Self { folder: folder.to_owned(), newest, _lock: lock })
    }

    pub(super) fn newest(&self) -> Option<&Newest> {
        self.newest.as_ref()
    }

    /// Makes a cosigned checkpoint the newest. It is durable when this returns.
    pub(super) fn keep(
        &mut self,
        checkpoint: SignedCheckpoint,
        time_s: u64,
    ) -> Result<(), ClientError> {
        files::replace(&self.folder.join(CHECKPOINT), &checkpoint.note)?;
        self.newest = Some(Newest { checkpoint, time_s });
        Ok(())
    }

    /// Keeps the first proof of a fork. That it cannot be written does not matter for the refusal.
    pub(super) fn keep_fork(&self, known: &[u8], offered: &[u8]) {
        let path = self.folder.join(FORK);
        if is_there(&path).is_ok_and(|there| !there) {
            let _kept = files::replace(&path, &[known, b"\n", offered].concat());
        }
    }
}

fn lock(folder: &Path) -> Result<File, ClientError> {
    let make = || match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // Also if it was there: it may have been made just before a crash.
        Ok(()) | Err(_) => {
            let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
            File::open(above.unwrap_or(Path::new(".")))?.sync_all()
        }
    };
    make().map_err(|error| ClientError::file(folder, error))?;
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(|error| ClientError::file(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(ClientError::file(folder, "is in use by another witness"))
        }
        Err(TryLockError::Error(error)) => Err(ClientError::file(&path, error)),
    }
}

fn is_there(path: &Path) -> Result<bool, ClientError> {
    path.try_exists().map_err(|error| ClientError::file(path, error))
}

fn read_key(path: &Path) -> Result<Option<CosignatureVerifier>, ClientError> {
    if !is_there(path)? {
        return Ok(None);
    }
    let text = String::from_utf8(files::read_small(path)?);
    let text = text.map_err(|error| ClientError::file(path, error))?;
    CosignatureVerifier::new(&text).map(Some).map_err(|error| damaged(path, &error))
}

fn read_newest(
    path: &Path,
    log: &CheckpointVerifier,
    witness: &CosignatureVerifier,
) -> Result<Option<Newest>, ClientError> {
    if !is_there(path)? {
        return Ok(None);
    }
    let note = files::read_small(path)?;
    let checkpoint = log.verify(&note).map_err(|error| damaged(path, &error))?;
    let cosignature = witness.verify(&note).map_err(|error| damaged(path, &error))?;
    Ok(Some(Newest { checkpoint, time_s: cosignature.time_s }))
}

fn damaged(path: &Path, error: &dyn std::error::Error) -> ClientError {
    let why = format!(
        "is damaged or of another log ({error}); restore it from a copy: a witness that forgets can be \
         made to cosign a second log"
    );
    ClientError::file(path, why)
}
