//! Hand-outs in flight: permitted, but perhaps not yet written out.
//!
//! The barrier of revoke-strict: whoever ended a consent waits here until every hand-out about the
//! participant that was permitted before is either written out completely or cut. Slow readers are
//! given [`SETTLE_PATIENCE`], then their connection is cut.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::ids::RecordNumber;
use crate::domain::state::ParticipantIx;

/// How long a hand-out may take to be written out once its consent has ended.
pub(super) const SETTLE_PATIENCE: Duration = Duration::from_secs(1);

/// All hand-outs in flight, by participant.
#[derive(Debug, Default)]
pub struct InFlight {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    by_participant: HashMap<ParticipantIx, Vec<Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: u64,
    message: RecordNumber,
    cut: CancellationToken,
    done: CancellationToken,
}

/// Marks one hand-out as in flight until it is dropped.
#[derive(Debug)]
pub struct InFlightGuard {
    participant: ParticipantIx,
    id: u64,
    registry: Arc<InFlight>,
}

impl InFlight {
    /// Registers a hand-out. `cut` ends the connection that it travels on.
    #[must_use]
    pub fn begin(
        self: &Arc<Self>,
        participant: ParticipantIx,
        message: RecordNumber,
        cut: CancellationToken,
    ) -> InFlightGuard {
        let mut table = self.table();
        let id = table.next;
        table.next += 1;
        let entry = Entry { id, message, cut, done: CancellationToken::new() };
        table.by_participant.entry(participant).or_default().push(entry);
        InFlightGuard { participant, id, registry: self.clone() }
    }

    /// Number of hand-outs in flight.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table().by_participant.values().map(Vec::len).sum()
    }

    /// Waits until everything about the participant that is in flight now has ended.
    pub async fn settle(&self, participant: ParticipantIx) {
        self.settle_those(participant, |_| true).await;
    }

    /// Waits until every hand-out of these messages that is in flight now has ended.
    pub async fn settle_messages(&self, messages: &[(ParticipantIx, RecordNumber)]) {
        for (participant, number) in messages {
            self.settle_those(*participant, |message| message == *number).await;
        }
    }

    async fn settle_those(
        &self,
        participant: ParticipantIx,
        is_meant: impl Fn(RecordNumber) -> bool,
    ) {
        let entries: Vec<Entry> = {
            let table = self.table();
            let about = table.by_participant.get(&participant).into_iter().flatten();
            about.filter(|entry| is_meant(entry.message)).cloned().collect()
        };
        if entries.is_empty() {
            return;
        }
        let all_done = async {
            for entry in &entries {
                entry.done.cancelled().await;
            }
        };
        if tokio::time::timeout(SETTLE_PATIENCE, all_done).await.is_ok() {
            return;
        }
        for entry in entries.iter().filter(|entry| !entry.done.is_cancelled()) {
            entry.cut.cancel();
        }
        for entry in &entries {
            entry.done.cancelled().await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let mut table = self.registry.table();
        let Some(entries) = table.by_participant.get_mut(&self.participant) else { return };
        if let Some(position) = entries.iter().position(|entry| entry.id == self.id) {
            let entry = entries.swap_remove(position);
            if entries.is_empty() {
                table.by_participant.remove(&self.participant);
            }
            drop(table);
            entry.done.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::ParticipantIx;

    #[tokio::test(start_paused = true)]
    async fn settling_waits_for_what_was_in_flight_and_not_for_later_ones() {
        let registry = Arc::new(InFlight::default());
        let participant = ParticipantIx::for_test(1);
        let early = registry.begin(participant, 1, CancellationToken::new());
        let other = registry.begin(ParticipantIx::for_test(2), 2, CancellationToken::new());
        let waiting = registry.clone();
        let settle = tokio::spawn(async move { waiting.settle(participant).await });
        tokio::task::yield_now().await;
        assert!(!settle.is_finished());
        let late = registry.begin(participant, 3, CancellationToken::new());
        drop(early);
        settle.await.unwrap();
        assert_eq!(registry.count(), 2);
        drop((late, other));
    }

    #[tokio::test(start_paused = true)]
    async fn a_recall_waits_for_its_own_message_only() {
        let registry = Arc::new(InFlight::default());
        let participant = ParticipantIx::for_test(1);
        let (own, other) = (CancellationToken::new(), CancellationToken::new());
        let recalled = registry.begin(participant, 7, own.clone());
        let stays = registry.begin(participant, 8, other.clone());
        let waiting = registry.clone();
        let settle =
            tokio::spawn(async move { waiting.settle_messages(&[(participant, 7)]).await });
        tokio::task::yield_now().await;
        assert!(!settle.is_finished());
        drop(recalled);
        settle.await.unwrap();
        assert!(!other.is_cancelled());
        drop(stays);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_take_the_bytes_is_cut() {
        let registry = Arc::new(InFlight::default());
        let participant = ParticipantIx::for_test(1);
        let cut = CancellationToken::new();
        let guard = registry.begin(participant, 1, cut.clone());
        let connection = tokio::spawn(async move {
            cut.cancelled().await;
            drop(guard);
        });
        registry.settle(participant).await;
        connection.await.unwrap();
        assert_eq!(registry.count(), 0);
    }
}
