//! Makes a backup, also while the broker runs: what is durable never changes, but for erasures.
//!
//! Plain stream: `count` of segments (4), length of the signed checkpoint (4), the checkpoint; then for each
//! segment its length on disk (8), length of its content (8), content. Integers are big-endian.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use schleuse_proto::checkpoint::CheckpointVerifier;
use zeroize::Zeroizing;

use super::keys::{self, BackupKey};
use super::seal::Sealer;
use super::{BackupError, wrong};
use crate::config::{Config, files};
use crate::domain::state::Rules;
use crate::engine::replay::Replay;
use crate::journal::JournalError;
use crate::journal::copy::{self, Parts, SegmentPart};
use crate::journal::disk::{Disk as _, RealDisk};
use crate::server::rules;

/// How often a journal that is in use is looked at.
const TRIES: u32 = 3;
/// Bytes copied at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// A backup that was made.
#[derive(Debug)]
pub struct Written {
    /// The encrypted journal.
    pub backup: PathBuf,
    /// Its key, sealed.
    pub key: PathBuf,
    /// Records in it.
    pub records: u64,
}

/// Makes a backup: `<out>/<name>.backup`, and its key in `<keyring>/<name>.key`. Verifies the journal on the way.
///
/// # Errors
/// The journal is damaged, the public key is none, or a file exists or cannot be written.
pub fn back_up(
    config: &Config,
    public_key: &Path,
    out: &Path,
    keyring: &Path,
    name: &str,
) -> Result<Written, BackupError> {
    let public = keys::read_public(public_key)?;
    let trust = files::trust(config)?;
    let verifier =
        CheckpointVerifier::new(&trust.log_key).map_err(|error| wrong(&config.trust, error))?;
    // Held to the end: what is erased meanwhile would be missing in the backup, and not explained in it.
    let _no_erasure =
        RealDisk.lock(&config.data_dir).map_err(|error| wrong(&config.data_dir, error))?;
    let rules = rules(config, &trust)?;
    let parts = parts(config, &verifier, &rules)?;
    let (mut id, mut key): (_, BackupKey) = ([0; 16], Zeroizing::new([0; 32]));
    let random = SystemRandom::new();
    random.fill(&mut id).map_err(|_| BackupError::Entropy)?;
    random.fill(key.as_mut_slice()).map_err(|_| BackupError::Entropy)?;
    let (backup_path, key_path) =
        (out.join(format!("{name}.backup")), keyring.join(format!("{name}.key")));
    // The key first: a backup without one would be of no use.
    keys::seal(&public, &id, &key, &key_path)?;
    let failed = |error: std::io::Error| wrong(&backup_path, error);
    let file = File::create_new(&backup_path).map_err(failed)?;
    let mut sealer = Sealer::new(BufWriter::new(file), id, &key).map_err(failed)?;
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let head = [&length(parts.segments.len()), &length(parts.note.len()), parts.note.as_slice()];
    sealer.write_all(&head.concat()).map_err(failed)?;
    for part in &parts.segments {
        copy_segment(part, &mut sealer, &backup_path)?;
    }
    let file = sealer.finish().and_then(|out| out.into_inner().map_err(|error| error.into_error()));
    file.and_then(|file| file.sync_all()).map_err(failed)?;
    File::open(out).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(Written { backup: backup_path, key: key_path, records: parts.records })
}

/// Looks at the journal; again if it seems damaged, since a broker that is at work may have written between two
/// looks at the same place.
fn parts(
    config: &Config,
    verifier: &CheckpointVerifier,
    rules: &Rules,
) -> Result<Parts, BackupError> {
    let look = || {
        let mut replay = Replay::new(rules);
        let parts = copy::parts(&RealDisk, &config.data_dir, verifier, &mut |stored| {
            replay.push(&stored).map(|_| ())
        })?;
        replay.finish()?;
        Ok::<Parts, JournalError>(parts)
    };
    for _ in 1..TRIES {
        match look() {
            Err(error) if error.is_integrity() => tracing::warn!(%error, "looking again"),
            done => return Ok(done?),
        }
    }
    Ok(look()?)
}

fn copy_segment(
    part: &SegmentPart,
    sealer: &mut Sealer<BufWriter<File>>,
    path: &Path,
) -> Result<(), BackupError> {
    let failed = |error: std::io::Error| wrong(path, error);
    let head = [part.length.to_be_bytes(), part.content.to_be_bytes()].concat();
    sealer.write_all(&head).map_err(failed)?;
    let mut at = 0;
    while at < part.content {
        let some = (part.content - at).min(PIECE_BYTES);
        let mut bytes = vec![0; usize::try_from(some).unwrap_or_default()];
        part.file.read_at(&mut bytes, at).map_err(|error| wrong(&part.path, error))?;
        sealer.write_all(&bytes).map_err(failed)?;
        at += some;
    }
    Ok(())
}
