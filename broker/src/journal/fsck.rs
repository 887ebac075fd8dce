//! Offline check of a journal: every frame, commitment, root and signature. Changes nothing.

use std::path::Path;

use schleuse_proto::checkpoint::CheckpointVerifier;
use schleuse_proto::evidence::{Digest, sha256};

use super::disk::Disk;
use super::recovery::{Signatures, scan};
use super::{JournalError, OnRecord};

/// What a check found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Number of records.
    pub records: u64,
    /// Number of groups, each with a verified signature.
    pub groups: u64,
    /// Number of segment files.
    pub segments: usize,
    /// Starts of the broker.
    pub epochs: u64,
    /// Root of the tree over all records.
    pub root: Digest,
    /// Whether a torn group lies at the end, to be cut at the next start.
    pub torn: bool,
}

/// Checks everything and shows every record.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(
    disk: &dyn Disk,
    folder: &Path,
    verifier: &CheckpointVerifier,
    on_record: OnRecord<'_>,
) -> Result<Report, JournalError> {
    let log = sha256(&[verifier.origin().as_bytes()]);
    let signatures = Signatures { verifier, each: true };
    let scan = scan(disk, folder, &log, &signatures, &mut |scanned| on_record(scanned.record))?;
    let records = scan.edge.size();
    let root = scan
        .edge
        .root()
        .map_err(|error| JournalError::Record { number: records, why: error.to_string() })?;
    Ok(Report {
        records,
        groups: scan.groups,
        segments: scan.segments.len(),
        epochs: scan.epoch,
        root,
        torn: scan.torn,
    })
}
