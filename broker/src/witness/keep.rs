//! The newest cosigned checkpoint on disk, so that a restart does not forget who cosigned and when. The
//! signatures in it say everything; without the file nothing is lost but the time until the next round.

use std::io::{self, Read as _};
use std::path::Path;

use bytes::Bytes;
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::cosignature::{Cosignature, cosignatures};
use schleuse_proto::witness::BODY_BYTES_MAX;

use super::WitnessConfig;
use crate::journal::disk::{RealDisk, replace};

/// Reads the file; none if there is none or it cannot be believed.
pub(super) fn read(
    path: &Path,
    log: &CheckpointVerifier,
    witnesses: &[WitnessConfig],
) -> Option<(SignedCheckpoint, Vec<Cosignature>)> {
    let mut note = Vec::new();
    let limit = u64::try_from(BODY_BYTES_MAX).ok()?;
    let opened = std::fs::File::open(path);
    if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return None;
    }
    let read = opened.and_then(|file| file.take(limit).read_to_end(&mut note));
    let verifiers: Vec<_> = witnesses.iter().map(|witness| witness.verifier.clone()).collect();
    let believed = read.ok().and_then(|_| {
        let checkpoint = log.verify(&note).ok()?;
        Some((checkpoint, cosignatures(&note, &verifiers).ok()?))
    });
    if believed.is_none() {
        tracing::warn!(path = %path.display(), "cannot be read as a cosigned checkpoint; ignored");
    }
    believed
}

/// Replaces the file.
pub(super) fn write(path: &Path, note: &Bytes) -> io::Result<()> {
    replace(&RealDisk, path, note)
}
