//! The sequencer: the one thread that steps the core and writes the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::columns::Columns;
use super::in_flight::InFlight;
use super::lanes::Lanes;
use super::standing::Standing;
use super::status::{Gauges, Round};
use super::{Answer, CREDIT_MAX, Credit, Entropy, HandOut, Input, OnFatal, Subscribe};
use crate::domain::command::{
    Command, EvaluationCommand, Outcome, PlanningCommand, RunCommand, SafeguardCommand,
};
use crate::domain::event::{Actor, ErasureGround};
use crate::domain::ids::{Address, RecordNumber, TimeMs};
use crate::domain::message::{HandOutPermit, Hold};
use crate::domain::names::AddressIx;
use crate::domain::refusal::Refusal;
use crate::domain::state::{Rules, State};
use crate::index::Index;
use crate::journal::{Commit, Journal, JournalError};
use crate::record;
use crate::record::facts::Facts;

/// Inputs of one round.
const ROUND_INPUTS_MAX: usize = 1024;
/// How long the sequencer waits for work before it looks at the time.
const TICK: Duration = Duration::from_millis(200);
/// How far the clock may step back before nothing is permitted any more.
const CLOCK_STEP_BACK_MS_MAX: TimeMs = 2_000;
/// Most hand-outs of one stream in one round.
const ROUND_HAND_OUTS_MAX: usize = 256;
/// Most payloads that are destroyed in one round.
const ROUND_SPENT_MAX: usize = 256;
/// How often mailboxes are looked at for an alarm: they are unread after days.
const MAILBOX_LOOK_MS: TimeMs = 60_000;
/// Most bytes of one stream in one round.
const ROUND_HAND_OUT_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(super) struct Sequencer {
    pub(super) state: State,
    pub(super) rules: Arc<Rules>,
    pub(super) journal: Box<dyn Journal>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) index: Arc<Index>,
    pub(super) columns: Arc<Columns>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) on_fatal: Option<OnFatal>,
    pub(super) streams: BTreeMap<u64, Stream>,
    pub(super) next_stream: u64,
    pub(super) answers: mpsc::UnboundedSender<Vec<Letter>>,
    pub(super) last_time: TimeMs,
    pub(super) clock_set_back: bool,
    /// Dropped when the start is recorded.
    pub(super) started: Option<std::sync::mpsc::Sender<()>>,
    pub(super) standing: Arc<Standing>,
    /// Messages whose payloads are to be destroyed.
    pub(super) spent: std::sync::mpsc::Sender<Vec<RecordNumber>>,
    pub(super) payload_grace_ms: TimeMs,
    /// Newest record that some agency is told of.
    pub(super) notices: watch::Sender<RecordNumber>,
    /// When mailboxes are looked at again.
    pub(super) look_at_mailboxes: TimeMs,
    pub(super) gauges: Arc<Gauges>,
    /// What they say.
    pub(super) round: Round,
    /// Mailboxes with messages that nobody reads; each is warned of once.
    pub(super) neglected: BTreeSet<AddressIx>,
}

/// A receive stream.
pub(super) struct Stream {
    actor: Actor,
    addresses: Vec<Address>,
    /// Of these addresses, the ones that somebody has named so far.
    recipients: Vec<AddressIx>,
    credit: u32,
    given: Arc<Credit>,
    cut: CancellationToken,
    sender: mpsc::Sender<HandOut>,
}

/// An answer on its way to whoever waits for it.
pub(super) struct Letter {
    answer: Result<Answer, Refusal>,
    reply: oneshot::Sender<Result<Answer, Refusal>>,
}

/// Delivers the answers of each round until the sequencer ends. A task beside those that wait: waking
/// them from there costs far less than from the sequencer's thread.
///
/// INVARIANT (bounded): there are never more letters than callers that wait.
pub(super) async fn deliver(mut rounds: mpsc::UnboundedReceiver<Vec<Letter>>) {
    while let Some(letters) = rounds.recv().await {
        for Letter { answer, reply } in letters {
            // A caller that is gone does not need it; its permits return with its stream.
            let _gone = reply.send(answer);
        }
    }
}

/// What is said after the group is durable.
enum Pending {
    Answer {
        result: Result<Outcome, Refusal>,
        cut: CancellationToken,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    Subscribed {
        number: u64,
        reply: oneshot::Sender<u64>,
    },
    HandOuts {
        stream: u64,
        permits: Vec<HandOutPermit>,
    },
}

/// Ends the process if the sequencer panics: half a step must never be answered.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl Sequencer {
    pub(super) fn run(mut self) {
        let _abort = AbortOnPanic;
        if let Err(error) = self.work() {
            tracing::error!(%error, "the journal failed; nothing more is answered");
            if let Some(on_fatal) = self.on_fatal.take() {
                on_fatal(&error);
            }
        }
    }

    fn work(&mut self) -> Result<(), JournalError> {
        self.last_time = self.state.time();
        let now = self.read_clock();
        // The first record of an epoch; it cannot be refused.
        let _started = self.state.step(&self.rules, now, Command::Start);
        self.commit(now)?;
        self.round.started = now;
        self.tell_status();
        // Nobody may be served before the start itself is in the log.
        drop(self.started.take());
        loop {
            let round = self.lanes.take(ROUND_INPUTS_MAX, TICK);
            let now = self.read_clock();
            let mut pending = Vec::with_capacity(round.inputs.len());
            for input in round.inputs {
                pending.extend(self.serve(now, input));
            }
            let _done = self.state.step(&self.rules, now, Command::Tick);
            self.hand_out_to_streams(now, &mut pending);
            let commit = self.commit(now)?;
            self.destroy_spent(now, &commit);
            self.tell_news(now);
            self.tell_status();
            let letters: Vec<Letter> =
                pending.into_iter().filter_map(|said| self.say(said, &commit)).collect();
            if !letters.is_empty() {
                let _going_down = self.answers.send(letters);
            }
            if round.closed {
                return Ok(());
            }
        }
    }

    /// Wakes those who wait for notices, which are durable now, and now and then looks for mailboxes that
    /// nobody reads.
    fn tell_news(&mut self, now: TimeMs) {
        let newest = self.state.newest_notice();
        self.notices.send_if_modified(|known| std::mem::replace(known, newest) != newest);
        if now < self.look_at_mailboxes {
            return;
        }
        self.look_at_mailboxes = now + MAILBOX_LOOK_MS;
        let neglected = self.state.neglected_mailboxes(now);
        for (address, row) in &neglected {
            if !self.neglected.contains(address) {
                let (agency, function) = (&row.address.agency, row.address.function());
                tracing::warn!(
                    %agency,
                    function,
                    waiting = row.waiting,
                    "nobody reads a mailbox where messages wait"
                );
            }
        }
        self.neglected = neglected.into_iter().map(|(address, _)| address).collect();
    }

    /// Leaves for operators what only this thread knows.
    fn tell_status(&mut self) {
        (self.round.messages, self.round.message_bytes) = self.state.unfinished();
        self.round.clock_set_back = self.clock_set_back;
        self.round.storage_low = self.journal.is_reserve_low();
        self.gauges.set(self.round);
    }

    /// Has the payloads of messages destroyed that were finished long enough ago.
    fn destroy_spent(&mut self, now: TimeMs, commit: &Commit) {
        let before = now.saturating_sub(self.payload_grace_ms);
        let spent = self.state.take_spent(before, commit.first_new(), ROUND_SPENT_MAX);
        if !spent.is_empty() {
            let _going_down = self.spent.send(spent);
        }
    }

    /// Reads the clock once for a round.
    ///
    /// INVARIANT (no-early-permit): what decisions see never runs backwards; when the wall clock was
    /// set back, nothing is permitted until it has caught up with the newest record.
    fn read_clock(&mut self) -> TimeMs {
        let wall = self.clock.now();
        if wall + CLOCK_STEP_BACK_MS_MAX < self.last_time {
            if !self.clock_set_back {
                tracing::error!(
                    "the clock was set back; nothing is permitted until it has caught up"
                );
            }
            self.clock_set_back = true;
        } else if wall >= self.last_time {
            self.clock_set_back = false;
        }
        self.last_time = self.last_time.max(wall);
        self.last_time
    }

    fn serve(&mut self, now: TimeMs, input: Input) -> Option<Pending> {
        match input {
            Input::Command { command, cut, reply } => {
                let result = self
                    .may_serve(&command)
                    .and_then(|()| self.state.step(&self.rules, now, *command));
                Some(Pending::Answer { result, cut, reply })
            }
            Input::Subscribe(subscribe) => Some(self.subscribe(subscribe)),
            Input::Credit { stream } => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    let given = stream.given.take();
                    stream.credit = stream.credit.saturating_add(given).min(CREDIT_MAX);
                }
                None
            }
            Input::Unsubscribe { stream } => {
                self.streams.remove(&stream);
                let _done = self.state.step(&self.rules, now, Command::Release { stream });
                None
            }
        }
    }

    /// What the state of clock and disk forbids. Revocations, log queries and reports always pass.
    fn may_serve(&self, command: &Command) -> Result<(), Refusal> {
        let (permits, grows) = match command {
            Command::Submit { .. }
            | Command::SubmitEach { .. }
            | Command::RecordConsent { .. }
            | Command::ConfirmConsent { .. } => (true, true),
            // A question is answered when a message would be, and like it.
            Command::Planning(PlanningCommand::AskCoverage { .. }) => (true, true),
            Command::Planning(
                PlanningCommand::RequestConsent { .. }
                | PlanningCommand::CloseTask { .. }
                | PlanningCommand::SetParticipation { .. },
            ) => (false, true),
            Command::Planning(
                PlanningCommand::ListTasks { .. }
                | PlanningCommand::ListParticipation { .. }
                | PlanningCommand::ShowPlaces,
            ) => (false, false),
            Command::Restrict { restricted, .. } => (!restricted, false),
            Command::Safeguard(command) => match &**command {
                SafeguardCommand::Act { act, .. } => (act.enlarges(), act.enlarges()),
                SafeguardCommand::Preview { .. }
                | SafeguardCommand::List { .. }
                | SafeguardCommand::ListReviews { .. } => (false, false),
            },
            Command::HandOut { .. } => (true, false),
            // What was begun is finished in any case.
            Command::EraseRecords { ground: ErasureGround::Participant, .. }
            | Command::ReadErasures => (false, false),
            Command::Run(RunCommand::Withdraw { .. } | RunCommand::List { .. }) => (false, false),
            Command::Run(
                RunCommand::Plan { .. } | RunCommand::Propose { .. } | RunCommand::Approve { .. },
            )
            | Command::EraseOutdated { .. }
            | Command::EraseRecords { .. }
            | Command::FillLost { .. }
            | Command::Reconcile(_)
            | Command::Evaluation(EvaluationCommand::Export { .. })
            | Command::RegisterParticipant { .. }
            | Command::AssignReference { .. }
            | Command::AssignLotse { .. }
            | Command::PublishDirectory { .. } => (false, true),
            Command::Start
            | Command::Tick
            | Command::ListParticipants { .. }
            | Command::ReadDirectory { .. }
            | Command::PreviewRevocation { .. }
            | Command::RevokeConsent { .. }
            | Command::ListConsents { .. }
            | Command::Release { .. }
            | Command::Report { .. }
            | Command::Delivery(_)
            | Command::QueryLog { .. }
            | Command::ReadReferences { .. }
            | Command::PlaceHold { .. }
            | Command::ReleaseHold { .. }
            | Command::ListHolds { .. }
            | Command::Upload(_)
            | Command::Evaluation(EvaluationCommand::Find { .. })
            | Command::RefusedCall { .. } => (false, false),
        };
        if permits || grows {
            self.standing.may_permit(self.last_time)?;
        }
        if permits && self.clock_set_back {
            return Err(Refusal::ClockSetBack);
        }
        if grows && self.journal.is_reserve_low() {
            return Err(Refusal::StorageReserve);
        }
        Ok(())
    }

    fn subscribe(&mut self, subscribe: Subscribe) -> Pending {
        let Subscribe { actor, recipients: addresses, credit: given, cut, sender, reply } =
            subscribe;
        let number = self.next_stream;
        self.next_stream += 1;
        let credit = given.take();
        let recipients = self.state.own_addresses(&actor, &addresses);
        let stream = Stream { actor, addresses, recipients, credit, given, cut, sender };
        self.streams.insert(number, stream);
        Pending::Subscribed { number, reply }
    }

    /// A stream whose receiver is gone, also one that went away before it knew its number, gives
    /// back what it held; it must not take any more.
    fn forget_closed_streams(&mut self, now: TimeMs) {
        let closed = self.streams.iter().filter(|(_, stream)| stream.sender.is_closed());
        let closed: Vec<u64> = closed.map(|(number, _)| *number).collect();
        for stream in closed {
            self.streams.remove(&stream);
            let _done = self.state.step(&self.rules, now, Command::Release { stream });
        }
    }

    fn hand_out_to_streams(&mut self, now: TimeMs, pending: &mut Vec<Pending>) {
        self.forget_closed_streams(now);
        if self.clock_set_back || self.standing.may_permit(now).is_err() {
            return;
        }
        for (number, stream) in &mut self.streams {
            if stream.recipients.len() < stream.addresses.len() && stream.credit > 0 {
                let state = &mut self.state;
                stream.recipients = state.read_mailboxes(now, &stream.addresses, &stream.actor);
            } else if stream.credit > 0 {
                self.state.read_again(now, &stream.recipients, &stream.actor);
            }
            if stream.credit == 0 || !stream.recipients.iter().any(|r| self.state.is_waiting(*r)) {
                continue;
            }
            // Never more than the channel takes: a permit that finds no room would be lost. Only this
            // thread sends, so the room can only grow meanwhile.
            let most = usize::try_from(stream.credit)
                .unwrap_or_default()
                .min(ROUND_HAND_OUTS_MAX)
                .min(stream.sender.capacity());
            let permits = self.state.hand_out(
                &self.rules,
                now,
                &stream.recipients,
                Hold::Stream(*number),
                most,
                ROUND_HAND_OUT_BYTES_MAX,
                &stream.actor,
            );
            stream.credit -= u32::try_from(permits.len()).unwrap_or(stream.credit);
            if !permits.is_empty() {
                pending.push(Pending::HandOuts { stream: *number, permits });
            }
        }
    }

    /// Makes all events of the round durable as one group.
    fn commit(&mut self, now: TimeMs) -> Result<Commit, JournalError> {
        let first = self.state.next_record();
        let events = self.state.take_events();
        if events.is_empty() {
            return Ok(self.journal.latest());
        }
        let first = first - u64::try_from(events.len()).unwrap_or_default();
        let records = events.iter().map(|event| {
            let mut salts = [[0; 16]; 3];
            for salt in &mut salts {
                self.entropy.fill(salt);
            }
            record::encode(event, &self.rules.catalogue, now, salts)
        });
        let records = records.collect();
        let commit = self.journal.append(records)?;
        self.round.committed = now;
        for (event, number) in events.iter().zip(first..) {
            let facts = Facts::of(event);
            self.index.push(number, &facts.terms(&self.rules.catalogue));
            self.columns.push(number, now, facts.record_type(), Some((event, &facts)));
        }
        Ok(commit)
    }

    fn say(&mut self, said: Pending, commit: &Commit) -> Option<Letter> {
        match said {
            Pending::Answer { result, cut, reply } => {
                let answer = result.map(|mut outcome| {
                    let permits = if let Outcome::HandOuts(permits) = &mut outcome {
                        std::mem::take(permits)
                    } else {
                        Vec::new()
                    };
                    let hand_outs = self.seal(permits, &cut, commit);
                    Answer { outcome, commit: commit.clone(), hand_outs }
                });
                Some(Letter { answer, reply })
            }
            Pending::Subscribed { number, reply } => {
                let _gone = reply.send(number);
                None
            }
            Pending::HandOuts { stream, permits } => {
                let stream = self.streams.get(&stream)?;
                let (cut, sender) = (stream.cut.clone(), stream.sender.clone());
                for hand_out in self.seal(permits, &cut, commit) {
                    // A receiver that is gone returns its permits with its stream.
                    let _gone = sender.try_send(hand_out);
                }
                None
            }
        }
    }

    /// Makes permits durable and marks them as in flight, before anybody learns of them.
    fn seal(
        &self,
        permits: Vec<HandOutPermit>,
        cut: &CancellationToken,
        commit: &Commit,
    ) -> Vec<HandOut> {
        permits
            .into_iter()
            .filter_map(|permit| {
                let (about, message) = (permit.participant(), permit.message());
                let guard = self.in_flight.begin(about, message, cut.clone());
                commit.seal(permit).map(|permit| HandOut { permit, guard })
            })
            .collect()
    }
}
