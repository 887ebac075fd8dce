//! The file in which the newest checkpoint is kept: the signed note itself.

use std::path::Path;

use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};

use crate::error::ClientError;
use crate::files;

/// Reads the file; none if there is no such file yet.
pub(super) fn read(
    path: &Path,
    verifier: &CheckpointVerifier,
) -> Result<Option<SignedCheckpoint>, ClientError> {
    if !path.try_exists().map_err(|error| ClientError::file(path, error))? {
        return Ok(None);
    }
    let note = files::read_small(path)?;
    let why = |error| {
        ClientError::file(
            path,
            format!(
                "{error}; look at it before you remove it: it protects against a rolled-back broker"
            ),
        )
    };
    verifier.verify(&note).map(Some).map_err(why)
}

/// Keeps a checkpoint of a log that was abandoned, under its size.
pub(super) fn put_aside(path: &Path, old: &SignedCheckpoint) -> Result<(), ClientError> {
    files::replace(&path.with_added_extension(format!("abandoned-{}", old.size)), &old.note)
}

/// Writes the file, whatever was in it.
pub(super) fn overwrite(path: &Path, newest: &SignedCheckpoint) -> Result<(), ClientError> {
    files::replace(path, &newest.note)
}

/// Writes the file, unless another process has kept a larger checkpoint meanwhile.
pub(super) fn write(
    path: &Path,
    verifier: &CheckpointVerifier,
    newest: &SignedCheckpoint,
) -> Result<(), ClientError> {
    if read(path, verifier)?.is_some_and(|kept| kept.size >= newest.size) {
        return Ok(());
    }
    files::replace(path, &newest.note)
}
