//! What of a journal goes into a backup: its segments up to the end of the newest whole group.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schleuse_proto::checkpoint::CheckpointVerifier;
use schleuse_proto::evidence::sha256;

use super::disk::{Disk, DiskFile};
use super::recovery::{
    CHECKPOINT_FILE, CHECKPOINT_SLOT_BYTES, Signatures, io_error, scan, segment_name,
};
use super::{JournalError, OnRecord};

/// A segment and how much of it is used.
pub struct SegmentPart {
    /// The file.
    pub path: PathBuf,
    /// The open file.
    pub file: Arc<dyn DiskFile>,
    /// Length on disk in bytes.
    pub length: u64,
    /// Bytes that are used.
    pub content: u64,
}

/// All segments, and the checkpoint over them.
pub struct Parts {
    /// Segments in order.
    pub segments: Vec<SegmentPart>,
    /// The newest signed checkpoint.
    pub note: Vec<u8>,
    /// Records in them.
    pub records: u64,
}

/// Verifies a journal, which may be in use, and says what of it is whole.
///
/// # Errors
/// It is damaged or empty.
pub fn parts(
    disk: &dyn Disk,
    folder: &Path,
    verifier: &CheckpointVerifier,
    on_record: OnRecord<'_>,
) -> Result<Parts, JournalError> {
    let log = sha256(&[verifier.origin().as_bytes()]);
    let scan = scan(disk, folder, &log, &Signatures { verifier, each: false }, &mut |scanned| {
        on_record(scanned.record)
    })?;
    let note = scan.note.ok_or_else(|| JournalError::Record {
        number: 0,
        why: "the journal has no records to back up".to_owned(),
    })?;
    let last = scan.segments.len().saturating_sub(1);
    let segments = scan.segments.into_iter().enumerate().map(|(index, segment)| {
        let length = segment.file.length().map_err(io_error("cannot measure", &segment.path))?;
        let content = if index == last { scan.end } else { length };
        Ok(SegmentPart { path: segment.path, file: segment.file, length, content })
    });
    let segments = segments.collect::<Result<_, JournalError>>()?;
    Ok(Parts { segments, note, records: scan.edge.size() })
}

/// Path of a segment.
#[must_use]
pub fn segment_path(folder: &Path, index: u32) -> PathBuf {
    folder.join(segment_name(index))
}

/// Writes the file with the newest checkpoint.
///
/// # Errors
/// It cannot be written.
pub fn write_checkpoint(disk: &dyn Disk, folder: &Path, note: &[u8]) -> Result<(), JournalError> {
    let path = folder.join(CHECKPOINT_FILE);
    let file =
        disk.create(&path, 2 * CHECKPOINT_SLOT_BYTES).map_err(io_error("cannot create", &path))?;
    let length = u32::try_from(note.len()).unwrap_or(u32::MAX).to_be_bytes();
    file.write_at(&[&length, note].concat(), 0).map_err(io_error("cannot write", &path))?;
    file.sync().map_err(io_error("cannot sync", &path))
}
