//! Checkpoints of the broker's log: the newest is kept, and each new one must continue it.
//!
//! INVARIANT (anti-rollback): a broker whose log is shorter than one it signed before, or
//! contradicts one, is found out by the call that sees it, and every later call fails too.
//! Every checkpoint that arrives is verified at once ([`CheckpointKeeper::observe`]); the proofs
//! that they belong to one log are asked for once per call or batch ([`CheckpointKeeper::check`]),
//! not on each answer. Answers of concurrent calls arrive in any order, so a smaller checkpoint is
//! no alarm by itself: it must be a prefix of the newest.

mod reconciled;
mod store;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint, check_consistency};
use schleuse_proto::evidence::Digest;
use schleuse_proto::v1::ErrorReason;

pub use reconciled::Accepted;

use crate::error::{ClientError, EvidenceFault};

/// Most checkpoints that wait for their proof. Beyond that, one between the oldest and the newest
/// is dropped: it was signed, and its neighbours are proven.
const UNPROVEN_MAX: usize = 64;

/// Called with every alarm: rollback, fork, false checkpoint.
pub type Alarm = Arc<dyn Fn(&ClientError) + Send + Sync>;

/// Where checkpoints and proofs come from: the broker, or a fake one in tests.
pub trait ProofSource: Sync {
    /// The newest signed checkpoint; the source is shown the one that is known.
    fn latest(
        &self,
        known: Option<&[u8]>,
    ) -> impl Future<Output = Result<Vec<u8>, ClientError>> + Send;

    /// The consistency proof between two sizes.
    fn prove(
        &self,
        old_size: u64,
        new_size: u64,
    ) -> impl Future<Output = Result<Vec<Digest>, ClientError>> + Send;
}

/// Keeps the newest checkpoint and finds rollbacks and forks.
pub struct CheckpointKeeper {
    verifier: CheckpointVerifier,
    path: Option<PathBuf>,
    known: Mutex<Known>,
    checking: tokio::sync::Mutex<()>,
    alarm: Option<Alarm>,
}

#[derive(Debug, Default)]
struct Known {
    /// Newest checkpoint that was proven to continue all before it.
    proven: Option<SignedCheckpoint>,
    /// Verified checkpoints that wait for their proof, by size.
    unproven: BTreeMap<u64, SignedCheckpoint>,
    /// Size of which two checkpoints contradict each other; nothing is believed after that.
    forked_at: Option<u64>,
}

impl std::fmt::Debug for CheckpointKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointKeeper").field("path", &self.path).finish_non_exhaustive()
    }
}

impl CheckpointKeeper {
    /// Keeps the newest checkpoint of a log in a file, if one is named.
    ///
    /// # Errors
    /// The file is there and cannot be read, or holds no checkpoint of this log.
    pub fn open(
        verifier: CheckpointVerifier,
        path: Option<PathBuf>,
        alarm: Option<Alarm>,
    ) -> Result<Self, ClientError> {
        let proven = path.as_deref().map(|path| store::read(path, &verifier)).transpose()?;
        let known = Mutex::new(Known { proven: proven.flatten(), ..Known::default() });
        Ok(Self { verifier, path, known, checking: tokio::sync::Mutex::new(()), alarm })
    }

    /// Newest checkpoint that was proven to continue all before it.
    #[must_use]
    pub fn newest(&self) -> Option<SignedCheckpoint> {
        self.known().proven.clone()
    }

    /// Verifies a checkpoint that arrived and remembers it for the next [`Self::check`].
    ///
    /// # Errors
    /// The log's key did not sign it, or it contradicts one of the same size.
    pub fn observe(&self, note: &[u8]) -> Result<SignedCheckpoint, ClientError> {
        let last = self.known().unproven.last_key_value().map(|(_, seen)| seen.clone());
        if let Some(seen) = last.filter(|seen| seen.note == note) {
            return Ok(seen);
        }
        let verified = self.verifier.verify(note);
        let seen = self.sound(verified.map_err(|e| ClientError::evidence(e.into())))?;
        let mut known = self.known();
        let same = known.unproven.get(&seen.size).or(known.proven.as_ref());
        let fork = same.is_some_and(|other| other.size == seen.size && other.root != seen.root);
        if fork {
            known.forked_at = Some(seen.size);
            drop(known);
            return self.sound(Err(ClientError::Forked { older: seen.size, newer: seen.size }));
        }
        if known.proven.as_ref().is_none_or(|proven| proven.size != seen.size) {
            known.unproven.insert(seen.size, seen.clone());
            if known.unproven.len() > UNPROVEN_MAX {
                let between = known.unproven.keys().nth(UNPROVEN_MAX / 2).copied();
                between.map(|size| known.unproven.remove(&size));
            }
        }
        Ok(seen)
    }

    /// Asks for the newest checkpoint; it must not be smaller than what was known before.
    ///
    /// # Errors
    /// The broker was rolled back, its log was forked, or it cannot be reached.
    pub async fn check_latest<S: ProofSource>(&self, source: &S) -> Result<(), ClientError> {
        let known_size = self.known_size();
        let known = self.newest().map(|known| known.note);
        let note = source.latest(known.as_deref()).await?;
        let seen_size = self.observe(&note)?.size;
        if seen_size < known_size {
            return self.sound(Err(ClientError::RolledBack { known_size, seen_size }));
        }
        self.check(source).await
    }

    /// Proves that all checkpoints observed since the last check belong to one log, and keeps the
    /// newest.
    ///
    /// # Errors
    /// The broker was rolled back, its log was forked, or it cannot be reached.
    pub async fn check<S: ProofSource>(&self, source: &S) -> Result<(), ClientError> {
        let _one_at_a_time = self.checking.lock().await;
        let (proven, unproven, forked_at) = {
            let known = self.known();
            (known.proven.clone(), known.unproven.clone(), known.forked_at)
        };
        if let Some(size) = forked_at {
            return Err(ClientError::Forked { older: size, newer: size });
        }
        let newest = unproven.values().last().or(proven.as_ref());
        let newest = newest.filter(|newest| proven.as_ref().is_none_or(|p| p.size <= newest.size));
        let Some(newest) = newest.or(proven.as_ref()).cloned() else { return Ok(()) };
        for older in proven.iter().chain(unproven.values()) {
            if older.size != newest.size {
                self.prove(source, older, &newest).await?;
            }
        }
        if proven.as_ref().is_none_or(|proven| proven.size < newest.size) {
            self.keep(newest.clone()).await?;
        }
        let mut known = self.known();
        known.unproven.retain(|size, seen| {
            *size > newest.size || unproven.get(size).is_none_or(|checked| checked != seen)
        });
        known.proven = Some(newest);
        Ok(())
    }

    /// Puts another checkpoint in the place of all that is known, of a log that was reconciled. The old one is
    /// kept beside it, as evidence.
    ///
    /// # Errors
    /// The log's key did not sign it, or the file cannot be written.
    pub async fn accept(&self, note: &[u8]) -> Result<SignedCheckpoint, ClientError> {
        let _one_at_a_time = self.checking.lock().await;
        let verified = self.verifier.verify(note);
        let accepted = verified.map_err(|e| ClientError::evidence(e.into()))?;
        let old = self.newest();
        if let (Some(path), Some(old)) = (&self.path, &old) {
            store::put_aside(path, old)?;
            store::overwrite(path, &accepted)?;
        }
        *self.known() = Known { proven: Some(accepted.clone()), ..Known::default() };
        Ok(accepted)
    }

    async fn prove<S: ProofSource>(
        &self,
        source: &S,
        older: &SignedCheckpoint,
        newer: &SignedCheckpoint,
    ) -> Result<(), ClientError> {
        if older.size == 0 {
            return Ok(());
        }
        let path = match source.prove(older.size, newer.size).await {
            Ok(path) => path,
            // The broker signed this size and now says that its log is shorter.
            Err(error) if error.is_refused_for(ErrorReason::CheckpointAhead) => {
                return self.sound(Err(rolled_back(newer.size, &error)));
            }
            Err(error) => return Err(error),
        };
        let forked = ClientError::Forked { older: older.size, newer: newer.size };
        self.sound(check_consistency(older, newer, &path).map_err(|_| forked))
    }

    async fn keep(&self, newest: SignedCheckpoint) -> Result<(), ClientError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let verifier = self.verifier.clone();
        let written =
            tokio::task::spawn_blocking(move || store::write(&path, &verifier, &newest)).await;
        written.map_err(|_| ClientError::protocol("the checkpoint could not be kept"))?
    }

    fn known_size(&self) -> u64 {
        let known = self.known();
        let unproven = known.unproven.keys().last().copied();
        known.proven.as_ref().map(|proven| proven.size).max(unproven).unwrap_or_default()
    }

    /// Calls the alarm with an error that is one.
    pub(crate) fn alarm(&self, error: ClientError) -> ClientError {
        if let Some(alarm) = &self.alarm {
            alarm(&error);
        }
        error
    }

    /// Calls the alarm if the result is one.
    fn sound<T>(&self, result: Result<T, ClientError>) -> Result<T, ClientError> {
        if let (Err(error), Some(alarm)) = (&result, &self.alarm) {
            alarm(error);
        }
        result
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rolled_back(known_size: u64, error: &ClientError) -> ClientError {
    let seen_size = if let ClientError::Refused { metadata, .. } = error {
        metadata.get("log_size").and_then(|size| size.parse().ok()).unwrap_or_default()
    } else {
        0
    };
    ClientError::RolledBack { known_size, seen_size }
}

/// A digest out of a proof.
pub(crate) fn proof_path(path: &[bytes::Bytes]) -> Result<Vec<Digest>, ClientError> {
    let wrong = |_| ClientError::evidence(EvidenceFault::Protocol("a proof hash is not 32 bytes"));
    path.iter().map(|hash| Digest::try_from(hash.as_ref()).map_err(wrong)).collect()
}

#[cfg(test)]
mod tests;
