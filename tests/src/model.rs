//! The reference model: the rules of the broker's core a second time, as plainly as possible, for property tests.
//!
//! It owns the answer to "what should the broker have decided, handed out and logged?". It must share no code and no
//! data structure with the broker, and need not be fast: every question is answered by reading a list front to back.
//! It knows no bytes, signatures or hashes: for its predecessor's hash a consent holds the predecessor.
//! Time is a parameter in milliseconds that never decreases from call to call; intervals are half-open.
//!
//! Each record of the broker's access log is one [`Entry`]; a message's number is the index of its [`Entry::Decided`].
//! What is about rights of participants, and about a log that lost records, is in [`rights`]; what two persons erase
//! is in [`runs`].
//!
//! Source: the rules the software must keep (no consent, no transmission; a revocation works at once) and the
//! invariants default-deny, no-spurious-deny, revoke-strict, log-first, idempotent, erasure, anti-rollback.
#![expect(missing_docs, reason = "a type's own text says what its fields and variants mean")]

pub mod delivery;
pub mod directory;
pub mod planning;
pub mod rights;
pub mod runs;
pub mod safeguards;
mod terms;

use rights::ErasureHold;
use safeguards::{Safeguards, Suspended};
pub use terms::{
    Address, ConsentDocument, Entry, Error, Grant, GrantRef, HandOut, Holder, Lotse, Reason, Stage,
    StopReason, Submission,
};

const MINUTE_MS: u64 = 60 * 1000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// How long ago a new message may have been made.
const AGE_MS_MAX: u64 = DAY_MS;
/// How far a sender's clock may run ahead.
const CLOCK_AHEAD_MS_MAX: u64 = 5 * MINUTE_MS;
/// How long a message may live from when it was made.
const LIFETIME_MS_MAX: u64 = 90 * DAY_MS;
/// How long ids and finished messages are remembered; an id forgotten is too old to be submitted anew.
const REMEMBERED_MS: u64 = DAY_MS + 10 * MINUTE_MS;
/// How many messages one hand-out looks at, and how many of each kind one tick deals with.
const MESSAGES_PER_STEP_MAX: usize = 1000;
const GRANTS_MAX: usize = 64;
const SENDERS_MAX: usize = 16;

#[derive(Debug, Clone)]
struct Participant {
    lotse: Lotse,
    /// The key under which the Lotse's agency registered the participant.
    key: String,
    /// The agencies that have a reference for the participant.
    agencies: Vec<String>,
    restricted: bool,
    /// Nothing but the number is left.
    erased: bool,
    /// When the participant was registered, restricted or released, or one of their consents changed.
    changed_at: u64,
}

#[derive(Debug, Clone)]
struct Consent {
    newest: ConsentDocument,
    /// The log index of the newest revision's entry.
    entry: usize,
    revoked_at: Option<u64>,
    suspended: Option<Suspended>,
    /// When it is to be reviewed next.
    review_by: u64,
}

/// An accepted message, until it is finished and forgotten.
#[derive(Debug, Clone)]
struct Message {
    number: usize,
    submission: Submission,
    attempts: u64,
    held_by: Option<Holder>,
    finished_at: Option<u64>,
    /// Each stage that was reported, with the log index of its entry.
    reports: Vec<(Stage, usize)>,
}

/// What became of a message id, accepted or not.
#[derive(Debug, Clone)]
struct Decision {
    submission: Submission,
    accepted: bool,
    number: usize,
    decided_at: u64,
}

/// The whole state of the modelled broker.
#[derive(Debug, Clone)]
pub struct Model {
    project_agency: String,
    health: Vec<String>,
    longest_end: fn(u64) -> u64,
    queue_messages_max: usize,
    log: Vec<Entry>,
    /// For each entry of the log, whom it is about.
    about: Vec<Option<usize>>,
    /// In order of registration; a participant's number is the position here.
    participants: Vec<Participant>,
    /// In order of the first recording of each consent id.
    consents: Vec<Consent>,
    /// In order of number.
    messages: Vec<Message>,
    decisions: Vec<Decision>,
    /// Each address that a recorded consent, an accepted message or an agency's publication ever named.
    addresses: Vec<Address>,
    /// The newest functions of each agency that published.
    directory: Vec<(String, Vec<String>)>,
    /// In order of placing.
    erasure_holds: Vec<ErasureHold>,
    /// Erasures that have begun and are not finished: the log index of the beginning, whose, and by which run.
    erasing: Vec<(usize, usize, usize)>,
    runs: runs::Runs,
    /// The log indexes of entries that were erased.
    erased_entries: Vec<usize>,
    /// The largest size of a log that was lost and is not continued.
    abandoned: usize,
    safeguards: Safeguards,
    attempts_max: u64,
    reads: Vec<(Address, u64)>,
    sent: Vec<delivery::Sent>,
    disclosed: Vec<delivery::Disclosed>,
    duties: Vec<delivery::Duty>,
    planning: planning::Planning,
}

impl Model {
    /// An empty broker. `project_agency` can address every participant; the categories in `health` need evidence;
    /// `longest_end` tells a grant's latest end from its beginning; `queue_messages_max` bounds each address's queue.
    pub fn new(
        project_agency: &str,
        health: &[&str],
        longest_end: fn(u64) -> u64,
        queue_messages_max: usize,
    ) -> Self {
        Self {
            project_agency: project_agency.to_owned(),
            health: health.iter().map(|category| (*category).to_owned()).collect(),
            longest_end,
            queue_messages_max,
            log: Vec::new(),
            about: Vec::new(),
            participants: Vec::new(),
            consents: Vec::new(),
            messages: Vec::new(),
            decisions: Vec::new(),
            addresses: Vec::new(),
            directory: Vec::new(),
            erasure_holds: Vec::new(),
            erasing: Vec::new(),
            runs: runs::Runs::default(),
            erased_entries: Vec::new(),
            abandoned: 0,
            safeguards: Safeguards::default(),
            attempts_max: u64::MAX,
            reads: Vec::new(),
            sent: Vec::new(),
            disclosed: Vec::new(),
            duties: Vec::new(),
            planning: planning::Planning::default(),
        }
    }

    /// All records so far, oldest first.
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// For each record so far, the number of the participant that it is about.
    pub fn about(&self) -> &[Option<usize>] {
        &self.about
    }

    /// Registers a participant, or finds the one whom the same agency registered under the same key. The key of one
    /// who was erased is free again.
    pub fn register(&mut self, lotse: &Lotse, key: &str, now: u64) -> usize {
        let same = |known: &Participant| {
            known.lotse.agency == lotse.agency && known.key == key && !known.erased
        };
        if let Some(participant) = self.participants.iter().position(same) {
            return participant;
        }
        let participant = self.participants.len();
        self.participants.push(Participant {
            lotse: lotse.clone(),
            key: key.to_owned(),
            agencies: vec![lotse.agency.clone(), self.project_agency.clone()],
            restricted: false,
            erased: false,
            changed_at: now,
        });
        self.write(Some(participant), Entry::Registered { participant });
        participant
    }

    /// Hands the participant over to another person of the same agency.
    ///
    /// # Errors
    /// No such participant, or the caller is not the present Lotse.
    pub fn assign_lotse(
        &mut self,
        caller: &Lotse,
        participant: usize,
        new_person: &str,
        now: u64,
    ) -> Result<(), Error> {
        let known = entrusted(&mut self.participants, caller, participant)?;
        known.lotse.person = new_person.to_owned();
        let person = new_person.to_owned();
        self.write(Some(participant), Entry::LotseAssigned { participant, person });
        self.changed(participant, now);
        Ok(())
    }

    /// The participant's present Lotse.
    pub fn lotse(&self, participant: usize) -> Option<&Lotse> {
        let known = self.participants.get(participant).filter(|known| !known.erased);
        known.map(|known| &known.lotse)
    }

    /// Lets a further agency address the participant.
    ///
    /// # Errors
    /// No such participant, or the caller is not the present Lotse.
    pub fn assign_reference(
        &mut self,
        caller: &Lotse,
        participant: usize,
        agency: &str,
        now: u64,
    ) -> Result<(), Error> {
        let agency = agency.to_owned();
        if !entrusted(&mut self.participants, caller, participant)?.agencies.contains(&agency) {
            self.check_not_ended(participant)?;
            entrusted(&mut self.participants, caller, participant)?.agencies.push(agency.clone());
            self.write(Some(participant), Entry::ReferenceAssigned { participant, agency });
            self.changed(participant, now);
        }
        Ok(())
    }

    /// Makes an agency's functions known as addresses. Leaves no entry.
    pub fn publish(&mut self, agency: &str, functions: &[&str]) {
        for function in functions {
            let function = (*function).to_owned();
            self.addresses.push(Address { agency: agency.to_owned(), function });
        }
    }

    /// Records a new consent, or with `revise` the next revision of one, which ends its suspension; the newest revision
    /// once more changes nothing. Then stops every unfinished message of the participant that is no longer covered.
    ///
    /// # Errors
    /// Not the Lotse's participant, a document against the rules, or one that does not follow what is recorded.
    pub fn record(
        &mut self,
        caller: &Lotse,
        document: ConsentDocument,
        revise: bool,
        now: u64,
    ) -> Result<(), Error> {
        let participant = document.participant;
        self.check_entrusted(caller, participant, now)?;
        self.check_not_ended(participant)?;
        self.check_document(&document)?;
        self.check_beside(caller, &document, now)?;
        let entry = self.log.len();
        let recorded = self.consents.iter_mut().find(|known| known.newest.id == document.id);
        if let Some(consent) = recorded {
            let revoked = consent.revoked_at.is_some();
            if consent.newest == document && !revoked {
                return Ok(());
            }
            let follows = consent.newest.participant == participant
                && document.revision == consent.newest.revision.saturating_add(1)
                && document.previous.as_deref() == Some(&consent.newest);
            if !revise || revoked || !follows {
                return Err(Error::Conflict);
            }
            *consent = Consent::new(document.clone(), entry);
        } else {
            if revise {
                return Err(Error::NotFound);
            }
            if document.revision != 1 || document.previous.is_some() {
                return Err(Error::Conflict);
            }
            self.consents.push(Consent::new(document.clone(), entry));
        }
        self.addresses.extend(document.grants.into_iter().map(|grant| grant.recipient));
        let (consent, revision) = (document.id, document.revision);
        self.write(Some(participant), Entry::ConsentRecorded { consent, revision });
        self.changed(participant, now);
        self.stop_uncovered(participant, now);
        Ok(())
    }

    /// Revokes a consent, then stops every unfinished message of the participant that is no longer covered.
    /// A consent that is already revoked stays so, whichever document is given.
    ///
    /// # Errors
    /// No such consent, not the Lotse's participant, or the document is not the newest revision.
    pub fn revoke(
        &mut self,
        caller: &Lotse,
        consent: &str,
        newest_document: &ConsentDocument,
        now: u64,
    ) -> Result<(), Error> {
        let recorded = self.consent(consent).cloned().ok_or(Error::NotFound)?;
        let participant = recorded.newest.participant;
        self.check_entrusted(caller, participant, now)?;
        if recorded.revoked_at.is_some() {
            return Ok(());
        }
        if recorded.newest != *newest_document {
            return Err(Error::Conflict);
        }
        self.end(consent, now);
        self.stop_uncovered(participant, now);
        Ok(())
    }

    /// The rule of the whole broker: the first grant that covers the message at this instant, or why there is none.
    /// Looks at the message's participant, parties, purpose and categories, and at nothing else of it.
    ///
    /// # Errors
    /// The most telling reason.
    pub fn decide(&self, message: &Submission, now: u64) -> Result<GrantRef, Reason> {
        if message.purpose == directory::WITHOUT_PARTICIPANT {
            return self.decide_about_nobody(message);
        }
        let participant = self.addressed(message).ok_or(Reason::UnknownParticipant)?;
        self.beside(participant, message, self.covering(participant, message, now), now)
    }

    /// The first grant of any consent of the participant that covers the message, whatever stands beside the consents.
    fn covering(
        &self,
        participant: usize,
        message: &Submission,
        now: u64,
    ) -> Result<GrantRef, Reason> {
        let mut reason = Reason::NoConsent;
        for consent in self.consents.iter().filter(|it| it.newest.participant == participant) {
            let newest = &consent.newest;
            let preceding = newest.previous.iter().flat_map(|document| &document.grants);
            if preceding.into_iter().any(|grant| names(grant, message)) {
                reason = reason.max(Reason::Superseded);
            }
            for (grant_index, grant) in newest.grants.iter().enumerate() {
                if !names(grant, message) {
                    continue;
                }
                if consent.revoked_at.is_some() {
                    reason = reason.max(Reason::Revoked);
                } else if now < grant.not_before {
                    reason = reason.max(Reason::NotYet);
                } else if now >= grant.not_after {
                    reason = reason.max(Reason::Expired);
                } else if let Some(suspended) = consent.suspended {
                    reason = reason.max(suspended.reason());
                } else {
                    return Ok((newest.id.clone(), newest.revision, grant_index, None));
                }
            }
        }
        Err(reason)
    }

    /// Decides each message of one call: whether it is accepted, and its number. A known id gets its earlier result.
    /// With `require_all`, one message of the call that does not pass makes all new ones refused.
    ///
    /// # Errors
    /// A foreign sender, a reused id, times out of bounds, a full queue: then nothing of the call has happened.
    pub fn submit(
        &mut self,
        agency: &str,
        messages: Vec<Submission>,
        require_all: bool,
        now: u64,
    ) -> Result<Vec<(bool, usize)>, Error> {
        self.check_submissions(agency, &messages, now)?;
        self.check_queues(&messages)?;
        let refuse_all = require_all && messages.iter().any(|it| !self.would_pass(it, now));
        Ok(messages.into_iter().map(|it| self.submit_one(it, refuse_all, now)).collect())
    }

    /// Hands out the oldest waiting messages to any of the addresses, at most `max`, each decided anew at this instant.
    /// Those that have expired or are no longer covered are stopped instead. Those that a suspension or restriction
    /// keeps back are set aside.
    pub fn hand_out(
        &mut self,
        recipients: &[Address],
        holder: Holder,
        max: usize,
        now: u64,
    ) -> Vec<HandOut> {
        self.mark_read(recipients, now);
        let waiting = self.unfinished().filter(|it| it.held_by.is_none());
        let addressed = waiting.filter(|it| recipients.contains(&it.submission.recipient));
        let oldest: Vec<Message> = addressed.take(MESSAGES_PER_STEP_MAX).cloned().collect();
        let mut handed_out = Vec::new();
        for Message { number, submission, attempts, .. } in oldest {
            if handed_out.len() >= max {
                break;
            }
            if now >= submission.expires_at {
                self.stop(number, StopReason::Expired, None, now);
                continue;
            }
            if attempts >= self.attempts_max {
                self.dead_letter(number, "attempts", now);
                continue;
            }
            match self.decide(&submission, now) {
                Ok(grant) => handed_out.extend(self.hand_out_one(number, holder, grant)),
                // It waits: the suspension or restriction may end.
                Err(deny) if deny.may_end() => {}
                Err(deny) => self.stop(number, StopReason::ConsentEnded, Some(deny), now),
            }
        }
        handed_out
    }

    /// Everything this stream holds waits again.
    pub fn release_stream(&mut self, stream: u64) {
        for message in &mut self.messages {
            message.held_by = message.held_by.filter(|holder| *holder != Holder::Stream(stream));
        }
    }

    /// The recipient reports a stage of some messages: for each the log index of the first such report.
    ///
    /// # Errors
    /// One of them is unknown, forgotten, another agency's or was never handed out: then nothing has happened.
    pub fn report(
        &mut self,
        agency: &str,
        messages: &[usize],
        stage: Stage,
        now: u64,
    ) -> Result<Vec<usize>, Error> {
        for number in messages {
            let message = self.messages.iter().find(|it| it.number == *number);
            let message = message.ok_or(Error::NotFound)?;
            if message.submission.recipient.agency != agency || message.attempts == 0 {
                return Err(Error::NotFound);
            }
        }
        messages.iter().map(|number| self.report_one(*number, stage, now)).collect()
    }

    /// What time alone brings about: messages expire, holds end, old ids and finished messages are forgotten.
    pub fn tick(&mut self, now: u64) {
        let ends = self.unfinished().map(|it| (it.submission.expires_at, it.number));
        for number in earliest_due(ends.collect(), now) {
            self.stop(number, StopReason::Expired, None, now);
        }
        let holds = self.messages.iter().filter_map(|it| match it.held_by {
            Some(Holder::Until(end)) => Some((end, it.number)),
            Some(Holder::Stream(_)) | None => None,
        });
        let ended = earliest_due(holds.collect(), now);
        for message in self.messages.iter_mut().filter(|it| ended.contains(&it.number)) {
            message.held_by = None;
        }
        self.end_coverage(now);
        // Time never decreases, so forgetting by age is the same as forgetting in order of insertion.
        let is_old = |since: u64| since.saturating_add(REMEMBERED_MS) <= now;
        self.decisions.retain(|decision| !is_old(decision.decided_at));
        self.messages.retain(|message| !message.finished_at.is_some_and(is_old));
    }

    /// The broker starts anew from its log. Holds are not in the log, so everything held waits again.
    pub fn restart(&mut self) {
        for message in &mut self.messages {
            message.held_by = None;
        }
    }

    /// Whom the sender means; nobody, if the sender's agency has no reference for that participant.
    fn addressed(&self, message: &Submission) -> Option<usize> {
        let number = message.participant?;
        let participant = self.participants.get(number).filter(|known| !known.erased)?;
        participant.agencies.contains(&message.sender.agency).then_some(number)
    }

    pub fn is_restricted(&self, participant: usize) -> bool {
        self.participants.get(participant).is_some_and(|known| known.restricted)
    }

    fn consent(&self, id: &str) -> Option<&Consent> {
        self.consents.iter().find(|known| known.newest.id == id)
    }

    /// The next record, and whom it is about.
    fn write(&mut self, about: Option<usize>, entry: Entry) {
        self.log.push(entry);
        self.about.push(about);
    }

    fn changed(&mut self, participant: usize, now: u64) {
        if let Some(known) = self.participants.get_mut(participant) {
            known.changed_at = now;
        }
    }

    /// A consent is revoked from now on.
    fn end(&mut self, id: &str, now: u64) {
        let recorded = self.consents.iter_mut().find(|known| known.newest.id == id);
        let Some(consent) = recorded else { return };
        consent.revoked_at = Some(now);
        let participant = consent.newest.participant;
        self.write(Some(participant), Entry::ConsentRevoked { consent: id.to_owned() });
        self.changed(participant, now);
    }

    /// In order of number.
    fn unfinished(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.finished_at.is_none())
    }

    fn known(&self, message: &Submission) -> Option<&Decision> {
        self.decisions.iter().find(|decision| same_id(&decision.submission, message))
    }

    fn check_document(&self, document: &ConsentDocument) -> Result<(), Error> {
        let is_health = |category: &String| self.health.contains(category);
        let grants_valid = document.grants.iter().all(|grant| {
            (1..=SENDERS_MAX).contains(&grant.senders.len())
                && grant.purpose != directory::WITHOUT_PARTICIPANT
                && !grant.categories.is_empty()
                && grant.not_before < grant.not_after
                && grant.not_after <= (self.longest_end)(grant.not_before)
                && (document.has_evidence || !grant.categories.iter().any(is_health))
        });
        let count_valid = (1..=GRANTS_MAX).contains(&document.grants.len());
        if grants_valid && count_valid { Ok(()) } else { Err(Error::Invalid) }
    }

    fn check_submissions(&self, agency: &str, call: &[Submission], now: u64) -> Result<(), Error> {
        for (position, message) in call.iter().enumerate() {
            if message.sender.agency != agency {
                return Err(Error::Forbidden);
            }
            let before = self.decisions.iter().map(|decision| &decision.submission);
            let mut earlier = before.chain(call.iter().take(position));
            if earlier.any(|it| same_id(it, message) && it.content != message.content) {
                return Err(Error::Conflict);
            }
            if self.known(message).is_none() && !times_valid(message, now) {
                return Err(Error::Invalid);
            }
        }
        Ok(())
    }

    /// The ids that are new with this call count towards the queue of each known address, accepted or not. An id that
    /// occurs twice in the call counts once, since it can become one message only.
    fn check_queues(&self, call: &[Submission]) -> Result<(), Error> {
        let mut new: Vec<&Submission> = Vec::new();
        for message in call {
            if self.known(message).is_none() && !new.iter().any(|it| same_id(it, message)) {
                new.push(message);
            }
        }
        for address in new.iter().map(|message| &message.recipient) {
            let queued = self.unfinished().filter(|it| it.submission.recipient == *address);
            let added = new.iter().filter(|message| message.recipient == *address);
            let full = queued.count().saturating_add(added.count()) > self.queue_messages_max;
            if full && self.addresses.contains(address) {
                return Err(Error::QueueFull);
            }
        }
        Ok(())
    }

    /// Whether a message is covered; a known id passes if it was accepted when it was first used.
    fn would_pass(&self, submission: &Submission, now: u64) -> bool {
        match self.known(submission) {
            Some(known) => known.accepted,
            None => self.decide(submission, now).is_ok(),
        }
    }

    fn submit_one(&mut self, submission: Submission, refuse_all: bool, now: u64) -> (bool, usize) {
        if let Some(known) = self.known(&submission) {
            return (known.accepted, known.number);
        }
        let covered = match self.decide(&submission, now) {
            Ok(_) if refuse_all => Err(Reason::NotAllCovered),
            covered => covered,
        };
        let accepted = covered.is_ok();
        let number = self.log.len();
        let entry = Entry::Decided {
            message_id: submission.message_id.clone(),
            accepted,
            reason: covered.as_ref().err().copied(),
            grant: covered.ok(),
        };
        self.write(self.addressed(&submission), entry);
        if accepted {
            self.accepted(number, &submission);
            self.addresses.extend([submission.sender.clone(), submission.recipient.clone()]);
            self.messages.push(Message {
                number,
                submission: submission.clone(),
                attempts: 0,
                held_by: None,
                finished_at: None,
                reports: Vec::new(),
            });
        }
        self.decisions.push(Decision { submission, accepted, number, decided_at: now });
        (accepted, number)
    }

    fn hand_out_one(&mut self, number: usize, holder: Holder, grant: GrantRef) -> Option<HandOut> {
        let message = self.messages.iter_mut().find(|it| it.number == number)?;
        let attempt = message.attempts.saturating_add(1);
        message.attempts = attempt;
        message.held_by = Some(holder);
        let about = message.submission.participant;
        self.disclose(number, &grant.0.clone(), self.log.len());
        self.write(about, Entry::HandedOut { message: number, attempt, grant: grant.clone() });
        let message = number;
        Some(HandOut { message, attempt, grant })
    }

    fn report_one(&mut self, number: usize, stage: Stage, now: u64) -> Result<usize, Error> {
        let message = self.messages.iter_mut().find(|it| it.number == number);
        let message = message.ok_or(Error::NotFound)?;
        if let Some((_, entry)) = message.reports.iter().find(|(reported, _)| *reported == stage) {
            return Ok(*entry);
        }
        let entry = self.log.len();
        message.reports.push((stage, entry));
        if stage == Stage::Acknowledged {
            message.finished_at = message.finished_at.or(Some(now));
            message.held_by = None;
        }
        let about = message.submission.participant;
        self.write(about, Entry::Stage { message: number, stage });
        Ok(entry)
    }

    /// INVARIANT (revoke-strict): after a change of a participant's consents no uncovered message is left, held or not,
    /// but those that only a suspension or restriction keeps back.
    fn stop_uncovered(&mut self, participant: usize, now: u64) {
        let about = |message: &&Message| message.submission.participant == Some(participant);
        let affected: Vec<Message> = self.unfinished().filter(about).cloned().collect();
        for Message { number, submission, .. } in affected {
            if let Err(deny) = self.decide(&submission, now)
                && !deny.may_end()
            {
                self.stop(number, StopReason::ConsentEnded, Some(deny), now);
            }
        }
        self.open_duties(participant, now);
    }

    fn stop(&mut self, number: usize, reason: StopReason, deny: Option<Reason>, now: u64) {
        let mut about = None;
        for message in self.messages.iter_mut().filter(|it| it.number == number) {
            message.finished_at = Some(now);
            message.held_by = None;
            about = message.submission.participant;
        }
        self.write(about, Entry::Stopped { message: number, reason, deny });
    }
}

/// The participant, if the caller is their present Lotse.
fn entrusted<'model>(
    participants: &'model mut [Participant],
    caller: &Lotse,
    participant: usize,
) -> Result<&'model mut Participant, Error> {
    let known = participants.get_mut(participant).filter(|known| !known.erased);
    let known = known.ok_or(Error::NotFound)?;
    if known.lotse == *caller { Ok(known) } else { Err(Error::Forbidden) }
}

/// Whether a grant names the message's sender, recipient and purpose and all its categories, whenever it holds.
fn names(grant: &Grant, message: &Submission) -> bool {
    grant.senders.contains(&message.sender.agency)
        && grant.recipient == message.recipient
        && grant.purpose == message.purpose
        && message.categories.iter().all(|category| grant.categories.contains(category))
}

fn same_id(one: &Submission, other: &Submission) -> bool {
    one.sender.agency == other.sender.agency && one.message_id == other.message_id
}

fn times_valid(message: &Submission, now: u64) -> bool {
    let (created_at, expires_at) = (message.created_at, message.expires_at);
    created_at >= now.saturating_sub(AGE_MS_MAX)
        && created_at <= now.saturating_add(CLOCK_AHEAD_MS_MAX)
        && expires_at > now
        && expires_at > created_at
        && expires_at <= created_at.saturating_add(LIFETIME_MS_MAX)
}

/// The numbers of the messages whose time has come, in order of time, then number; no more than one step deals with.
fn earliest_due(mut times: Vec<(u64, usize)>, now: u64) -> Vec<usize> {
    times.retain(|(time, _)| *time <= now);
    times.sort_unstable();
    times.truncate(MESSAGES_PER_STEP_MAX);
    times.into_iter().map(|(_, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 100 * DAY_MS;

    fn lotse() -> Lotse {
        Lotse { agency: "caritas".into(), person: "lotse".into() }
    }

    fn address(agency: &str) -> Address {
        Address { agency: agency.into(), function: "reha".into() }
    }

    fn document() -> ConsentDocument {
        let grants = vec![Grant {
            senders: vec!["jobcenter".into()],
            recipient: address("drv"),
            purpose: "reha".into(),
            categories: vec!["wohnen".into()],
            not_before: NOW,
            not_after: NOW + DAY_MS,
        }];
        let (id, previous) = ("consent".into(), None);
        let (signed_at, review_by, has_evidence) = (NOW, NOW + DAY_MS, false);
        let (participant, revision) = (0, 1);
        ConsentDocument {
            id,
            participant,
            revision,
            previous,
            grants,
            has_evidence,
            signed_at,
            review_by,
        }
    }

    fn submission(message_id: &str, purpose: &str) -> Submission {
        Submission {
            message_id: message_id.into(),
            content: purpose.into(),
            participant: Some(0),
            sender: address("jobcenter"),
            recipient: address("drv"),
            purpose: purpose.into(),
            categories: vec!["wohnen".into()],
            professional_secret: false,
            created_at: NOW,
            expires_at: NOW + 2 * DAY_MS,
        }
    }

    /// Registered, reference assigned, consent recorded, message 3 accepted.
    fn model() -> Model {
        let mut model = Model::new("project", &["gesundheit"], |begin| begin + 730 * DAY_MS, 3);
        model.register(&lotse(), "key", NOW);
        model.assign_reference(&lotse(), 0, "jobcenter", NOW).unwrap();
        model.record(&lotse(), document(), false, NOW).unwrap();
        assert_eq!(submit(&mut model, &[("m", "reha")], false), Ok(vec![(true, 3)]));
        model
    }

    fn submit(
        model: &mut Model,
        messages: &[(&str, &str)],
        require_all: bool,
    ) -> Result<Vec<(bool, usize)>, Error> {
        let messages = messages.iter().map(|(id, purpose)| submission(id, purpose)).collect();
        model.submit("jobcenter", messages, require_all, NOW)
    }

    #[test]
    fn a_grant_covers_from_its_first_instant_until_before_its_end() {
        let (model, grant) = (model(), ("consent".into(), 1, 0, None));
        let decide = |now| model.decide(&submission("n", "reha"), now);
        assert_eq!(
            [decide(NOW - 1), decide(NOW + DAY_MS)],
            [Err(Reason::NotYet), Err(Reason::Expired)]
        );
        assert_eq!([decide(NOW), decide(NOW + DAY_MS - 1)], [Ok(grant.clone()), Ok(grant)]);
        assert_eq!(model.decide(&submission("n", "other"), NOW), Err(Reason::NoConsent));
    }

    #[test]
    fn a_revocation_stops_held_messages_too_and_they_can_still_be_reported() {
        let mut model = model();
        assert_eq!(model.hand_out(&[address("drv")], Holder::Stream(1), 9, NOW)[0].attempt, 1);
        model.revoke(&lotse(), "consent", &document(), NOW).unwrap();
        let (reason, deny) = (StopReason::ConsentEnded, Some(Reason::Revoked));
        assert_eq!(model.log().get(7), Some(&Entry::Stopped { message: 3, reason, deny }));
        assert_eq!(model.duties("drv")[0].messages, [3]);
        model.release_stream(1);
        assert_eq!(model.hand_out(&[address("drv")], Holder::Stream(1), 9, NOW), []);
        assert_eq!(model.report("drv", &[3, 3], Stage::Decrypted, NOW), Ok(vec![9, 9]));
        model.tick(NOW + REMEMBERED_MS);
        assert!(model.report("drv", &[3], Stage::Decrypted, NOW + REMEMBERED_MS).is_err());
    }

    #[test]
    fn an_id_has_one_effect_and_a_call_may_be_all_or_nothing() {
        let mut model = model();
        assert_eq!(submit(&mut model, &[("m", "other")], false), Err(Error::Conflict));
        let call = [("m", "reha"), ("a", "other"), ("b", "reha")];
        let results = vec![(true, 3), (false, 4), (false, 5)];
        assert_eq!(submit(&mut model, &call, true), Ok(results.clone()));
        assert_eq!(submit(&mut model, &call, false), Ok(results));
        let (message_id, reason) = ("b".into(), Some(Reason::NotAllCovered));
        let refused = Entry::Decided { message_id, accepted: false, reason, grant: None };
        assert_eq!(model.log().last(), Some(&refused));
        assert!(
            submit(&mut model, &[("c", "reha"), ("d", "reha"), ("e", "other")], false).is_err()
        );
    }
}
