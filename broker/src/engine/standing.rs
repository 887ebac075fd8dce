//! Whether this log is the one that others know: the broker's own guard against an old backup.
//!
//! INVARIANT (anti-rollback): a broker that is shown a checkpoint which its own key signed and which its log
//! does not continue permits nothing from then on, also after a restart, until its log is reconciled. Shown by
//! a client, a witness, or a small file of its own on another volume.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use schleuse_proto::checkpoint::{CheckpointError, CheckpointVerifier, SignedCheckpoint};

use crate::domain::ids::TimeMs;
use crate::domain::refusal::Refusal;
use crate::journal::disk::{Disk, replace};
use crate::journal::{JournalError, JournalReader};
use crate::witness::Witnesses;

/// Name of the file in the data folder that keeps a checkpoint which the log does not continue.
pub const SHOWN_FILE: &str = "shown-checkpoint";
/// Name of the file in the data folder that says that the folder was restored from a backup.
pub const RESTORED_FILE: &str = "restored";
/// Name of the file in the data folder that says how many records there were when it was first found out that
/// others are missing: what was written since then has taken their numbers.
pub const FOUND_FILE: &str = "found-size";
/// Largest file of a checkpoint in bytes.
const NOTE_BYTES_MAX: u64 = 64 * 1024;

/// How the log stands to the checkpoints that others have of it.
pub struct Standing {
    verifier: CheckpointVerifier,
    reader: Arc<dyn JournalReader>,
    disk: Arc<dyn Disk>,
    /// Checkpoints up to this size may rightly contradict the log.
    abandoned: u64,
    folder: PathBuf,
    shown: PathBuf,
    state_file: Option<PathBuf>,
    behind: AtomicBool,
    /// Largest checkpoint that the log does not continue.
    worst: Mutex<Option<SignedCheckpoint>>,
    written: Mutex<u64>,
    witnesses: OnceLock<Witnesses>,
}

/// What a standing is made of.
pub struct StandingParts {
    /// Verifier of the log's checkpoints.
    pub verifier: CheckpointVerifier,
    /// The log.
    pub reader: Arc<dyn JournalReader>,
    /// Where files lie.
    pub disk: Arc<dyn Disk>,
    /// Size up to which the log was reconciled.
    pub abandoned: u64,
    /// Folder of the log.
    pub folder: PathBuf,
    /// File on another volume that keeps the newest checkpoint, if there is one.
    pub state_file: Option<PathBuf>,
}

/// Keeps how many records were found, unless that is kept already.
///
/// # Errors
/// The file cannot be written.
pub fn keep_found(disk: &dyn Disk, folder: &Path, found: u64) -> std::io::Result<()> {
    let path = folder.join(FOUND_FILE);
    if path.exists() {
        return Ok(());
    }
    replace(disk, &path, found.to_string().as_bytes())
}

/// Reads how many records were found; none if nothing was ever missing.
#[must_use]
pub fn read_found(folder: &Path) -> Option<u64> {
    std::fs::read_to_string(folder.join(FOUND_FILE)).ok()?.trim().parse().ok()
}

/// Reads a checkpoint out of a file; none if there is no such file.
///
/// # Errors
/// It cannot be read, or is no checkpoint of this log.
pub fn read_checkpoint(
    verifier: &CheckpointVerifier,
    path: &Path,
) -> Result<Option<SignedCheckpoint>, JournalError> {
    let io = |source| JournalError::Io { what: "cannot read", path: path.to_owned(), source };
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let damaged = |why: String| JournalError::Corrupt { path: path.to_owned(), offset: 0, why };
    if length > NOTE_BYTES_MAX {
        return Err(damaged("larger than any checkpoint".to_owned()));
    }
    let note = std::fs::read(path).map_err(io)?;
    verifier.verify(&note).map(Some).map_err(|error| damaged(error.to_string()))
}

impl Standing {
    /// Looks at the files that keep checkpoints.
    ///
    /// # Errors
    /// One of them cannot be read or holds no checkpoint of this log.
    pub fn open(parts: StandingParts) -> Result<Self, JournalError> {
        let StandingParts { verifier, reader, disk, abandoned, folder, state_file } = parts;
        let shown = folder.join(SHOWN_FILE);
        let restored = folder.join(RESTORED_FILE).exists();
        let kept = [Some(shown.clone()), state_file.clone()];
        let standing = Self {
            verifier,
            reader,
            disk,
            abandoned,
            folder,
            shown,
            state_file,
            behind: AtomicBool::new(restored),
            worst: Mutex::default(),
            written: Mutex::default(),
            witnesses: OnceLock::new(),
        };
        if restored {
            tracing::error!(
                "this data was restored from a backup. Nothing is permitted until schleuse-broker reconcile \
                 has been run"
            );
        }
        let is_new = standing.reader.latest().size() == 0;
        for path in kept.iter().flatten() {
            if !is_new && standing.state_file.as_ref() == Some(path) && !path.exists() {
                tracing::error!(
                    path = %path.display(),
                    "log.state_file is missing beside a log with records: is its volume there? A rollback of \
                     data_dir is not noticed by it"
                );
            }
            if let Some(checkpoint) = read_checkpoint(&standing.verifier, path)? {
                standing.compare(checkpoint)?;
            }
        }
        Ok(standing)
    }

    /// Takes note of a checkpoint that somebody keeps. Reads the journal; blocks.
    ///
    /// # Errors
    /// It is not one that this log's key signed.
    pub fn observe(&self, note: &[u8]) -> Result<(), CheckpointError> {
        // Without what others have put to it: it may become part of the log.
        let checkpoint = self.verifier.verify_bare(note)?;
        if let Err(error) = self.compare(checkpoint) {
            // What cannot be compared cannot be trusted.
            self.behind.store(true, Ordering::SeqCst);
            tracing::error!(%error, "a checkpoint that was shown cannot be compared or kept");
        }
        Ok(())
    }

    fn compare(&self, shown: SignedCheckpoint) -> Result<(), JournalError> {
        let continued = shown.size <= self.reader.latest().size()
            && (shown.size == 0 || self.reader.root(shown.size)? == shown.root);
        if continued || shown.size <= self.abandoned {
            return Ok(());
        }
        // First of all nothing is permitted any more.
        self.behind.store(true, Ordering::SeqCst);
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        if worst.as_ref().is_some_and(|worst| worst.size >= shown.size) {
            return Ok(());
        }
        tracing::error!(
            shown = shown.size,
            own = self.reader.latest().size(),
            "this log does not continue a checkpoint that it signed: it was restored from an old backup or \
             forked. Nothing is permitted until schleuse-broker reconcile has been run"
        );
        let found = self.reader.latest().size();
        let kept = keep_found(&*self.disk, &self.folder, found)
            .and_then(|()| replace(&*self.disk, &self.shown, &shown.note));
        *worst = Some(shown);
        drop(worst);
        kept.map_err(|source| JournalError::Io {
            what: "cannot keep the checkpoint in",
            path: self.shown.clone(),
            source,
        })
    }

    /// Whether the log lacks records that somebody has a checkpoint of.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::SeqCst)
    }

    /// The largest checkpoint that the log does not continue.
    #[must_use]
    pub fn shown(&self) -> Option<Bytes> {
        let worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        worst.as_ref().map(|worst| Bytes::copy_from_slice(&worst.note))
    }

    /// Takes witnesses; once.
    pub fn set_witnesses(&self, witnesses: Witnesses) {
        if self.witnesses.set(witnesses).is_err() {
            tracing::error!("witnesses are set already");
        }
    }

    /// The newest checkpoint that witnesses cosigned, with their cosignatures.
    #[must_use]
    pub fn cosigned(&self) -> Option<Bytes> {
        self.witnesses.get()?.cosigned_note()
    }

    /// What is known of the witnesses.
    #[must_use]
    pub fn witnesses(&self) -> Witnesses {
        self.witnesses.get().cloned().unwrap_or_else(Witnesses::disabled)
    }

    /// Whether anything may be permitted at an instant.
    ///
    /// # Errors
    /// Why not.
    pub fn may_permit(&self, now: TimeMs) -> Result<(), Refusal> {
        if self.is_behind() {
            return Err(Refusal::LogBehind);
        }
        if self.witnesses.get().is_some_and(|witnesses| witnesses.is_late(now)) {
            return Err(Refusal::WitnessesLate);
        }
        Ok(())
    }

    /// Writes the newest checkpoint into the file on another volume, if it is newer than what was written
    /// there. Blocks.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_newest(&self) -> std::io::Result<()> {
        let Some(path) = &self.state_file else { return Ok(()) };
        let latest = self.reader.latest();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that is behind must not overwrite what shows it.
        if latest.size() <= *written || self.is_behind() {
            return Ok(());
        }
        replace(&*self.disk, path, latest.note())?;
        *written = latest.size();
        Ok(())
    }
}
