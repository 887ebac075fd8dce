//! The queues in front of the sequencer.
//!
//! INVARIANT (bounded): the normal lane refuses when it is full; revocations and log queries have a
//! lane of their own, so that no load can keep them out.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{Input, Lane};
use crate::domain::command::{Command, EvaluationCommand};
use crate::domain::refusal::Refusal;

/// Weight of what may wait in the normal lane, in KiB: 64 MiB of messages, or 4,096 small commands.
const NORMAL_KIB_MAX: usize = 64 * 1024;
/// Weight of the smallest command in KiB.
const WEIGHT_MIN: u32 = 16;
/// Commands that may wait in the urgent lane; the callers of more wait.
const URGENT_MAX: usize = 256;

/// The queues.
pub(super) struct Lanes {
    queues: Mutex<Queues>,
    filled: Condvar,
    normal: Arc<Semaphore>,
    urgent: Arc<Semaphore>,
}

#[derive(Default)]
struct Queues {
    urgent: VecDeque<Input>,
    normal: VecDeque<Input>,
    closed: bool,
    /// The sequencer sleeps; otherwise it looks by itself and need not be woken.
    idle: bool,
}

/// What waits in the lanes, beside its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Commands in the urgent lane.
    pub urgent: usize,
    /// Their bound; the callers of more wait.
    pub urgent_max: usize,
    /// Commands in the normal lane.
    pub normal: usize,
    /// Their weight in KiB.
    pub normal_kib: usize,
    /// Bound of the weight in KiB.
    pub normal_kib_max: usize,
}

/// What one round takes.
pub(super) struct Round {
    /// Inputs in the order to serve them.
    pub(super) inputs: Vec<Input>,
    /// No more will come.
    pub(super) closed: bool,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            queues: Mutex::default(),
            filled: Condvar::new(),
            normal: Arc::new(Semaphore::new(NORMAL_KIB_MAX)),
            urgent: Arc::new(Semaphore::new(URGENT_MAX)),
        }
    }

    /// Puts something in; waits or refuses as the lane says.
    pub(super) async fn push(&self, lane: Lane, input: Input) -> Result<(), Refusal> {
        let overloaded = |_| Refusal::Overloaded { limit: "sequencer_queue" };
        let weight = weight(&input);
        let place = match lane {
            Lane::Urgent => self.urgent.acquire().await.map_err(|_| Refusal::Draining)?,
            Lane::Patient => {
                self.normal.acquire_many(weight).await.map_err(|_| Refusal::Draining)?
            }
            Lane::Normal => self.normal.try_acquire_many(weight).map_err(overloaded)?,
        };
        let mut queues = self.queues();
        if queues.closed {
            return Err(Refusal::Draining);
        }
        // The sequencer gives the place back when it takes the input.
        place.forget();
        if lane == Lane::Urgent {
            queues.urgent.push_back(input);
        } else {
            queues.normal.push_back(input);
        }
        self.wake(queues);
        Ok(())
    }

    fn wake(&self, mut queues: MutexGuard<'_, Queues>) {
        let idle = std::mem::take(&mut queues.idle);
        drop(queues);
        if idle {
            self.filled.notify_one();
        }
    }

    /// Puts in something small of which each stream has one at most: that it has credit, that it
    /// ended.
    pub(super) fn push_small(&self, input: Input) {
        let mut queues = self.queues();
        queues.urgent.push_back(input);
        self.wake(queues);
    }

    /// Takes what waits, urgent first; waits for something at most `patience`.
    pub(super) fn take(&self, inputs_max: usize, patience: Duration) -> Round {
        let mut queues = self.queues();
        if queues.urgent.is_empty() && queues.normal.is_empty() && !queues.closed {
            queues.idle = true;
            queues = self
                .filled
                .wait_timeout(queues, patience)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            queues.idle = false;
        }
        let mut inputs: Vec<Input> = queues.urgent.drain(..).collect();
        let commands = |inputs: &[Input]| {
            inputs.iter().filter(|input| matches!(input, Input::Command { .. })).count()
        };
        let urgent_places = commands(&inputs);
        let rest = inputs_max.saturating_sub(inputs.len()).min(queues.normal.len());
        let urgent = inputs.len();
        inputs.extend(queues.normal.drain(..rest));
        let weights = inputs.iter().skip(urgent).map(weight);
        let freed = weights.map(|weight| usize::try_from(weight).unwrap_or_default()).sum();
        let closed = queues.closed && queues.normal.is_empty();
        drop(queues);
        self.urgent.add_permits(urgent_places);
        self.normal.add_permits(freed);
        Round { inputs, closed }
    }

    /// What waits now.
    pub(super) fn waiting(&self) -> Waiting {
        let taken =
            |places: &Semaphore, most: usize| most.saturating_sub(places.available_permits());
        let normal = self.queues().normal.len();
        Waiting {
            urgent: taken(&self.urgent, URGENT_MAX),
            urgent_max: URGENT_MAX,
            normal,
            normal_kib: taken(&self.normal, NORMAL_KIB_MAX),
            normal_kib_max: NORMAL_KIB_MAX,
        }
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        let mut queues = self.queues();
        queues.closed = true;
        self.wake(queues);
        self.normal.close();
        self.urgent.close();
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Weight of an input in KiB: the messages that it carries.
fn weight(input: &Input) -> u32 {
    let Input::Command { command, .. } = input else { return WEIGHT_MIN };
    let bytes: u64 = match &**command {
        Command::Submit { messages, .. } | Command::SubmitEach { messages, .. } => {
            messages.iter().map(|message| u64::from(message.payload_bytes) + 1024).sum()
        }
        Command::RecordConsent { bytes, .. } => u64::try_from(bytes.len()).unwrap_or_default(),
        // Documents of at most 64 KiB, whose rate is bounded.
        Command::Safeguard(_) => 64 * 1024,
        Command::Evaluation(EvaluationCommand::Export { tables, .. }) => {
            u64::try_from(tables.as_ref().map_or(0, Bytes::len)).unwrap_or_default()
        }
        Command::Start
        | Command::Tick
        | Command::RegisterParticipant { .. }
        | Command::AssignLotse { .. }
        | Command::AssignReference { .. }
        | Command::ListParticipants { .. }
        | Command::PublishDirectory { .. }
        | Command::ReadDirectory { .. }
        | Command::PreviewRevocation { .. }
        | Command::RevokeConsent { .. }
        | Command::ListConsents { .. }
        | Command::HandOut { .. }
        | Command::Release { .. }
        | Command::Report { .. }
        | Command::QueryLog { .. }
        | Command::ReadReferences { .. }
        | Command::ConfirmConsent { .. }
        | Command::Restrict { .. }
        | Command::PlaceHold { .. }
        | Command::ReleaseHold { .. }
        | Command::ListHolds { .. }
        | Command::Run(_)
        | Command::EraseOutdated { .. }
        | Command::EraseRecords { .. }
        | Command::ReadErasures
        | Command::FillLost { .. }
        | Command::Reconcile(_)
        | Command::Upload(_)
        | Command::Delivery(_)
        | Command::Planning(_)
        | Command::Evaluation(EvaluationCommand::Find { .. })
        | Command::RefusedCall { .. } => 0,
    };
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX).clamp(WEIGHT_MIN, 16 * 1024)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn input() -> Input {
        let (reply, _nobody) = oneshot::channel();
        let command = Box::new(Command::ReadErasures);
        Input::Command { command, cut: CancellationToken::new(), reply }
    }

    #[tokio::test]
    async fn what_waits_is_counted_until_it_is_taken() {
        let lanes = Lanes::new();
        let nothing = lanes.waiting();
        assert_eq!((nothing.urgent, nothing.normal, nothing.normal_kib), (0, 0, 0));
        for lane in [Lane::Normal, Lane::Urgent, Lane::Patient] {
            lanes.push(lane, input()).await.unwrap();
        }
        lanes.push_small(Input::Credit { stream: 1 });
        let waiting = lanes.waiting();
        assert_eq!((waiting.urgent, waiting.normal, waiting.normal_kib), (1, 2, 32));
        assert_eq!(lanes.take(100, Duration::ZERO).inputs.len(), 4);
        assert_eq!(lanes.waiting(), nothing);
    }
}
