//! Reconciles a log that lost records: the only way back to permitting for a broker that was restored from a
//! backup or was shown a checkpoint that it does not continue.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schleuse_proto::checkpoint::CheckpointVerifier;

use super::revocations::{self, RevocationFileError};
use crate::config::{Config, files};
use crate::domain::command::{Command, Outcome, Reconciliation};
use crate::domain::ids::{HoldId, TimeMs};
use crate::domain::state::{Rules, State};
use crate::engine::replay::{Replay, Replayed};
use crate::engine::standing::{
    FOUND_FILE, RESTORED_FILE, SHOWN_FILE, Standing, StandingParts, read_checkpoint, read_found,
};
use crate::engine::{Clock as _, Entropy as _, SystemClock};
use crate::journal::disk::{Disk as _, RealDisk};
use crate::journal::segments::SegmentJournal;
use crate::journal::{Journal, JournalError, JournalReader};
use crate::record;
use crate::server::{ServerError, SystemEntropy, lock, rules};

/// Lost records that are made up for together.
const LOST_TOGETHER: u64 = 50_000;

/// What an operator brings.
#[derive(Debug, Default)]
pub struct Brought {
    /// Files with revocations that clients kept, or folders of such.
    pub revocations: Vec<PathBuf>,
    /// Files with checkpoints that clients kept.
    pub checkpoints: Vec<PathBuf>,
}

/// Why a log is not reconciled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The installation.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A revocation.
    #[error(transparent)]
    Revocation(#[from] RevocationFileError),
    /// The core.
    #[error("the log cannot be reconciled: {0}")]
    Refused(String),
}

/// What a reconciliation did, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Records that were found.
    pub found: u64,
    /// Records of the newest checkpoint that was shown.
    pub shown: u64,
    /// Whether there is anything to reconcile.
    pub needed: bool,
    /// Revocations that were brought, all of them signed by a Lotse.
    pub brought: usize,
    /// Of these, the ones that were replayed: the others are of consents that this log does not know, or
    /// has as revoked.
    pub replayed: u32,
    /// Consents that were suspended.
    pub suspended: u32,
    /// Size of the log afterwards.
    pub size: u64,
}

/// An open journal with its state.
struct Open {
    rules: Rules,
    state: State,
    journal: SegmentJournal,
    reader: Arc<dyn JournalReader>,
    now: TimeMs,
}

/// Reconciles the log of a broker that is stopped; or only says what that would do.
///
/// # Errors
/// The broker is running, the journal is damaged, or a file that was brought cannot be used: then nothing is
/// changed.
pub fn reconcile(
    config: &Config,
    brought: &Brought,
    apply: bool,
) -> Result<Report, ReconcileError> {
    let trust = files::trust(config).map_err(ServerError::from)?;
    let revocations = revocations::read_all(&brought.revocations, &trust.trust)?;
    let folder = &config.data_dir;
    let _lock = lock(folder).map_err(ServerError::from)?;
    let mut open = open(config, &trust)?;
    let verifier = CheckpointVerifier::new(&trust.log_key)
        .map_err(|error| ReconcileError::Refused(error.to_string()))?;
    let standing = Standing::open(StandingParts {
        verifier: verifier.clone(),
        reader: open.reader.clone(),
        disk: Arc::new(RealDisk),
        abandoned: open.state.abandoned(),
        folder: folder.clone(),
        state_file: config.state_file.clone(),
    })?;
    for path in &brought.checkpoints {
        let shown = read_checkpoint(&verifier, path)?;
        let shown = shown.ok_or_else(|| {
            ReconcileError::Refused(format!("{}: there is no such file", path.display()))
        })?;
        standing
            .observe(&shown.note)
            .map_err(|error| ReconcileError::Refused(error.to_string()))?;
    }
    let latest = open.reader.latest();
    let note = standing.shown().unwrap_or_else(|| bytes::Bytes::copy_from_slice(latest.note()));
    let shown = if note.is_empty() { 0 } else { verified_size(&verifier, &note)? };
    if latest.size() == 0 {
        let why = "there is no record; restore a backup, or start with an empty data folder";
        return Err(ReconcileError::Refused(why.to_owned()));
    }
    let mut report = Report {
        found: found(&standing, folder, latest.size()),
        shown,
        needed: standing.is_behind(),
        brought: revocations.len(),
        replayed: 0,
        suspended: 0,
        size: latest.size(),
    };
    if !report.needed {
        // What an interrupted end of an earlier reconciliation left.
        forget_marks(folder)?;
        return Ok(report);
    }
    let given = Reconciliation {
        found_size: report.found,
        shown: note,
        shown_size: report.shown,
        revocations,
        hold: hold(),
    };
    open.step(Command::Start)?;
    if apply {
        while open.state.next_record() < report.shown {
            open.step(Command::FillLost { size: report.shown, most: LOST_TOGETHER })?;
            open.append()?;
        }
    }
    let outcome = open.step(Command::Reconcile(Box::new(given)))?;
    if let Outcome::Reconciled { replayed, suspended } = outcome {
        (report.replayed, report.suspended) = (replayed, suspended);
    }
    if apply {
        open.append()?;
        report.size = open.reader.latest().size();
        forget_marks(folder)?;
    }
    Ok(report)
}

/// Size of the log up to which it is the one that others know. If nobody knows of more than it holds, what was
/// written since the restoration is its own.
fn found(standing: &Standing, folder: &Path, size: u64) -> u64 {
    match standing.shown() {
        Some(_) => read_found(folder).unwrap_or(size).min(size),
        None => size,
    }
}

fn hold() -> HoldId {
    let mut id = [0; 16];
    SystemEntropy::new().fill(&mut id);
    HoldId::from_bytes(id)
}

fn open(config: &Config, trust: &files::TrustFiles) -> Result<Open, ReconcileError> {
    let signer = Arc::new(files::signer(config, &trust.log_key).map_err(ServerError::from)?);
    let rules = rules(config, trust)?;
    let mut replay = Replay::new(&rules);
    let mut tags = SystemEntropy::new();
    let new_tag = move || {
        let mut tag = [0; 16];
        tags.fill(&mut tag);
        tag
    };
    let disk = Arc::new(RealDisk);
    let folder = &config.data_dir;
    let opened = SegmentJournal::open(
        disk,
        folder,
        signer,
        config.sizes,
        Box::new(new_tag),
        &mut |stored| replay.push(&stored).map(|_| ()),
    )?;
    // What an interrupted erasure owes is the next start's.
    let Replayed { state, .. } = replay.finish()?;
    let now = SystemClock.now().max(state.time());
    Ok(Open { rules, state, journal: opened.journal, reader: opened.reader, now })
}

impl Open {
    fn step(&mut self, command: Command) -> Result<Outcome, ReconcileError> {
        let outcome = self.state.step(&self.rules, self.now, command);
        outcome.map_err(|refusal| ReconcileError::Refused(refusal.to_string()))
    }

    /// Makes the events so far durable.
    fn append(&mut self) -> Result<(), ReconcileError> {
        let mut entropy = SystemEntropy::new();
        let records = self.state.take_events().into_iter().map(|event| {
            let mut salts = [[0; 16]; 3];
            for salt in &mut salts {
                entropy.fill(salt);
            }
            record::encode(&event, &self.rules.catalogue, self.now, salts)
        });
        self.journal.append(records.collect())?;
        Ok(())
    }
}

fn verified_size(verifier: &CheckpointVerifier, note: &[u8]) -> Result<u64, ReconcileError> {
    let verified = verifier.verify(note);
    verified.map(|shown| shown.size).map_err(|error| ReconcileError::Refused(error.to_string()))
}

/// Removes what says that the log is behind; only after the reconciliation is durable.
fn forget_marks(folder: &Path) -> Result<(), JournalError> {
    for name in [FOUND_FILE, SHOWN_FILE, RESTORED_FILE] {
        let path = folder.join(name);
        match RealDisk.remove(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::Io { what: "cannot remove", path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
