//! The engine: one thread that owns the state and the journal, and the queues around it.
//!
//! Owns the lanes, group commit, receive streams, the revocation barrier and the clock. It knows
//! nothing of gRPC and TLS.
//!
//! One round of the sequencer: take what waits (revocations and log queries first), step the core
//! for each, hand out to receive streams, append all events as one group, `fdatasync`, answer.
//!
//! INVARIANT (ack-durable): answers are sent after the append returned, never before.
//! INVARIANT (fail-stop): when the append fails, nobody is answered and the process ends.
//! INVARIANT (no-early-permit): a permit is acted upon only after its own group is durable, and the
//! consents it rests on are in that group or an earlier one; groups are whole or absent.

mod clock;
mod columns;
mod count;
mod erasure;
mod evaluation;
mod in_flight;
mod lanes;
mod opened;
mod query;
pub mod replay;
mod sequencer;
pub mod standing;
mod status;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::command::{Command, DeliveryCommand, DeliveryOutcome, Outcome, UploadCommand};
use crate::domain::event::Actor;
use crate::domain::ids::{Address, RecordNumber};
use crate::domain::refusal::Refusal;
use crate::domain::state::{ParticipantIx, Rules};
use crate::index::{Index, IndexError};
use crate::journal::checkpoint::CheckpointSigner;
use crate::journal::disk::Disk;
use crate::journal::segments::Sizes;
use crate::journal::{Commit, DurablePermit, JournalError, JournalReader};

pub use clock::{Clock, SystemClock};
use columns::Columns;
pub use count::{GROUPS_MAX, Group, Grouping, Groups, LogCount};
pub use erasure::{
    ErasureError, Outdated, RUN_RECORDS_MAX, Retention, RunResult, RunSubject, Taken,
};
pub use evaluation::{CountError, QuarterCount};
pub use in_flight::{InFlight, InFlightGuard};
use lanes::Lanes;
pub use lanes::Waiting;
use opened::Opened;
pub use query::{LogQuery, Range};
use sequencer::Sequencer;
use standing::Standing;
pub use status::EngineStatus;
use status::{Gauges, Round, Volume};

/// Source of randomness for pseudonyms, references and salts.
pub trait Entropy: Send {
    /// Fills the buffer.
    fn fill(&mut self, buffer: &mut [u8]);
}

/// What to do when the journal fails.
pub type OnFatal = Box<dyn FnOnce(&JournalError) + Send>;

/// Most deliveries that a receive stream may have outstanding.
pub const CREDIT_MAX: u32 = 1000;

/// Which lane a command waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Revocations and log queries: its own queue, served first, never shed.
    Urgent,
    /// Everything else: refused when the queue is full.
    Normal,
    /// Streams: the sender waits when the queue is full.
    Patient,
}

/// What the engine answers. Everything in it is durable.
#[derive(Debug)]
pub struct Answer {
    /// The core's outcome; permits have been moved to `hand_outs`.
    pub outcome: Outcome,
    /// The commit that covers it.
    pub commit: Commit,
    /// Permits that may be used now.
    pub hand_outs: Vec<HandOut>,
}

/// One permitted hand-out: the durable permit, and the mark that it is in flight.
#[derive(Debug)]
pub struct HandOut {
    /// The key to the payload.
    pub permit: DurablePermit,
    /// To be dropped when the last byte is written or the connection is cut.
    pub guard: InFlightGuard,
}

/// How long the end waits for an erasure that is being resumed.
const RESUMER_PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Something that waits for the sequencer.
pub(crate) enum Input {
    Command {
        command: Box<Command>,
        cut: CancellationToken,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    Subscribe(Subscribe),
    /// The receiver of a stream has given credit, see [`Credit`].
    Credit {
        stream: u64,
    },
    Unsubscribe {
        stream: u64,
    },
}

/// Credit that a receiver has given and the sequencer has not taken. However often it is given, the
/// sequencer has at most one message about it in its queue.
#[derive(Debug, Default)]
pub(crate) struct Credit(AtomicU32);

impl Credit {
    fn new(credit: u32) -> Self {
        Self(AtomicU32::new(credit.min(CREDIT_MAX)))
    }

    /// Adds credit; whether the sequencer has to be told.
    fn give(&self, credit: u32) -> bool {
        let more = |given: u32| Some(given.saturating_add(credit).min(CREDIT_MAX));
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        before.is_ok_and(|before| before == 0)
    }

    pub(crate) fn take(&self) -> u32 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

/// A new receive stream.
pub(crate) struct Subscribe {
    pub(crate) actor: Actor,
    pub(crate) recipients: Vec<Address>,
    pub(crate) credit: Arc<Credit>,
    pub(crate) cut: CancellationToken,
    pub(crate) sender: mpsc::Sender<HandOut>,
    pub(crate) reply: oneshot::Sender<u64>,
}

/// What the engine is made of.
pub struct Parts {
    /// Rules of the installation.
    pub rules: Arc<Rules>,
    /// Where files lie.
    pub disk: Arc<dyn Disk>,
    /// Key of the log.
    pub signer: Arc<CheckpointSigner>,
    /// Sizes of the journal.
    pub sizes: Sizes,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness; called once for each user of it.
    pub entropy: Box<dyn Fn() -> Box<dyn Entropy> + Send>,
    /// What happens when the journal fails; the program aborts.
    pub on_fatal: OnFatal,
    /// How long what is kept.
    pub retention: Retention,
    /// File on another volume that keeps the newest checkpoint, if there is one.
    pub state_file: Option<PathBuf>,
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The thread.
    #[error("the sequencer thread cannot be started")]
    Thread(#[source] std::io::Error),
}

/// The engine's outside: cloned into every handler.
#[derive(Clone)]
pub struct Engine {
    lanes: Arc<Lanes>,
    reader: Arc<dyn JournalReader>,
    index: Arc<Index>,
    columns: Arc<Columns>,
    in_flight: Arc<InFlight>,
    rules: Arc<Rules>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    clock: Arc<dyn Clock>,
    standing: Arc<Standing>,
    retention: Retention,
    erasing: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled when the engine goes down.
    ending: CancellationToken,
    /// The task that finishes interrupted erasures.
    resumer: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
    /// Records of reconciliations.
    reconciled: Arc<[RecordNumber]>,
    /// Newest record that some agency is told of.
    notices: watch::Receiver<RecordNumber>,
    /// What the sequencer says of itself.
    gauges: Arc<Gauges>,
    volume: Arc<Volume>,
}

impl Engine {
    /// Opens the journal in a folder, replays it, and starts the sequencer. Blocks; to be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// The journal is damaged, in use, or of another log; see [`JournalError`].
    pub fn start(folder: &Path, parts: Parts) -> Result<Self, StartError> {
        let opened = Opened::open(folder, &parts)?;
        let Opened { journal, reader, state, index, columns, standing } = opened;
        let Parts { rules, disk, sizes, clock, entropy, on_fatal, retention, .. } = parts;
        let volume = Arc::new(Volume { disk, folder: folder.to_owned(), sizes });
        let gauges = Arc::new(Gauges::default());
        let reconciled = state.reconciled().into();
        let lanes = Arc::new(Lanes::new());
        let in_flight = Arc::new(InFlight::default());
        let (index, columns) = (Arc::new(index), Arc::new(columns));
        let (started, recorded) = std::sync::mpsc::channel();
        let (answers, rounds) = mpsc::unbounded_channel();
        tokio::spawn(sequencer::deliver(rounds));
        let spent = start_eraser(&reader)?;
        let (news, notices) = watch::channel(0);
        let sequencer = Sequencer {
            state,
            rules: rules.clone(),
            journal: Box::new(journal),
            lanes: lanes.clone(),
            index: index.clone(),
            columns: columns.clone(),
            in_flight: in_flight.clone(),
            clock: clock.clone(),
            entropy: entropy(),
            on_fatal: Some(on_fatal),
            streams: std::collections::BTreeMap::new(),
            next_stream: 1,
            answers,
            last_time: 0,
            clock_set_back: false,
            started: Some(started),
            standing: standing.clone(),
            spent,
            payload_grace_ms: retention.payload_grace_ms,
            notices: news,
            look_at_mailboxes: 0,
            gauges: gauges.clone(),
            round: Round::default(),
            neglected: std::collections::BTreeSet::new(),
        };
        let thread = std::thread::Builder::new()
            .name("sequencer".into())
            .spawn(move || sequencer.run())
            .map_err(StartError::Thread)?;
        // Ends when the sequencer has dropped its side.
        let _recorded = recorded.recv();
        let thread = Arc::new(Mutex::new(Some(thread)));
        let erasing = Arc::default();
        let engine = Self {
            lanes,
            reader,
            index,
            columns,
            in_flight,
            rules,
            thread,
            clock,
            standing,
            retention,
            erasing,
            ending: CancellationToken::new(),
            resumer: Arc::default(),
            reconciled,
            notices,
            gauges,
            volume,
        };
        let resumer = tokio::spawn(engine.clone().resume_erasures());
        *engine.resumer.lock().unwrap_or_else(PoisonError::into_inner) = Some(resumer);
        Ok(engine)
    }

    /// Has a command carried out and waits until its records are durable.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed.
    pub async fn execute(&self, lane: Lane, command: Command) -> Result<Answer, Refusal> {
        self.execute_cutting(lane, command, CancellationToken::new()).await
    }

    /// Like [`Engine::execute`], for commands that hand out: `cut` ends the connection on which the
    /// payloads travel.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed.
    pub async fn execute_cutting(
        &self,
        lane: Lane,
        command: Command,
        cut: CancellationToken,
    ) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.lanes.push(lane, Input::Command { command: Box::new(command), cut, reply }).await?;
        Enqueued(answer).wait().await
    }

    /// Puts a command into its lane and returns at once; for streams with several on their way.
    ///
    /// # Errors
    /// The lane is closed or full.
    pub async fn enqueue(&self, lane: Lane, command: Command) -> Result<Enqueued, Refusal> {
        let (reply, answer) = oneshot::channel();
        let cut = CancellationToken::new();
        self.lanes.push(lane, Input::Command { command: Box::new(command), cut, reply }).await?;
        Ok(Enqueued(answer))
    }

    /// Carries out a change of a consent, or a restriction, and waits until no hand-out about its participant is in
    /// flight that began before the change.
    ///
    /// INVARIANT (revoke-strict): the answer is given only after the record is durable *and* every
    /// earlier hand-out has been written out completely or its connection has been cut.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed.
    pub async fn change_consent(&self, lane: Lane, command: Command) -> Result<Answer, Refusal> {
        let answer = self.execute(lane, command).await?;
        if let Outcome::ConsentChanged { participant, .. }
        | Outcome::Restricted { participant, .. } = answer.outcome
        {
            self.settle(participant).await;
        }
        Ok(answer)
    }

    /// Recalls messages and waits until no hand-out of them is in flight.
    ///
    /// INVARIANT (revoke-strict): as for a change of a consent. The urgent lane, since a recall too stops what must
    /// not get out.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed.
    pub async fn recall(&self, command: DeliveryCommand) -> Result<Answer, Refusal> {
        let answer = self.execute(Lane::Urgent, Command::Delivery(command)).await?;
        if let Outcome::Delivery(DeliveryOutcome::Recalled { recalled, .. }) = &answer.outcome {
            self.in_flight.settle_messages(recalled).await;
        }
        Ok(answer)
    }

    /// Gives an upload up and waits until no hand-out of its parts is in flight.
    ///
    /// INVARIANT (revoke-strict): as for a recall.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed.
    pub async fn discard(&self, command: UploadCommand) -> Result<Answer, Refusal> {
        let answer = self.execute(Lane::Urgent, Command::Upload(command)).await?;
        if let Outcome::UploadDiscarded { parts, .. } = &answer.outcome {
            self.in_flight.settle_messages(parts).await;
        }
        Ok(answer)
    }

    /// Changes whenever some agency is told something, once that is durable.
    #[must_use]
    pub fn notices(&self) -> watch::Receiver<RecordNumber> {
        self.notices.clone()
    }

    async fn settle(&self, participant: ParticipantIx) {
        self.in_flight.settle(participant).await;
    }

    /// Opens a receive stream. Dropping the stream gives back what was not acknowledged.
    ///
    /// # Errors
    /// The broker is going down.
    pub async fn subscribe(
        &self,
        actor: Actor,
        recipients: Vec<Address>,
        credit: u32,
        cut: CancellationToken,
    ) -> Result<Subscription, Refusal> {
        let (sender, receiver) = mpsc::channel(usize::try_from(CREDIT_MAX).unwrap_or(1));
        let (reply, answer) = oneshot::channel();
        let credit = Arc::new(Credit::new(credit));
        let given = credit.clone();
        let subscribe = Subscribe { actor, recipients, credit, cut, sender, reply };
        self.lanes.push(Lane::Normal, Input::Subscribe(subscribe)).await?;
        let stream = answer.await.map_err(|_| Refusal::Draining)?;
        let handle = StreamHandle { stream, credit: given, lanes: self.lanes.clone() };
        Ok(Subscription { receiver, handle: Arc::new(handle) })
    }

    /// The reading side of the journal.
    #[must_use]
    pub fn reader(&self) -> &Arc<dyn JournalReader> {
        &self.reader
    }

    /// How the log stands to the checkpoints that others have of it.
    #[must_use]
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// Rules of the installation.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Takes no more work, finishes what was taken, and closes the journal. Blocks; to be called where
    /// blocking is allowed, within the runtime that the engine was started in.
    pub fn shut_down(&self) {
        self.ending.cancel();
        let resumer = self.resumer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(resumer) = resumer {
            // It holds the index open.
            let ended = async { tokio::time::timeout(RESUMER_PATIENCE, resumer).await };
            let _ended = tokio::runtime::Handle::current().block_on(ended);
        }
        self.lanes.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the sequencer panicked");
        }
    }
}

/// Starts the thread that destroys payloads; it ends when its sender is dropped.
fn start_eraser(
    reader: &Arc<dyn JournalReader>,
) -> Result<std::sync::mpsc::Sender<Vec<RecordNumber>>, StartError> {
    let (spent, destroyed) = std::sync::mpsc::channel();
    let eraser = reader.clone().eraser();
    std::thread::Builder::new()
        .name("eraser".into())
        .spawn(move || erasure::destroy_payloads(&eraser, &destroyed))
        .map_err(StartError::Thread)?;
    Ok(spent)
}

/// A command on its way.
pub struct Enqueued(oneshot::Receiver<Result<Answer, Refusal>>);

impl Enqueued {
    /// Waits until its records are durable.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn wait(self) -> Result<Answer, Refusal> {
        self.0.await.map_err(|_| Refusal::Draining)?
    }
}

/// A receive stream.
pub struct Subscription {
    /// Hand-outs as they are permitted.
    pub receiver: mpsc::Receiver<HandOut>,
    /// Gives credit, and ends the stream when the last one is dropped.
    pub handle: Arc<StreamHandle>,
}

/// Gives credit to a receive stream and ends it.
pub struct StreamHandle {
    stream: u64,
    credit: Arc<Credit>,
    lanes: Arc<Lanes>,
}

impl StreamHandle {
    /// Allows more deliveries, up to [`CREDIT_MAX`] outstanding.
    pub fn give_credit(&self, credit: u32) {
        if self.credit.give(credit) {
            self.lanes.push_small(Input::Credit { stream: self.stream });
        }
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        self.lanes.push_small(Input::Unsubscribe { stream: self.stream });
    }
}
