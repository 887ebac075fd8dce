//! Restores a backup into an empty data folder, and marks it: such a broker permits nothing until it is
//! reconciled.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use schleuse_proto::checkpoint::CheckpointVerifier;

use super::seal::{Opener, read_id};
use super::{BackupError, keys, wrong};
use crate::config::{Config, files};
use crate::engine::replay::Replay;
use crate::engine::standing::{RESTORED_FILE, keep_found};
use crate::journal::copy::{self, segment_path};
use crate::journal::disk::{Disk as _, DiskFile, RealDisk, replace};
use crate::journal::fsck;
use crate::server::{lock, rules};

/// Largest segment in bytes: what the configuration allows at most.
const SEGMENT_BYTES_MAX: u64 = 2048 * 1024 * 1024;
/// Largest checkpoint in bytes.
const NOTE_BYTES_MAX: u32 = 16 * 1024;
/// Bytes copied at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Records.
    pub records: u64,
}

/// Restores a backup. The data folder must be empty. Verifies every record and signature afterwards.
///
/// # Errors
/// The folder is not empty, a file is none or was changed, or the keys are others. What was written until then is
/// left, without the mark of a whole restoration, so that it does not start.
pub fn restore(
    config: &Config,
    backup: &Path,
    key: &Path,
    secret: &Path,
) -> Result<Restored, BackupError> {
    let folder = &config.data_dir;
    let trust = files::trust(config)?;
    let verifier =
        CheckpointVerifier::new(&trust.log_key).map_err(|error| wrong(&config.trust, error))?;
    if std::fs::read_dir(folder).is_ok_and(|mut inside| inside.next().is_some()) {
        return Err(wrong(folder, "is not empty; move it aside, a backup is restored as a whole"));
    }
    let failed = |error: std::io::Error| wrong(backup, error);
    let mut from = BufReader::new(File::open(backup).map_err(failed)?);
    let id = read_id(&mut from).map_err(failed)?;
    let key = keys::open(secret, &id, key)?;
    let mut plain = Opener::new(from, id, &key).map_err(failed)?;
    let _lock = lock(folder).map_err(crate::server::ServerError::from)?;
    // First of all: until everything is there, and reconciled, nothing may be permitted.
    replace(&RealDisk, &folder.join(RESTORED_FILE), b"restored from a backup\n")
        .map_err(|error| wrong(folder, error))?;
    let segments = read_number(&mut plain).map_err(failed)?;
    let note = read_number(&mut plain).map_err(failed)?;
    if note > NOTE_BYTES_MAX {
        return Err(wrong(backup, "has no checkpoint"));
    }
    let mut checkpoint = vec![0; usize::try_from(note).unwrap_or_default()];
    plain.read_exact(&mut checkpoint).map_err(failed)?;
    // Before the records: a restoration that is interrupted leaves a log that is shorter than what was signed,
    // and does not start.
    copy::write_checkpoint(&RealDisk, folder, &checkpoint)?;
    for index in 0..segments {
        restore_segment(&mut plain, &segment_path(folder, index), backup)?;
    }
    if plain.read(&mut [0]).map_err(failed)? != 0 {
        return Err(wrong(backup, "has more than its segments"));
    }
    let rules = rules(config, &trust)?;
    let mut replay = Replay::new(&rules);
    let report =
        fsck::check(&RealDisk, folder, &verifier, &mut |stored| replay.push(&stored).map(|_| ()))?;
    replay.finish()?;
    let stated = verifier.verify(&checkpoint).map_err(|error| wrong(backup, error))?;
    if (stated.size, stated.root) != (report.records, report.root) {
        return Err(wrong(backup, "its records are not those that its checkpoint states"));
    }
    keep_found(&RealDisk, folder, report.records).map_err(|error| wrong(folder, error))?;
    Ok(Restored { records: report.records })
}

fn read_number(from: &mut impl Read) -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn read_length(from: &mut impl Read) -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn restore_segment(from: &mut impl Read, path: &Path, backup: &Path) -> Result<(), BackupError> {
    let failed = |error: std::io::Error| wrong(backup, error);
    let (length, content) =
        (read_length(from).map_err(failed)?, read_length(from).map_err(failed)?);
    if content > length || length > SEGMENT_BYTES_MAX {
        return Err(wrong(backup, "a segment has a wrong length"));
    }
    let written = |error: std::io::Error| wrong(path, error);
    let file: Arc<dyn DiskFile> = RealDisk.create(path, length).map_err(written)?;
    let mut at = 0;
    while at < content {
        let some = (content - at).min(PIECE_BYTES);
        let mut bytes = vec![0; usize::try_from(some).unwrap_or_default()];
        from.read_exact(&mut bytes).map_err(failed)?;
        file.write_at(&bytes, at).map_err(written)?;
        at += some;
    }
    file.sync().map_err(written)
}
