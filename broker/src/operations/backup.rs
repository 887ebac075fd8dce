//! Backups: the log up to a checkpoint, readable only with a key that is kept offline.
//!
//! A backup is two files. `<name>.backup` is the journal, encrypted with a key of its own; it may be copied
//! anywhere. `<name>.key` is that key, sealed to the offline key; it stays in the keyring. So destroying one
//! small file makes every copy of a backup unreadable: that is how an erasure reaches backups.
//!
//! Neither holds the broker's own keys. A restored broker permits nothing until it is reconciled.

pub mod keys;
mod read;
pub mod seal;
mod write;

use std::path::PathBuf;

pub use read::{Restored, restore};
pub use write::{Written, back_up};

use crate::config::files::FileError;
use crate::journal::JournalError;
use crate::server::ServerError;

/// Why a backup is not made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The installation.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Randomness.
    #[error("the system gives no randomness")]
    Entropy,
}

impl From<FileError> for BackupError {
    fn from(error: FileError) -> Self {
        Self::Server(ServerError::from(error))
    }
}

fn wrong(path: &std::path::Path, why: impl ToString) -> BackupError {
    BackupError::File { path: path.to_owned(), why: why.to_string() }
}
