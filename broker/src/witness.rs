//! Witnesses: others who cosign that the log only grows, so that nobody is shown a log of his own.
//!
//! Owns the list of witnesses, the task that collects their cosignatures, and what is known of them:
//! the newest cosigned checkpoint and how old each witness's word is. It knows the journal and nothing
//! of the rules. The protocol is C2SP `tlog-witness`, see [`schleuse_proto::witness`] and
//! `ops/adr/0007-witnesses.md`.
//!
//! INVARIANT (deny-early): collecting is beside the work. Nothing waits for a witness: no commit, no
//! answer, no revocation. Where a quorum is required, [`Witnesses::is_late`] says that it is missing for
//! too long; whoever asks refuses new permits, and nothing else.
//!
//! INVARIANT (anti-rollback): a witness that has seen more than this journal holds, or something else,
//! is asked for its note; a note signed with our own key is handed to [`OnAhead`].

mod collector;
mod exchange;
mod http;
mod keep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::cosignature::CosignatureVerifier;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::journal::JournalReader;

pub use collector::Collector;
pub use exchange::Fault;
pub use http::WitnessUrl;

/// Most witnesses.
pub const WITNESSES_MAX: usize = 16;

/// One witness.
#[derive(Clone, Debug)]
pub struct WitnessConfig {
    /// Where it listens.
    pub url: WitnessUrl,
    /// Its public key.
    pub verifier: CosignatureVerifier,
}

/// The witnesses of a broker and what is required of them.
#[derive(Clone, Debug)]
pub struct WitnessRules {
    /// The witnesses; each has a key and a name of its own.
    pub witnesses: Vec<WitnessConfig>,
    /// So many must have cosigned within `max_age_ms`; 0 requires nothing.
    pub quorum: usize,
    /// Age in milliseconds above which a cosignature is late.
    pub max_age_ms: u64,
    /// Pause between two rounds.
    pub interval: Duration,
}

/// Called with a note of our own log that contradicts this journal or is ahead of it. It is called
/// again whenever a witness shows such a note, also after a restart: whoever has dealt with a note
/// remembers that.
pub type OnAhead = Arc<dyn Fn(&SignedCheckpoint) + Send + Sync>;

/// Unix milliseconds.
pub type Now = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the collector works with.
pub struct Parts {
    /// Whom to ask.
    pub rules: WitnessRules,
    /// Verifier of our own log.
    pub log: CheckpointVerifier,
    /// The log.
    pub reader: Arc<dyn JournalReader>,
    /// The clock.
    pub now: Now,
    /// Where the newest cosigned checkpoint is kept over restarts.
    pub file: PathBuf,
    /// Who is told that this journal was rolled back or forked.
    pub on_ahead: OnAhead,
}

/// What is known of one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// Size of the newest checkpoint that it cosigned; none if it never did.
    pub size: Option<u64>,
    /// When it did, Unix milliseconds: by its clock, but not in the future of ours.
    pub time_ms: Option<u64>,
    /// What went wrong since then, for operators; none if nothing did.
    pub fault: Option<String>,
}

impl WitnessStatus {
    /// Age of its newest cosignature in milliseconds; none if there is none.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> Option<u64> {
        self.time_ms.map(|time_ms| now_ms.saturating_sub(time_ms))
    }
}

/// Handle to what the witnesses said. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Witnesses(Option<Arc<Shared>>);

/// What the collector tells its handles.
struct Shared {
    quorum: usize,
    max_age_ms: u64,
    known: ArcSwap<Known>,
}

/// What the witnesses said until now.
#[derive(Clone, Debug, Default)]
struct Known {
    cosigned: Option<Cosigned>,
    witnesses: Vec<WitnessStatus>,
}

/// The newest checkpoint that enough witnesses cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cosigned {
    size: u64,
    note: Bytes,
}

impl std::fmt::Debug for Witnesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Witnesses").field(&self.status()).finish()
    }
}

impl Witnesses {
    /// Without witnesses: nothing is required and nothing known.
    #[must_use]
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Reads what was collected before, asks every witness once, which takes 5 s at most, and collects
    /// in a task of its own until the token is cancelled. Without a configured witness nothing happens.
    pub async fn start(parts: Parts, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        if parts.rules.witnesses.is_empty() {
            return (Self::disabled(), tokio::spawn(async {}));
        }
        let (mut collector, witnesses) = Collector::new(parts);
        collector.round().await;
        (witnesses, tokio::spawn(collector.run(stop)))
    }

    /// Whether a quorum is required and missing for longer than allowed. Before the first quorum ever,
    /// it is late.
    #[must_use]
    pub fn is_late(&self, now_ms: u64) -> bool {
        let Some(shared) = self.0.as_ref().filter(|shared| shared.quorum > 0) else { return false };
        self.quorum_age_ms(now_ms).is_none_or(|age_ms| age_ms > shared.max_age_ms)
    }

    /// Milliseconds since the newest moment from which on the required number of witnesses (at least
    /// one) had cosigned; none if there was no such moment.
    #[must_use]
    pub fn quorum_age_ms(&self, now_ms: u64) -> Option<u64> {
        let shared = self.0.as_ref()?;
        let known = shared.known.load();
        let mut times: Vec<u64> = known.witnesses.iter().filter_map(|w| w.time_ms).collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        let time_ms = times.get(shared.quorum.max(1) - 1)?;
        Some(now_ms.saturating_sub(*time_ms))
    }

    /// The newest checkpoint that the required number of witnesses (at least one) cosigned, with their
    /// cosignatures.
    #[must_use]
    pub fn cosigned_note(&self) -> Option<Bytes> {
        let known = self.0.as_ref()?.known.load();
        known.cosigned.as_ref().map(|cosigned| cosigned.note.clone())
    }

    /// How many must have cosigned within [`Witnesses::max_age_ms`]; 0 requires nothing.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.0.as_ref().map_or(0, |shared| shared.quorum)
    }

    /// Age in milliseconds above which a cosignature is late.
    #[must_use]
    pub fn max_age_ms(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.max_age_ms)
    }

    /// What is known of each witness, for operators.
    #[must_use]
    pub fn status(&self) -> Vec<WitnessStatus> {
        self.0.as_ref().map(|shared| shared.known.load().witnesses.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
