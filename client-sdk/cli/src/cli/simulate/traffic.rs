//! Messages of a simulated region: sent, answered, taken over; and what became of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use schleuse_client::{
    Client, ClientError, Content, Draft, Incoming, MessageKind, ReceiveStream, Received,
    SendOutcome,
};
use tokio::time::Instant;

use super::draw::Draw;
use super::not_of_region;
use super::population::{Participant, Standing, body};
use super::region::{BODIES, Region};

/// What is asked for a purpose, and how it is answered.
const KINDS: [(&str, &str, &str); 7] = [
    ("fallkonferenz", "fallkonferenz.request", "fallkonferenz.answer"),
    ("reha-einleitung", "reha.application", "reha.status"),
    ("zustaendigkeit", "zustaendigkeit.ask", "zustaendigkeit.decided"),
    ("unterlagen", "unterlagen.request", "unterlagen.supply"),
    ("hilfeplanung", "hilfeplan.draft", "hilfeplan.confirm"),
    ("leistungsklaerung", "leistung.ask", "leistung.answer"),
    ("nachbetreuung", "nachbetreuung.agree", "nachbetreuung.contact"),
];
/// Of a hundred messages so many go where no consent allows it.
const UNCOVERED_PERCENT: u8 = 8;
/// Of a hundred questions so many are answered.
const ANSWERED_PERCENT: u8 = 70;
/// Credit of each body's stream.
const CREDIT: u32 = 32;

/// Counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: AtomicU64,
    pub(crate) not_covered: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) taken_over: AtomicU64,
    pub(crate) stopped: AtomicU64,
    pub(crate) revocations: AtomicU64,
    /// Covered by a consent in force, and yet refused.
    pub(crate) wrongly_refused: AtomicU64,
    /// Covered by no consent, and yet accepted.
    pub(crate) wrongly_accepted: AtomicU64,
    /// Messages of others that wait for the bodies: they are left where they are.
    pub(crate) foreign: AtomicU64,
    /// Bodies that stopped receiving because of an error.
    pub(crate) stopped_receiving: AtomicU64,
    /// Messages that did not verify.
    pub(crate) unverified: AtomicU64,
    /// Microseconds from the call to its answer.
    pub(crate) submit_us: std::sync::Mutex<Vec<u64>>,
}

impl Tally {
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn of(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Accepted messages that neither arrived nor were stopped.
    pub(crate) fn under_way(&self) -> u64 {
        let ended = Self::of(&self.taken_over) + Self::of(&self.stopped);
        Self::of(&self.accepted).saturating_sub(ended)
    }

    fn took(&self, since: Instant) {
        let us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut all = self.submit_us.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.push(us);
    }
}

/// Everything that the tasks of a run share.
pub(crate) struct Stage {
    pub(crate) region: Region,
    pub(crate) participants: Vec<Participant>,
    pub(crate) tally: Tally,
}

impl Stage {
    /// Sends one message about somebody drawn by lot.
    ///
    /// # Errors
    /// The broker refuses it as malformed, or cannot be reached.
    pub(crate) async fn send_one(&self, draw: &mut Draw) -> Result<(), ClientError> {
        let Some(participant) = draw.one(&self.participants) else { return Ok(()) };
        let Some(agreed) = draw.one(&participant.agreed) else { return Ok(()) };
        let need = agreed.need;
        let (mut from, mut to) = (participant.jobcenter, need.body);
        if draw.percent(50) {
            (from, to) = (to, from);
        }
        let covered = !draw.percent(UNCOVERED_PERCENT);
        // Nobody ever agreed that two bodies other than its Jobcenter talk about it.
        let to = if covered { to } else { self.stranger(participant, from, to, draw) };
        let covered = covered.then(|| agreed.standing());
        let Some(reference) = participant.references.get(from) else { return Ok(()) };
        let (kind, _) = kinds(need.purpose)?;
        let draft = Draft {
            participant_reference: reference.clone(),
            recipient: address(to)?.parse()?,
            sender_function: body(from)?.function.to_owned(),
            kind: kind.to_owned(),
            purpose: need.purpose.to_owned(),
            categories: need.categories.iter().map(|&code| code.to_owned()).collect(),
            thread_id: None,
            expires_in: Duration::from_secs(14 * 24 * 3600),
            content: content(kind)?,
            professional_secret: false,
            suite: None,
        };
        let begun = Instant::now();
        let outcome = self.client(from)?.send(draft).await?;
        self.tally.took(begun);
        // A consent that changed meanwhile proves nothing either way.
        let sure = covered.is_none_or(|before| {
            matches!(before, Standing::InForce(_)) && before == agreed.standing()
        });
        self.count(&outcome, covered.is_some(), sure);
        Ok(())
    }

    fn count(&self, outcome: &SendOutcome, covered: bool, sure: bool) {
        let tally = &self.tally;
        let counter = if outcome.is_accepted() { &tally.accepted } else { &tally.not_covered };
        Tally::add(counter, 1);
        match (covered, outcome.is_accepted()) {
            (true, false) if sure => Tally::add(&tally.wrongly_refused, 1),
            (false, true) => Tally::add(&tally.wrongly_accepted, 1),
            _ => {}
        }
    }

    /// A body that has nothing to do with what is asked about this participant.
    fn stranger(
        &self,
        participant: &Participant,
        from: usize,
        to: usize,
        draw: &mut Draw,
    ) -> usize {
        let others: Vec<usize> = (0..BODIES.len())
            .filter(|other| *other != from && *other != to && *other != participant.jobcenter)
            .filter(|other| from != participant.jobcenter || !participant.agrees_to(*other))
            .collect();
        draw.one(&others).copied().unwrap_or(from)
    }

    /// Receives for one body until it is told to end; answers some questions.
    ///
    /// # Errors
    /// The broker refuses the stream or cannot be reached.
    pub(crate) async fn receive(
        self: Arc<Self>,
        index: usize,
        mut draw: Draw,
    ) -> Result<(), ClientError> {
        let body = body(index)?;
        let mut stream: ReceiveStream = self.client(index)?.receive(&[body.function], CREDIT);
        let mut foreign = BTreeSet::new();
        loop {
            match stream.next().await? {
                Incoming::Verified(received) if !self.is_ours(index, &received) => {
                    // It comes again and again; it is counted once.
                    if foreign.insert(received.message_number) {
                        Tally::add(&self.tally.foreign, 1);
                    }
                }
                Incoming::Verified(received) => {
                    received.acknowledge().await?;
                    self.answer(index, &received, &mut draw).await?;
                    // Counted after its answer: what is under way is never counted too low.
                    Tally::add(&self.tally.taken_over, 1);
                }
                _ => Tally::add(&self.tally.unverified, 1),
            }
        }
    }

    /// Whether a message is of this run: about one of its participants, which nobody else knows.
    fn is_ours(&self, index: usize, received: &Received) -> bool {
        let Some(reference) = &received.participant_reference else { return false };
        self.participants.iter().any(|one| one.references.get(index) == Some(reference))
    }

    async fn answer(
        &self,
        index: usize,
        received: &Received,
        draw: &mut Draw,
    ) -> Result<(), ClientError> {
        let (question, answer) = kinds(&received.purpose)?;
        let is_question = received.kind == question && question != answer;
        let Some(reference) = received.participant_reference.clone() else { return Ok(()) };
        if !is_question || !draw.percent(ANSWERED_PERCENT) {
            return Ok(());
        }
        let draft = Draft {
            participant_reference: reference,
            recipient: received.sender.clone(),
            sender_function: body(index)?.function.to_owned(),
            kind: answer.to_owned(),
            purpose: received.purpose.clone(),
            categories: received.categories.clone(),
            thread_id: Some(received.thread_id),
            expires_in: Duration::from_secs(14 * 24 * 3600),
            content: content(answer)?,
            professional_secret: false,
            suite: None,
        };
        let outcome = self.client(index)?.send(draft).await?;
        Tally::add(&self.tally.answers, 1);
        self.count(&outcome, true, false);
        Ok(())
    }

    fn client(&self, index: usize) -> Result<&Client, ClientError> {
        let missing = || not_of_region("body");
        self.region.bodies.get(index).ok_or_else(missing)
    }
}

fn address(index: usize) -> Result<String, ClientError> {
    let body = body(index)?;
    Ok(format!("{}/{}", body.agency, body.function))
}

fn kinds(purpose: &str) -> Result<(&'static str, &'static str), ClientError> {
    let found = KINDS.iter().find(|(of, ..)| *of == purpose);
    found.map(|(_, question, answer)| (*question, *answer)).ok_or_else(|| not_of_region("purpose"))
}

/// The example that the table of kinds has for a kind.
fn content(kind: &str) -> Result<Content, ClientError> {
    let kind = MessageKind::find(kind).ok_or_else(|| not_of_region("kind"))?;
    Ok(kind.example()?)
}
