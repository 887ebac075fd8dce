//! Messages: submit, hand out, report, expire.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::domain::command::{Outcome, SubmitDecision};
use crate::domain::decide::{DenyReason, Permit, Question, decide, next_change};
use crate::domain::delivery::{DeadLetterReason, TakenUpBy};
use crate::domain::event::{
    Actor, Basis, Decision, DecisionEvent, EventKind, HandOutEvent, Submission,
};
use crate::domain::ids::{
    Address, AgencyId, MessageId, ParticipantId, RecordNumber, Reference, TimeMs,
};
use crate::domain::message::{HandOutPermit, Hold, Message, Stage, StopReason};
use crate::domain::names::{AddressIx, AgencyIx};
use crate::domain::refusal::Refusal;
use crate::domain::safeguards::Safeguards;
use crate::domain::state::{Participant, ParticipantIx, Rules, State, UploadKey};
use crate::domain::without_participant::Passage;

/// Oldest label that is accepted.
pub(super) const LABEL_AGE_MS_MAX: TimeMs = 24 * 3600 * 1000;
/// How far a sender's clock may be ahead.
pub(super) const CLOCK_AHEAD_MS_MAX: TimeMs = 5 * 60 * 1000;
/// Longest life of a message.
pub(super) const MESSAGE_LIFE_MS_MAX: TimeMs = 90 * 24 * 3600 * 1000;
/// Part of all idempotency keys that one agency may hold: one in so many.
const KEYS_SHARE: usize = 4;
/// Most functions as which one agency sends while its keys are remembered: a day.
const SENDERS_PER_AGENCY_MAX: usize = 1_000;
/// Bytes that a delivery needs beside its payload: label, signature, certificate, path, receipt.
const DELIVERY_OVERHEAD_BYTES: u64 = 6 * 1024;
/// Most expiries and releases of one tick; the rest follows with the next.
pub(super) const TICK_WORK_MAX: usize = 1000;
/// Most waiting messages looked at in one hand-out, permitted or not.
const HAND_OUT_LOOKED_AT_MAX: usize = 1000;

impl State {
    pub(super) fn submit(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        messages: Vec<Submission>,
        require_all: bool,
    ) -> Result<Vec<SubmitDecision>, Refusal> {
        self.check_submissions(rules, now, actor, &messages)?;
        let withheld =
            require_all && messages.iter().any(|m| !self.would_pass(rules, actor, m, now));
        let decisions = messages
            .into_iter()
            .map(|submission| self.submit_one(rules, now, actor, submission, withheld));
        Ok(decisions.collect())
    }

    /// Whether a message is covered now, or was when its identifier was first used.
    fn would_pass(&self, rules: &Rules, actor: &Actor, message: &Submission, now: TimeMs) -> bool {
        let own = self.names.known_agency(&actor.agency);
        let known = own.and_then(|own| self.keys.get(&(own, message.label.message_id)));
        match known {
            Some(entry) => entry.accepted,
            None => self.decide_submission(rules, actor, message, now).1.is_ok(),
        }
    }

    /// Everything that can refuse a submission, before anything changes.
    fn check_submissions(
        &self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        messages: &[Submission],
    ) -> Result<(), Refusal> {
        let own = self.names.known_agency(&actor.agency);
        let mut in_request: HashMap<MessageId, [u8; 16]> = HashMap::new();
        let mut queued: HashMap<AddressIx, (usize, u64)> = HashMap::new();
        let mut new_keys = 0;
        let mut new_senders: BTreeSet<&Address> = BTreeSet::new();
        for message in messages {
            let label = &message.label;
            if label.sender.agency != actor.agency {
                return Err(Refusal::InvalidField {
                    field: "label.sender",
                    expected: "the agency of the caller's certificate",
                });
            }
            let known = own
                .and_then(|own| self.keys.get(&(own, label.message_id)))
                .map(|entry| entry.fingerprint);
            let earlier = in_request.insert(label.message_id, message.fingerprint);
            if known.or(earlier).is_some_and(|other| other != message.fingerprint) {
                return Err(Refusal::IdempotencyConflict { field: "label.message_id" });
            }
            if known.or(earlier).is_some() {
                continue;
            }
            let function = label.sender.function();
            let is_secret = rules.catalogue.is_professional_secret(label.kind, function);
            // What is about nobody holds no secret of anybody, whoever sends it.
            let about_somebody = label.participant_commitment.is_some();
            if about_somebody && is_secret && !label.professional_secret {
                return Err(Refusal::InvalidField {
                    field: "label.professional_secret",
                    expected: "true: in the catalogue this kind or sending function is always a professional secret",
                });
            }
            check_times(message, now)?;
            self.check_upload(rules, now, own, message)?;
            new_keys += 1;
            new_senders.extend(self.is_new_sender(own, &label.sender).then_some(&label.sender));
            if let Some(recipient) = self.names.known_address(&label.recipient) {
                let (messages, bytes) = queued.entry(recipient).or_insert_with(|| {
                    self.queues.get(&recipient).map_or((0, 0), |q| (q.messages, q.bytes))
                });
                *messages += 1;
                *bytes += u64::from(message.payload_bytes);
                if *messages > rules.limits.queue_messages_max {
                    return Err(Refusal::Overloaded { limit: "queue_messages_max" });
                }
                if *bytes > rules.limits.queue_bytes_max {
                    return Err(Refusal::Overloaded { limit: "queue_bytes_max" });
                }
            }
        }
        // Names of senders are remembered, so there are only so many new ones a day. What consents name does not
        // count, so that none shows here.
        let sent_as = own.and_then(|own| self.senders.get(&own)).map_or(0, FxHashMap::len);
        if !new_senders.is_empty() && sent_as + new_senders.len() > SENDERS_PER_AGENCY_MAX {
            let expected =
                "a function as which the agency sent today: there were too many different ones";
            return Err(Refusal::InvalidField { field: "label.sender", expected });
        }
        // No agency can use up the identifiers of the others.
        let most = rules.limits.idempotency_keys_max;
        let of_agency = own.and_then(|own| self.keys_of.get(&own)).copied().unwrap_or_default();
        if self.keys.len() + new_keys > most || of_agency + new_keys > most / KEYS_SHARE {
            return Err(Refusal::Overloaded { limit: "idempotency_keys_max" });
        }
        Ok(())
    }

    fn is_new_sender(&self, own: Option<AgencyIx>, sender: &Address) -> bool {
        let known = self.names.known_address(sender);
        let sent_as = own.and_then(|own| self.senders.get(&own));
        known.is_none_or(|known| sent_as.is_none_or(|sent_as| !sent_as.contains_key(&known)))
    }

    /// Decides a question about the participant that an agency's reference means. For measurements;
    /// the permit in the answer is bound to no message and opens nothing.
    ///
    /// # Errors
    /// Why it is not covered.
    pub fn decide_for(
        &self,
        agency: &AgencyId,
        reference: &Reference,
        question: &Question,
        now: TimeMs,
    ) -> Result<Permit, DenyReason> {
        let found = self.by_reference(agency, reference);
        let (_, participant) = found.ok_or(DenyReason::UnknownParticipant)?;
        participant.decide(question, now)
    }

    /// Decides one submission. The same work whether the participant exists or not.
    ///
    /// INVARIANT (uniform-refusal): all refusals leave through the same outcome; the reason goes to
    /// the log only.
    pub(super) fn decide_submission(
        &self,
        rules: &Rules,
        actor: &Actor,
        submission: &Submission,
        now: TimeMs,
    ) -> (Option<ParticipantId>, Result<Passage, DenyReason>) {
        let label = &submission.label;
        let Some(reference) = &submission.reference else {
            let (sender, recipient) = (&label.sender.agency, &label.recipient);
            let permit = self.decide_without_participant(
                rules,
                sender,
                recipient,
                label.purpose,
                label.categories,
            );
            return (None, permit.map(Passage::WithoutParticipant));
        };
        let question = Question {
            sender: self.names.known_agency(&label.sender.agency),
            sender_address: self.names.known_address(&label.sender),
            recipient: self.names.known_address(&label.recipient),
            recipient_agency: self.names.known_agency(&label.recipient.agency),
            purpose: label.purpose,
            categories: label.categories,
            professional_secret: label.professional_secret,
        };
        let found = self.by_reference(&actor.agency, reference);
        let consents = found.iter().flat_map(|(_, participant)| participant.consents.iter());
        let safeguards = found.map_or(Safeguards::NONE, |(_, participant)| &participant.safeguards);
        let decision = decide(consents, safeguards, &question, now).map(Passage::Consent);
        match found {
            Some((_, participant)) => (Some(participant.id), decision),
            None => (None, Err(DenyReason::UnknownParticipant)),
        }
    }

    fn submit_one(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: &Actor,
        mut submission: Submission,
        withheld: bool,
    ) -> SubmitDecision {
        let own = self.names.agency(&actor.agency);
        if let Some(entry) = self.keys.get(&(own, submission.label.message_id)) {
            return SubmitDecision { accepted: entry.accepted, record: entry.record };
        }
        let (participant, decision) = self.decide_submission(rules, actor, &submission, now);
        let decision = match decision {
            Ok(permit) if !withheld => Decision::Accepted(Basis::from(&permit)),
            Ok(_) => Decision::Refused(DenyReason::NotAllCovered),
            Err(reason) => Decision::Refused(reason),
        };
        let accepted = matches!(decision, Decision::Accepted(_));
        submission.has_payload = accepted;
        if !accepted {
            submission.payload = Bytes::new();
        }
        let (message, part_of) = (submission.label.message_id, submission.label.part_of);
        let event = DecisionEvent { participant, submission, decision };
        let kind = EventKind::MessageDecided(Box::new(event));
        let record = self.emit(Some(actor.clone()), kind, now);
        let part = part_of.map(|_| record);
        self.settle_upload(now, own, part_of.unwrap_or(message), part);
        SubmitDecision { accepted, record }
    }

    /// Numbers of those addresses of the actor's own agency that a consent or the directory ever
    /// named. The others are empty queues: an agency must not learn from an error whether some
    /// consent names it.
    #[must_use]
    pub fn own_addresses(&self, actor: &Actor, addresses: &[Address]) -> Vec<AddressIx> {
        let own = addresses.iter().filter(|address| address.agency == actor.agency);
        own.filter_map(|address| self.names.known_address(address)).collect()
    }

    /// Hands out to numbered addresses of one agency; used by receive streams, which numbered their
    /// addresses once.
    #[expect(clippy::too_many_arguments, reason = "what a receiver asks for, at an instant")]
    pub fn hand_out(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        recipients: &[AddressIx],
        hold: Hold,
        messages_max: usize,
        bytes_max: u64,
        actor: &Actor,
    ) -> Vec<HandOutPermit> {
        self.suspend_missed(rules, now);
        self.release_due(now);
        let mut permits: Vec<HandOutPermit> = Vec::new();
        let mut bytes = 0;
        for _ in 0..HAND_OUT_LOOKED_AT_MAX {
            // INVARIANT (order): per recipient the oldest waiting message leaves first.
            let oldest = recipients
                .iter()
                .filter_map(|recipient| self.queues.get(recipient)?.waiting.first().copied())
                .min();
            let Some(number) = oldest.filter(|_| permits.len() < messages_max) else { break };
            let payload = self.messages.get(&number).map_or(0, |m| u64::from(m.payload_bytes));
            let size = payload + DELIVERY_OVERHEAD_BYTES;
            if !permits.is_empty() && bytes + size > bytes_max {
                break;
            }
            if let Some(permit) = self.hand_out_one(rules, now, number, hold, actor) {
                bytes += size;
                permits.push(permit);
            }
        }
        permits
    }

    /// Decides one waiting message again and hands it out, or stops it.
    fn hand_out_one(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        number: RecordNumber,
        hold: Hold,
        actor: &Actor,
    ) -> Option<HandOutPermit> {
        let message = self.messages.get(&number)?.clone();
        if now >= message.expires_at {
            self.stop(number, StopReason::Expired, None, now);
            return None;
        }
        if !self.may_leave(number) {
            self.stop(number, StopReason::UploadEnded, None, now);
            return None;
        }
        if message.attempt >= self.delivery.rules.attempts_max {
            self.dead_letter(now, None, number, DeadLetterReason::Attempts);
            return None;
        }
        let participant = self.participant(message.participant)?;
        let permit = match self.decide_waiting(rules, &message, participant, now) {
            Ok(permit) => permit,
            Err(reason) if reason.may_pass() => {
                let (consents, beside) = (participant.consents.iter(), &participant.safeguards);
                let until = next_change(consents, beside, &message.question(), now);
                let until = until.unwrap_or(message.expires_at).min(message.expires_at);
                self.hold(number, Hold::Blocked(until));
                return None;
            }
            Err(reason) => {
                self.stop(number, StopReason::ConsentEnded, Some(reason), now);
                return None;
            }
        };
        let reference = participant
            .references
            .iter()
            .find(|(agency, ..)| *agency == message.recipient_agency)
            .map(|(_, reference, _)| *reference);
        let attempt = message.attempt + 1;
        let event = HandOutEvent {
            message: number,
            participant: participant.id,
            attempt,
            grant: Basis::from(&permit),
            sender: self.address(message.sender)?,
            recipient: self.address(message.recipient)?,
            purpose: message.purpose,
            kind: message.kind,
            categories: message.categories,
            professional_secret: message.professional_secret,
        };
        let record = self.emit(Some(actor.clone()), EventKind::HandedOut(Box::new(event)), now);
        self.hold(number, hold);
        Some(HandOutPermit {
            message: number,
            record,
            attempt,
            permit,
            participant: message.participant,
            accepted_at: message.accepted_at,
            handed_out_at: now,
            reference,
            payload_bytes: message.payload_bytes,
        })
    }

    /// Decides a waiting message: on its participant's consents, or without participant.
    fn decide_waiting(
        &self,
        rules: &Rules,
        message: &Message,
        participant: &Participant,
        now: TimeMs,
    ) -> Result<Passage, DenyReason> {
        if message.participant != ParticipantIx::NOBODY {
            return participant.decide(&message.question(), now).map(Passage::Consent);
        }
        let gone = DenyReason::NotInDirectory;
        let sender = self.agency(message.sender_agency).ok_or(gone)?;
        let recipient = self.address(message.recipient).ok_or(gone)?;
        let (purpose, categories) = (message.purpose, message.categories);
        let permit =
            self.decide_without_participant(rules, &sender, &recipient, purpose, categories);
        permit.map(Passage::WithoutParticipant)
    }

    pub(super) fn stop(
        &mut self,
        number: RecordNumber,
        reason: StopReason,
        deny: Option<DenyReason>,
        now: TimeMs,
    ) {
        let Some(message) = self.messages.get(&number) else { return };
        let upload = self.uploads.of_main(number);
        let (Some(participant), Some(sender), Some(recipient)) = (
            self.participant(message.participant).map(|participant| participant.id),
            self.agency(message.sender_agency),
            self.agency(message.recipient_agency),
        ) else {
            return;
        };
        let kind = EventKind::MessageStopped {
            message: number,
            participant,
            reason,
            deny,
            sender,
            recipient,
        };
        self.emit(None, kind, now);
        self.stop_rest(upload, now);
    }

    /// What is left of an upload goes with its main message; a part has none of its own.
    pub(super) fn stop_rest(&mut self, upload: Option<UploadKey>, now: TimeMs) {
        for part in upload.map(|key| self.uploads.parts(&key)).unwrap_or_default() {
            self.stop(part, StopReason::UploadEnded, None, now);
        }
    }

    pub(super) fn release_stream(&mut self, stream: u64) {
        let held: Vec<RecordNumber> =
            self.streams.get(&stream).into_iter().flatten().copied().collect();
        for number in held {
            self.release(number);
        }
    }

    pub(super) fn report(
        &mut self,
        now: TimeMs,
        actor: &Actor,
        messages: &[RecordNumber],
        stage: Stage,
        by: TakenUpBy,
    ) -> Result<Outcome, Refusal> {
        let own = self.names.known_agency(&actor.agency);
        for number in messages {
            let recipient = match (self.messages.get(number), self.finished.get(number)) {
                (Some(message), _) if message.attempt > 0 => Some(message.recipient_agency),
                (None, Some(finished)) if finished.handed_out => Some(finished.recipient_agency),
                _ => None,
            };
            if recipient.is_none() || recipient != own {
                return Err(Refusal::NotFound { field: "message_numbers" });
            }
        }
        let records = messages.iter().filter_map(|n| self.report_one(now, actor, *n, stage, by));
        Ok(Outcome::Reported(records.collect()))
    }

    fn report_one(
        &mut self,
        now: TimeMs,
        actor: &Actor,
        number: RecordNumber,
        stage: Stage,
        by: TakenUpBy,
    ) -> Option<RecordNumber> {
        let (participant, sender, recipient, known) = match self.messages.get(&number) {
            Some(message) => {
                let known = match stage {
                    Stage::Decrypted => message.decrypted,
                    Stage::Acknowledged => None,
                };
                (message.participant, message.sender_agency, message.recipient_agency, known)
            }
            None => {
                let finished = self.finished.get(&number)?;
                let known = match stage {
                    Stage::Decrypted => finished.decrypted,
                    Stage::Acknowledged => finished.acknowledged,
                };
                (finished.participant, finished.sender_agency, finished.recipient_agency, known)
            }
        };
        if known.is_some() {
            return known;
        }
        let kind = EventKind::StageReported {
            message: number,
            participant: self.participant(participant)?.id,
            stage,
            by,
            sender: self.agency(sender)?,
            recipient: self.agency(recipient)?,
        };
        Some(self.emit(Some(actor.clone()), kind, now))
    }

    pub(super) fn tick(&mut self, now: TimeMs) {
        for _ in 0..TICK_WORK_MAX {
            match self.expiries.first().copied() {
                Some((at, number)) if at <= now => {
                    self.stop(number, StopReason::Expired, None, now);
                }
                _ => break,
            }
        }
        for _ in 0..TICK_WORK_MAX {
            match self.holds.first().copied() {
                Some((until, number)) if until <= now => self.release(number),
                _ => break,
            }
        }
        self.end_coverage(now);
        self.release_due(now);
        self.forget_old(now);
        self.delivery.forget_old(now);
    }
}

fn check_times(message: &Submission, now: TimeMs) -> Result<(), Refusal> {
    let label = &message.label;
    let out_of_range = |field| Err(Refusal::TimeOutOfRange { field });
    if label.created_at + LABEL_AGE_MS_MAX < now || label.created_at > now + CLOCK_AHEAD_MS_MAX {
        return out_of_range("label.created_at_ms");
    }
    if label.expires_at <= now
        || label.expires_at <= label.created_at
        || label.expires_at > label.created_at + MESSAGE_LIFE_MS_MAX
    {
        return out_of_range("label.expires_at_ms");
    }
    Ok(())
}
