//! Signed checkpoints of the log: C2SP `tlog-checkpoint` inside a C2SP `signed-note`.
//!
//! Owns reading and verifying. Signing is the journal's business in the broker.

use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

use crate::evidence::Digest;

/// A verified statement of the broker: its log had this size and this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Number of records.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Digest,
    /// The signed note itself, as evidence.
    pub note: Vec<u8>,
}

/// Why a checkpoint is not believed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The verifier key is not a C2SP Ed25519 key.
    #[error("malformed log key: expected \"<name>+<key hash>+<base64>\"")]
    Key,
    /// Not a signed note.
    #[error("malformed signed note")]
    Note,
    /// Not signed by the log's key.
    #[error("the checkpoint is not signed by the log's key")]
    Signature,
    /// A signed note, but not a checkpoint of this log.
    #[error("not a checkpoint of log {origin}")]
    Origin {
        /// The log whose checkpoint was expected.
        origin: String,
    },
    /// A record is not in the log at its number, or the proof does not show it.
    #[error("record {number} is not shown to be in the log of {size} records")]
    NotIncluded {
        /// Number of the record.
        number: u64,
        /// Size of the log.
        size: u64,
    },
    /// Two checkpoints contradict each other.
    #[error(
        "checkpoints of sizes {older} and {newer} contradict each other: the log was forked or rolled back"
    )]
    Inconsistent {
        /// Smaller size.
        older: u64,
        /// Larger size.
        newer: u64,
    },
}

/// Verifies checkpoints of one log.
#[derive(Clone)]
pub struct CheckpointVerifier {
    origin: String,
    verifier: StandardVerifier,
}

impl std::fmt::Debug for CheckpointVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointVerifier").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl CheckpointVerifier {
    /// Takes the log's public key in the C2SP form `<name>+<key hash>+<base64>`; the name is the
    /// origin of the log.
    ///
    /// # Errors
    /// The key is malformed.
    pub fn new(log_key: &str) -> Result<Self, CheckpointError> {
        let verifier = StandardVerifier::new(log_key).map_err(|_| CheckpointError::Key)?;
        let origin = log_key.split('+').next().ok_or(CheckpointError::Key)?.to_owned();
        Ok(Self { origin, verifier })
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Checks the signature and reads the checkpoint.
    ///
    /// # Errors
    /// The note is malformed, not signed by this log's key, or of another log.
    pub fn verify(&self, note: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
        self.verify_lines(note).map(|(checkpoint, _)| checkpoint)
    }

    /// As [`Self::verify`]; the note is left with the log's own signature line only, so that nobody
    /// else decides how long it is.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_bare(&self, note: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
        let (checkpoint, bare) = self.verify_lines(note)?;
        Ok(SignedCheckpoint { note: bare, ..checkpoint })
    }

    /// The checkpoint, and the note with the log's signature lines only.
    fn verify_lines(&self, note: &[u8]) -> Result<(SignedCheckpoint, Vec<u8>), CheckpointError> {
        let parsed = Note::from_bytes(note).map_err(|_| CheckpointError::Note)?;
        let verifiers = VerifierList::new(vec![Box::new(self.verifier.clone())]);
        let (verified, _unknown) =
            parsed.verify(&verifiers).map_err(|_| CheckpointError::Signature)?;
        if verified.is_empty() {
            return Err(CheckpointError::Signature);
        }
        let checkpoint =
            Checkpoint::from_bytes(parsed.text()).map_err(|_| CheckpointError::Note)?;
        if checkpoint.origin() != self.origin {
            return Err(CheckpointError::Origin { origin: self.origin.clone() });
        }
        let bare =
            Note::new(parsed.text(), &verified).map_err(|_| CheckpointError::Note)?.to_bytes();
        let (size, root) = (checkpoint.size(), checkpoint.hash().0);
        Ok((SignedCheckpoint { size, root, note: note.to_vec() }, bare))
    }
}

/// Checks an RFC 9162 inclusion proof of a leaf hash against a verified checkpoint.
///
/// # Errors
/// The leaf is not in the log at this number, or the proof does not show it.
pub fn check_inclusion(
    checkpoint: &SignedCheckpoint,
    number: u64,
    leaf: &Digest,
    path: &[Digest],
) -> Result<(), CheckpointError> {
    let path = path.iter().map(|hash| Hash(*hash)).collect();
    tlog_tiles::check_record(&path, checkpoint.size, Hash(checkpoint.root), number, Hash(*leaf))
        .map_err(|_| CheckpointError::NotIncluded { number, size: checkpoint.size })
}

/// Checks an RFC 9162 consistency proof between two verified checkpoints.
///
/// # Errors
/// The larger log does not begin with the smaller one, or the proof does not show it.
pub fn check_consistency(
    older: &SignedCheckpoint,
    newer: &SignedCheckpoint,
    path: &[Digest],
) -> Result<(), CheckpointError> {
    let inconsistent = || CheckpointError::Inconsistent { older: older.size, newer: newer.size };
    if older.size == 0 {
        return Ok(());
    }
    if older.size == newer.size {
        return if older.root == newer.root { Ok(()) } else { Err(inconsistent()) };
    }
    if older.size > newer.size {
        return Err(inconsistent());
    }
    let path = path.iter().map(|hash| Hash(*hash)).collect();
    tlog_tiles::check_tree(&path, newer.size, Hash(newer.root), older.size, Hash(older.root))
        .map_err(|_| inconsistent())
}
