//! The task that asks the witnesses, one round after another.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::cosignature::{Cosignature, add_cosignatures};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::exchange::{Exchange, Fault};
use super::{
    Cosigned, Known, Now, OnAhead, Parts, Shared, WitnessConfig, WitnessRules, WitnessStatus,
    Witnesses, keep,
};
use crate::journal::{Commit, JournalReader};

/// Longest pause before a witness that failed is asked again, in milliseconds.
const BACKOFF_MAX_MS: u64 = 60_000;
/// Largest difference between a witness's clock and ours, in seconds.
const CLOCK_DIFFERENCE_S_MAX: u64 = 120;

/// Collects cosignatures.
pub struct Collector {
    witnesses: Vec<Witness>,
    interval: Duration,
    log: CheckpointVerifier,
    reader: Arc<dyn JournalReader>,
    now: Now,
    file: PathBuf,
    on_ahead: OnAhead,
    started_ms: u64,
    shared: Arc<Shared>,
    /// The newest checkpoint that any witness cosigned, with all cosignatures until now.
    pending: Option<Cosigned>,
    /// What was written to disk last.
    kept: Option<Cosigned>,
    was_late: bool,
}

/// What the collector remembers of one witness beside its status.
struct Witness {
    config: WitnessConfig,
    failures: u32,
    next_ms: u64,
    was_late: bool,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Collector {
    /// Begins with what is on disk; asks nobody yet.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Witnesses) {
        let Parts { rules, log, reader, now, file, on_ahead } = parts;
        let WitnessRules { witnesses, quorum, max_age_ms, interval } = rules;
        let status = |config: &WitnessConfig| WitnessStatus {
            name: config.verifier.name().to_owned(),
            url: config.url.as_str().to_owned(),
            size: None,
            time_ms: None,
            fault: None,
        };
        let known = Known { cosigned: None, witnesses: witnesses.iter().map(status).collect() };
        let shared = Arc::new(Shared { quorum, max_age_ms, known: ArcSwap::from_pointee(known) });
        let kept = keep::read(&file, &log, &witnesses);
        let fresh = |config| Witness { config, failures: 0, next_ms: 0, was_late: false };
        let witnesses = witnesses.into_iter().map(fresh).collect();
        let (started_ms, handle) = (now(), Witnesses(Some(shared.clone())));
        let mut collector = Self {
            witnesses,
            interval,
            log,
            reader,
            now,
            file,
            on_ahead,
            started_ms,
            shared,
            pending: None,
            kept: None,
            was_late: false,
        };
        if let Some((checkpoint, cosignatures)) = kept {
            collector.take_over(checkpoint, &cosignatures);
        }
        (collector, handle)
    }

    /// Runs rounds until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let _told = stop.run_until_cancelled(self.ask()).await;
            self.settle().await;
        }
    }

    /// Asks every witness that is due, all at the same time, and keeps what they said.
    pub async fn round(&mut self) {
        self.ask().await;
        self.settle().await;
    }

    /// Each answer is visible at once. May be cut: what was answered counts.
    async fn ask(&mut self) {
        let commit = self.reader.latest();
        if commit.size() == 0 {
            return;
        }
        let mut exchanges = JoinSet::new();
        for (place, exchange) in self.due(&commit) {
            exchanges.spawn(async move { (place, exchange.run().await) });
        }
        while let Some(ended) = exchanges.join_next().await {
            let Ok((place, ended)) = ended else { continue };
            self.take(place, &commit, ended);
        }
    }

    async fn settle(&mut self) {
        self.keep().await;
        self.tell_lateness();
    }

    fn known(&self) -> Arc<Known> {
        self.shared.known.load_full()
    }

    /// Witnesses whose word does not cover the newest record, or will soon be too old.
    fn due(&self, commit: &Commit) -> Vec<(usize, Exchange)> {
        let (now_ms, known) = ((self.now)(), self.known());
        let places = self.witnesses.iter().zip(&known.witnesses).enumerate();
        let due = places.filter(|(_, (witness, status))| {
            let is_fresh =
                status.age_ms(now_ms).is_some_and(|age_ms| age_ms < self.shared.max_age_ms / 2);
            let is_new = status.size != Some(commit.size());
            now_ms >= witness.next_ms && (is_new || !is_fresh)
        });
        due.map(|(place, (witness, status))| {
            let exchange = Exchange {
                witness: witness.config.clone(),
                log: self.log.clone(),
                reader: self.reader.clone(),
                known_size: status.size.unwrap_or_default(),
                commit: commit.clone(),
            };
            (place, exchange)
        })
        .collect()
    }

    fn take(&mut self, place: usize, commit: &Commit, ended: Result<Cosignature, Fault>) {
        let now_ms = (self.now)();
        let mut known = Known::clone(&self.known());
        let (Some(witness), Some(status)) =
            (self.witnesses.get_mut(place), known.witnesses.get_mut(place))
        else {
            return;
        };
        match ended.and_then(|cosignature| in_time(cosignature, now_ms)) {
            Ok(cosignature) => {
                (witness.failures, witness.next_ms) = (0, 0);
                status.size = Some(commit.size());
                status.time_ms = Some(cosignature.time_s.saturating_mul(1000).min(now_ms));
                status.fault = None;
                self.merge(commit, cosignature);
                if self.is_quorum(&known, commit.size()) {
                    known.cosigned = self.pending.clone();
                }
            }
            Err(fault) => {
                witness.next_ms = now_ms.saturating_add(pause_ms(self.interval, witness.failures));
                witness.failures = witness.failures.saturating_add(1);
                status.fault = Some(fault.to_string());
                if let Fault::Ahead(checkpoint) = &fault {
                    self.alarm(&status.name, checkpoint);
                }
            }
        }
        self.shared.known.store(Arc::new(known));
    }

    /// Adds a cosignature to the note of a commit.
    fn merge(&mut self, commit: &Commit, new: Cosignature) {
        let pending = self.pending.as_ref().filter(|pending| pending.size == commit.size());
        let note = pending.map_or(&**commit.note(), |pending| &pending.note);
        match add_cosignatures(note, &[new]) {
            Ok(note) => {
                self.pending = Some(Cosigned { size: commit.size(), note: Bytes::from(note) });
            }
            Err(error) => tracing::error!(%error, "a cosignature cannot be added"),
        }
    }

    /// Writes what is new to disk. Without it only a restart would have to wait for the next round.
    async fn keep(&mut self) {
        let Some(cosigned) = self.known().cosigned.clone() else { return };
        if self.kept.as_ref() == Some(&cosigned) {
            return;
        }
        let file = self.file.clone();
        self.kept = Some(cosigned.clone());
        let written = tokio::task::spawn_blocking(move || keep::write(&file, &cosigned.note)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, path = %self.file.display(), "cannot be written");
        }
    }

    /// Begins with what the run before this one collected.
    fn take_over(&mut self, checkpoint: SignedCheckpoint, cosignatures: &[Cosignature]) {
        let size = checkpoint.size;
        let is_held = size <= self.reader.latest().size()
            && self.reader.root(size).is_ok_and(|root| root == checkpoint.root);
        if !is_held {
            self.alarm("own file", &checkpoint);
            return;
        }
        let now_ms = (self.now)();
        let mut known = Known::clone(&self.known());
        for status in &mut known.witnesses {
            let own = cosignatures.iter().find(|cosignature| cosignature.witness == status.name);
            if let Some(cosignature) = own {
                status.size = Some(size);
                status.time_ms = Some(cosignature.time_s.saturating_mul(1000).min(now_ms));
            }
        }
        let cosigned = Cosigned { size, note: Bytes::from(checkpoint.note) };
        self.pending = Some(cosigned.clone());
        if self.is_quorum(&known, size) {
            known.cosigned = Some(cosigned);
        }
        self.shared.known.store(Arc::new(known));
    }

    fn is_quorum(&self, known: &Known, size: u64) -> bool {
        let cosigned = known.witnesses.iter().filter(|status| status.size == Some(size));
        cosigned.count() >= self.shared.quorum.max(1)
    }

    fn alarm(&self, shown_by: &str, checkpoint: &SignedCheckpoint) {
        tracing::error!(
            shown_by,
            size = checkpoint.size,
            "there are records signed by our key that this log does not hold: it was rolled back or forked"
        );
        (self.on_ahead)(checkpoint);
    }

    /// Tells operators once that a witness or the quorum became late, and once that it is back.
    fn tell_lateness(&mut self) {
        let (now_ms, known) = ((self.now)(), self.known());
        for (witness, status) in self.witnesses.iter_mut().zip(&known.witnesses) {
            let since_ms = status.time_ms.unwrap_or(self.started_ms);
            let age_s = now_ms.saturating_sub(since_ms) / 1000;
            let is_late = age_s > self.shared.max_age_ms / 1000;
            let (name, fault) = (&status.name, &status.fault);
            if is_late && !witness.was_late {
                tracing::warn!(witness = name, age_s, fault, "a witness is late");
            } else if witness.was_late && !is_late {
                tracing::info!(witness = name, "a witness is back");
            }
            witness.was_late = is_late;
        }
        let is_late = Witnesses(Some(self.shared.clone())).is_late(now_ms);
        if is_late && !self.was_late {
            tracing::warn!(required = self.shared.quorum, "the quorum of witnesses is late");
        } else if self.was_late && !is_late {
            tracing::info!("the quorum of witnesses is back");
        }
        self.was_late = is_late;
    }
}

/// Pause after so many failures before this one: it doubles up to its bound.
fn pause_ms(interval: Duration, failures: u32) -> u64 {
    let pause = interval.saturating_mul(1 << failures.min(8)).as_millis();
    u64::try_from(pause).unwrap_or(u64::MAX).min(BACKOFF_MAX_MS)
}

/// Refuses a cosignature whose time means nothing here.
fn in_time(cosignature: Cosignature, now_ms: u64) -> Result<Cosignature, Fault> {
    let difference_s = cosignature.time_s.abs_diff(now_ms / 1000);
    if difference_s > CLOCK_DIFFERENCE_S_MAX {
        return Err(Fault::Clock { difference_s });
    }
    Ok(cosignature)
}
