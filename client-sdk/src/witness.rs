//! A witness: it remembers the newest checkpoint of one log and cosigns what continues it.
//!
//! Owns the rules of C2SP `tlog-witness` (see [`schleuse_proto::witness`] for the bytes), its key, the
//! folder of its memory and the small HTTP service around it. It never talks to the broker by itself,
//! sees hashes only, and needs no certificate: whoever runs it chooses a log key, nothing else.
//!
//! INVARIANT (append-only): what this key has cosigned is one log. A checkpoint is on disk before its
//! cosignature leaves the process, checking and keeping are one step under one lock, and a damaged or
//! foreign memory stops the start instead of being forgotten.

mod http;
mod key;
mod memory;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use schleuse_proto::checkpoint::{
    CheckpointError, CheckpointVerifier, SignedCheckpoint, check_consistency,
};
use schleuse_proto::cosignature::{CosignatureSigner, add_cosignatures};
use schleuse_proto::witness::AddCheckpoint;

use crate::checkpoints::Alarm;
use crate::clock::Clock;
use crate::error::ClientError;

pub use http::serve;
pub use key::{generate_key, load_key};
pub use memory::{WitnessStatus, status};

use memory::Memory;

/// Why a checkpoint is not cosigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// The request or the note in it.
    #[error(
        "malformed: expected an old size, a proof, an empty line and a checkpoint at least that large"
    )]
    Malformed,
    /// Another log.
    #[error("this witness does not know the log of this checkpoint")]
    UnknownLog,
    /// The log did not sign.
    #[error("the checkpoint is not signed by the log's key")]
    NotSigned,
    /// The proof does not begin at what was cosigned last.
    #[error("{newest}")]
    OtherSize {
        /// Size of the newest cosigned checkpoint, 0 if there is none.
        newest: u64,
    },
    /// The log's key signed two logs.
    #[error("{size}")]
    Forked {
        /// Size of which there are two.
        size: u64,
    },
    /// The proof does not show that the log was only appended to.
    #[error("the proof does not lead from the checkpoint that was cosigned last to this one")]
    NotProven,
    /// The checkpoint could not be kept.
    #[error("the checkpoint could not be kept")]
    NotKept,
}

/// A witness of one log.
pub struct Witness {
    log: CheckpointVerifier,
    signer: CosignatureSigner,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    alarm: Option<Alarm>,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("signer", &self.signer).finish_non_exhaustive()
    }
}

impl Witness {
    /// Opens the memory of a witness in a folder of its own, or begins one.
    ///
    /// # Errors
    /// Another process has the folder, it is of another witness or another log, or it is damaged.
    pub fn open(
        folder: &Path,
        log: CheckpointVerifier,
        signer: CosignatureSigner,
        clock: Arc<dyn Clock>,
        alarm: Option<Alarm>,
    ) -> Result<Self, ClientError> {
        let memory = Mutex::new(Memory::open(folder, &log, signer.verifier())?);
        Ok(Self { log, signer, clock, memory, alarm })
    }

    /// Name of the witness.
    #[must_use]
    pub fn name(&self) -> &str {
        self.signer.verifier().name()
    }

    /// Public key in the C2SP form, for the broker's configuration and for verifiers.
    #[must_use]
    pub fn witness_key(&self) -> String {
        self.signer.verifier().witness_key()
    }

    /// Newest checkpoint with the signatures of the log and of this witness; none before the first.
    #[must_use]
    pub fn newest(&self) -> Option<SignedCheckpoint> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.newest().map(|newest| newest.checkpoint.clone())
    }

    /// Checks, keeps and cosigns a checkpoint; the answer is the signature line. Blocks while it is
    /// written.
    ///
    /// # Errors
    /// Nothing was cosigned. After [`WitnessRefusal::Forked`] the alarm was raised and both notes lie in
    /// the folder.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<u8>, WitnessRefusal> {
        let request = AddCheckpoint::parse(body).ok_or(WitnessRefusal::Malformed)?;
        let offered = self.verify(&request)?;
        // INVARIANT (append-only): one at a time, from the comparison to the disk.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let known = memory.newest().map(|newest| newest.checkpoint.clone());
        let known = known.unwrap_or_else(nothing);
        if request.old_size != known.size {
            return Err(WitnessRefusal::OtherSize { newest: known.size });
        }
        if known.size == offered.size && known.root != offered.root {
            memory.keep_fork(&known.note, &offered.note);
            self.raise(&ClientError::Forked { older: known.size, newer: offered.size });
            return Err(WitnessRefusal::Forked { size: known.size });
        }
        let is_proof_needed = known.size > 0 && known.size < offered.size;
        if is_proof_needed == request.proof.is_empty() {
            return Err(WitnessRefusal::NotProven);
        }
        check_consistency(&known, &offered, &request.proof)
            .map_err(|_| WitnessRefusal::NotProven)?;
        self.cosign(&mut memory, &offered)
    }

    fn verify(&self, request: &AddCheckpoint) -> Result<SignedCheckpoint, WitnessRefusal> {
        let offered = self.log.verify_bare(&request.note).map_err(|error| match error {
            CheckpointError::Note => WitnessRefusal::Malformed,
            CheckpointError::Key
            | CheckpointError::Signature
            | CheckpointError::Origin { .. }
            | CheckpointError::NotIncluded { .. }
            | CheckpointError::Inconsistent { .. } => {
                let origin = request.note.split(|byte| *byte == b'\n').next();
                if origin == Some(self.log.origin().as_bytes()) {
                    WitnessRefusal::NotSigned
                } else {
                    WitnessRefusal::UnknownLog
                }
            }
        })?;
        if request.old_size > offered.size {
            return Err(WitnessRefusal::Malformed);
        }
        Ok(offered)
    }

    fn cosign(
        &self,
        memory: &mut Memory,
        offered: &SignedCheckpoint,
    ) -> Result<Vec<u8>, WitnessRefusal> {
        let now_s = u64::try_from(self.clock.now_ms() / 1000).unwrap_or_default();
        // A larger log is never stated for an earlier second, even if the clock was set back.
        let time_s = memory.newest().map_or(now_s, |newest| newest.time_s.max(now_s));
        let malformed = |_| WitnessRefusal::Malformed;
        let cosignature = self.signer.cosign(&offered.note, time_s).map_err(malformed)?;
        let line = cosignature.line();
        let known = memory.newest();
        if known
            .is_some_and(|known| known.checkpoint.size == offered.size && known.time_s == time_s)
        {
            // The same was said within this second: whoever repeats a request causes no further write.
            return Ok(line);
        }
        let note = add_cosignatures(&offered.note, &[cosignature]).map_err(malformed)?;
        let kept = memory.keep(SignedCheckpoint { note, ..offered.clone() }, time_s);
        kept.map_err(|error| {
            self.raise(&error);
            WitnessRefusal::NotKept
        })?;
        Ok(line)
    }

    fn raise(&self, error: &ClientError) {
        if let Some(alarm) = &self.alarm {
            alarm(error);
        }
    }
}

/// The log before its first record; its root is the hash of nothing (RFC 9162 §2.1.1).
fn nothing() -> SignedCheckpoint {
    let mut root = [0; 32];
    root.copy_from_slice(digest(&SHA256, &[]).as_ref());
    SignedCheckpoint { size: 0, root, note: Vec::new() }
}

#[cfg(test)]
mod tests;
