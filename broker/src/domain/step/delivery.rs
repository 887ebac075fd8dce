//! Recall, rejection, tracking, notices, mailboxes, and duties to delete.

use super::consents::CoverageEnd;
use crate::domain::command::{DeliveryCommand, DeliveryOutcome, Outcome};
use crate::domain::delivery::{
    DeadLetterReason, DeadLetterRow, DeletionAnswer, Disclosure, Duty, DutyConsent, DutyRow,
    MAILBOXES_LISTED_MAX, MailboxClass, MailboxRow, MessageEnd, Notice, NoticeRow, READ_AGAIN_MS,
    RecallOutcome, RejectOutcome, Tracked,
};
use crate::domain::event::{Actor, BasisEndedEvent, DeliveryEvent, EventKind, LogQueryEvent};
use crate::domain::ids::{
    Address, ConsentId, MessageId, ParticipantId, RecordNumber, Reference, TimeMs,
};
use crate::domain::message::StopReason;
use crate::domain::names::{AddressIx, AgencyIx};
use crate::domain::refusal::Refusal;
use crate::domain::state::{ParticipantIx, Rules, State};
use schleuse_proto::identity::Role;

/// Most participants looked at in one tick because a grant of theirs has ended; the rest follows with the next.
/// What is not looked at yet is still decided before it is handed out.
const ENDS_PER_TICK_MAX: usize = 100;
/// Mailboxes of one agency beyond which new ones are read without a record. More than any agency has functions.
pub(super) const MAILBOXES_PER_AGENCY_MAX: usize = 1_000;
/// Messages that one duty names; further ones make another duty.
const DUTY_MESSAGES_MAX: usize = 400;

impl State {
    pub(super) fn delivery_command(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        command: DeliveryCommand,
    ) -> Result<Outcome, Refusal> {
        Ok(match command {
            DeliveryCommand::Recall { actor, messages } => {
                Outcome::Delivery(self.recall(now, &actor, &messages))
            }
            DeliveryCommand::Reject { actor, messages, reason } => {
                Outcome::Delivery(self.reject(now, &actor, &messages, reason)?)
            }
            DeliveryCommand::Track { actor, messages } => {
                let own = self.names.known_agency(&actor.agency);
                let tracked = messages.iter().map(|id| self.tracked(own?, id));
                Outcome::Delivery(DeliveryOutcome::Tracked(tracked.collect()))
            }
            DeliveryCommand::ListDeadLetters { actor, after, most } => {
                Outcome::Delivery(self.list_dead_letters(&actor, after, most))
            }
            DeliveryCommand::ReadNotices { actor, after, most } => {
                Outcome::Delivery(self.read_notices(&actor, after, most))
            }
            DeliveryCommand::LookUpMailbox { address } => {
                let class = self.look_up_mailbox(now, &address)?;
                Outcome::Delivery(DeliveryOutcome::Mailbox(class))
            }
            DeliveryCommand::ListMailboxes => {
                Outcome::Delivery(DeliveryOutcome::Mailboxes(self.mailboxes(now)))
            }
            DeliveryCommand::ListDuties { actor, overdue, open, after, most } => {
                let all = actor.role == Role::Dpo && actor.agency == rules.project_agency;
                let wanted = |duty: &Duty| {
                    (!open || duty.answer.is_none())
                        && (!overdue || (duty.answer.is_none() && duty.due <= now))
                };
                let (rows, more) = self.list_duties(&actor, all, wanted, after, most);
                self.log_duties_read(now, actor);
                Outcome::Delivery(DeliveryOutcome::Duties(rows, more))
            }
            DeliveryCommand::ConfirmDeletion { actor, duty, answer } => {
                Outcome::Recorded(self.confirm_deletion(now, actor, duty, answer)?)
            }
        })
    }

    fn deliver(&mut self, actor: Option<Actor>, event: DeliveryEvent, now: TimeMs) -> RecordNumber {
        self.emit(actor, EventKind::Delivery(event), now)
    }

    /// INVARIANT (revoke-strict): what is recalled leaves the queues in this step with its parts, so that no later
    /// step can hand it out; hand-outs already permitted are the engine's to wait for.
    fn recall(&mut self, now: TimeMs, actor: &Actor, ids: &[MessageId]) -> DeliveryOutcome {
        let own = self.names.known_agency(&actor.agency);
        let (mut results, mut recalled) = (Vec::with_capacity(ids.len()), Vec::new());
        for id in ids {
            let number = own.and_then(|own| self.delivery.sent.get(&(own, *id)).copied());
            let Some(number) = number else {
                results.push(RecallOutcome::Unknown);
                continue;
            };
            let result = self.recall_one(now, actor, number).unwrap_or(RecallOutcome::Unknown);
            let is_recalled = match result {
                RecallOutcome::Recalled(_)
                | RecallOutcome::RecalledAfterHandOut(_)
                | RecallOutcome::Ended(..) => true,
                RecallOutcome::TakenUp(_) | RecallOutcome::Unknown => false,
            };
            let participant = self.delivery.tracks.get(&number).map(|track| track.participant);
            recalled.extend(participant.filter(|_| is_recalled).map(|about| (about, number)));
            if let Some(own) = own.filter(|_| is_recalled) {
                recalled.extend(self.recall_parts(now, actor, own, *id));
            }
            results.push(result);
        }
        DeliveryOutcome::Recalled { results, recalled }
    }

    fn recall_one(
        &mut self,
        now: TimeMs,
        actor: &Actor,
        number: RecordNumber,
    ) -> Option<RecallOutcome> {
        let track = self.delivery.tracks.get(&number)?;
        if let Some((stamp, _)) = track.taken_up {
            return Some(RecallOutcome::TakenUp(stamp.record));
        }
        let recalled = if track.attempts > 0 {
            RecallOutcome::RecalledAfterHandOut
        } else {
            RecallOutcome::Recalled
        };
        if let Some((stamp, end)) = track.ended {
            return Some(match end {
                MessageEnd::Recalled => recalled(stamp.record),
                MessageEnd::Expired | MessageEnd::NotDelivered | MessageEnd::DeadLettered(_) => {
                    RecallOutcome::Ended(stamp.record, end)
                }
            });
        }
        let kind = EventKind::MessageStopped {
            message: number,
            participant: self.participant(track.participant)?.id,
            reason: StopReason::Recalled,
            deny: None,
            sender: self.agency(track.sender_agency)?,
            recipient: self.agency(track.recipient_agency)?,
        };
        Some(recalled(self.emit(Some(actor.clone()), kind, now)))
    }

    fn reject(
        &mut self,
        now: TimeMs,
        actor: &Actor,
        messages: &[RecordNumber],
        reason: DeadLetterReason,
    ) -> Result<DeliveryOutcome, Refusal> {
        let own = self.names.known_agency(&actor.agency);
        for number in messages {
            let received = self.delivery.tracks.get(number).filter(|track| track.attempts > 0);
            if received.is_none() || received.map(|track| track.recipient_agency) != own {
                return Err(Refusal::NotFound { field: "message_numbers" });
            }
        }
        let results = messages.iter().filter_map(|number| {
            let track = self.delivery.tracks.get(number)?;
            if let Some((stamp, _)) = track.taken_up {
                return Some(RejectOutcome::TakenUp(stamp.record));
            }
            match track.ended {
                Some((stamp, MessageEnd::DeadLettered(_))) => {
                    Some(RejectOutcome::DeadLettered(stamp.record))
                }
                Some(_) => Some(RejectOutcome::Ended),
                None => {
                    let record = self.dead_letter(now, Some(actor.clone()), *number, reason)?;
                    Some(RejectOutcome::DeadLettered(record))
                }
            }
        });
        Ok(DeliveryOutcome::Rejected(results.collect()))
    }

    /// Ends a message as a dead letter. What is left of its upload goes with it.
    pub(super) fn dead_letter(
        &mut self,
        now: TimeMs,
        actor: Option<Actor>,
        number: RecordNumber,
        reason: DeadLetterReason,
    ) -> Option<RecordNumber> {
        let message = self.messages.get(&number)?;
        let upload = self.uploads.of_main(number);
        let event = DeliveryEvent::DeadLettered {
            message: number,
            participant: self.participant(message.participant)?.id,
            reason,
            sender: self.agency(message.sender_agency)?,
            recipient: self.agency(message.recipient_agency)?,
        };
        let record = self.deliver(actor, event, now);
        self.stop_rest(upload, now);
        Some(record)
    }

    fn reference_of(&self, ix: ParticipantIx, agency: AgencyIx) -> Option<Reference> {
        let references = &self.participant(ix)?.references;
        references.iter().find(|(of, ..)| *of == agency).map(|(_, reference, _)| *reference)
    }

    fn tracked(&self, own: AgencyIx, id: &MessageId) -> Option<Tracked> {
        let number = *self.delivery.sent.get(&(own, *id))?;
        self.tracked_for(own, number)
    }

    fn tracked_for(&self, own: AgencyIx, number: RecordNumber) -> Option<Tracked> {
        let track = self.delivery.tracks.get(&number)?.clone();
        Some(Tracked {
            message: number,
            sender: self.address(track.sender),
            recipient: self.address(track.recipient),
            reference: self.reference_of(track.participant, own),
            track,
        })
    }

    fn list_dead_letters(
        &self,
        actor: &Actor,
        after: RecordNumber,
        most: usize,
    ) -> DeliveryOutcome {
        let Some(own) = self.names.known_agency(&actor.agency) else {
            return DeliveryOutcome::DeadLetters(Vec::new(), false);
        };
        let from = (own, after.saturating_add(1), 0);
        let to = (own, RecordNumber::MAX, RecordNumber::MAX);
        let mut found = self.delivery.dead_letters.range(from..=to).filter_map(|entry| {
            let message = self.tracked_for(own, entry.2)?;
            let (stamp, MessageEnd::DeadLettered(reason)) = message.track.ended? else {
                return None;
            };
            Some(DeadLetterRow { number: stamp.record, at: stamp.at, reason, message })
        });
        let rows = found.by_ref().take(most).collect();
        DeliveryOutcome::DeadLetters(rows, found.next().is_some())
    }

    fn read_notices(&self, actor: &Actor, after: RecordNumber, most: usize) -> DeliveryOutcome {
        let Some(own) = self.names.known_agency(&actor.agency) else {
            return DeliveryOutcome::Notices { rows: Vec::new(), more: false, gap: false };
        };
        let outgoing = self.delivery.outgoing.get(&own);
        let first =
            outgoing.map_or(0, |it| it.notices.partition_point(|notice| notice.number <= after));
        let notices = outgoing.into_iter().flat_map(|it| it.notices.range(first..));
        let of_messages = notices.take(most + 1).map(|notice| self.notice_row(own, notice));
        let duties = self.duties_after(own, after).take(most + 1);
        let duties = duties.filter_map(|number| self.duty_row(own, number));
        let mut rows: Vec<NoticeRow> =
            of_messages.chain(duties.map(NoticeRow::BasisEnded)).collect();
        rows.sort_unstable_by_key(NoticeRow::number);
        let more = rows.len() > most;
        rows.truncate(most);
        let gap = outgoing.is_some_and(|it| after < it.dropped);
        DeliveryOutcome::Notices { rows, more, gap }
    }

    fn notice_row(&self, own: AgencyIx, notice: &Notice) -> NoticeRow {
        NoticeRow::OfMessage {
            number: notice.number,
            at: notice.at,
            kind: notice.kind,
            message: notice.message,
            message_id: notice.message_id,
            thread: notice.thread,
            sender: self.address(notice.sender),
            recipient: self.address(notice.recipient),
            reference: self.reference_of(notice.participant, own),
        }
    }

    fn duties_after(
        &self,
        own: AgencyIx,
        after: RecordNumber,
    ) -> impl Iterator<Item = RecordNumber> {
        let of_agency = (own, after.saturating_add(1))..=(own, RecordNumber::MAX);
        self.delivery.duties_of.range(of_agency).map(|(_, number)| *number)
    }

    /// A duty as an agency may see it: with its own reference of the participant.
    fn duty_row(&self, reader: AgencyIx, number: RecordNumber) -> Option<DutyRow> {
        let duty = self.delivery.duties.get(&number)?;
        Some(DutyRow {
            number,
            agency: self.agency(duty.agency),
            recipient: self.address(duty.recipient),
            consent: duty.consent,
            messages: duty.messages.clone(),
            more: duty.more,
            opened: duty.opened,
            due: duty.due,
            answer: duty.answer.clone(),
            reference: self.reference_of(duty.participant, reader),
        })
    }

    fn list_duties(
        &self,
        actor: &Actor,
        all: bool,
        wanted: impl Fn(&Duty) -> bool,
        after: RecordNumber,
        most: usize,
    ) -> (Vec<DutyRow>, bool) {
        let Some(own) = self.names.known_agency(&actor.agency) else {
            return (Vec::new(), false);
        };
        let numbers: Box<dyn Iterator<Item = RecordNumber> + '_> = if all {
            Box::new(self.delivery.duties.range(after.saturating_add(1)..).map(|(n, _)| *n))
        } else {
            Box::new(self.duties_after(own, after))
        };
        let mut found = numbers
            .filter(|number| self.delivery.duties.get(number).is_some_and(&wanted))
            .filter_map(|number| self.duty_row(own, number));
        let rows = found.by_ref().take(most).collect();
        (rows, found.next().is_some())
    }

    /// What an officer reads about participants is a record, as every query is.
    fn log_duties_read(&mut self, now: TimeMs, actor: Actor) {
        if actor.role == Role::Dpo {
            let reason = "duties to delete listed by the officer".to_owned();
            let query = LogQueryEvent { reason, ..LogQueryEvent::default() };
            self.emit(Some(actor), EventKind::LogQueried(query), now);
        }
    }

    fn confirm_deletion(
        &mut self,
        now: TimeMs,
        actor: Actor,
        number: RecordNumber,
        answer: DeletionAnswer,
    ) -> Result<RecordNumber, Refusal> {
        let own = self.names.known_agency(&actor.agency);
        let duty = self.delivery.duties.get(&number).filter(|duty| Some(duty.agency) == own);
        let duty = duty.ok_or(Refusal::NotFound { field: "duty_number" })?;
        match &duty.answer {
            Some((stamp, known)) if *known == answer => return Ok(stamp.record),
            // What is deleted stays deleted.
            Some((_, DeletionAnswer::Deleted)) => {
                return Err(Refusal::IdempotencyConflict { field: "duty_number" });
            }
            Some((_, DeletionAnswer::Retained(_))) | None => {}
        }
        let participant = self.participant(duty.participant);
        let participant = participant.ok_or(Refusal::NotFound { field: "duty_number" })?.id;
        let event = DeliveryEvent::DeletionConfirmed { duty: number, participant, answer };
        Ok(self.deliver(Some(actor), event, now))
    }

    /// Takes note that the actor's agency reads these mailboxes, and gives their numbers.
    ///
    /// INVARIANT (uniform-refusal): functions that nothing ever named are read like all others. If only those that
    /// have a number made a record, an agency could tell from the next record number that a consent names a function.
    pub fn read_mailboxes(
        &mut self,
        now: TimeMs,
        addresses: &[Address],
        actor: &Actor,
    ) -> Vec<AddressIx> {
        for address in addresses.iter().filter(|address| address.agency == actor.agency) {
            let known = self.names.known_address(address);
            self.mark_read(now, known, actor, |_| Some(address.clone()));
        }
        self.own_addresses(actor, addresses)
    }

    /// Takes note that numbered mailboxes of an agency are read; for receive streams, which numbered theirs once.
    pub fn read_again(&mut self, now: TimeMs, recipients: &[AddressIx], actor: &Actor) {
        for recipient in recipients {
            self.mark_read(now, Some(*recipient), actor, |state| state.address(*recipient));
        }
    }

    /// Records that a mailbox is read, now and then.
    fn mark_read(
        &mut self,
        now: TimeMs,
        recipient: Option<AddressIx>,
        actor: &Actor,
        address: impl FnOnce(&Self) -> Option<Address>,
    ) {
        let mailbox = recipient.and_then(|recipient| self.delivery.mailboxes.get(&recipient));
        let last = mailbox.and_then(|mailbox| mailbox.last_read);
        if last.is_some_and(|last| now < last + READ_AGAIN_MS) {
            return;
        }
        let own = self.names.known_agency(&actor.agency);
        let has = own.and_then(|own| self.delivery.mailboxes_of.get(&own)).copied();
        if mailbox.is_none() && has.is_some_and(|has| has >= MAILBOXES_PER_AGENCY_MAX) {
            return;
        }
        if let Some(recipient) = address(self) {
            self.deliver(Some(actor.clone()), DeliveryEvent::MailboxRead { recipient }, now);
        }
    }

    /// From when it was last read, or else published. Never from what waits: that would tell of consents.
    fn class(&self, since: Option<TimeMs>, now: TimeMs) -> MailboxClass {
        let rules = &self.delivery.rules;
        match since {
            Some(since) if now < since + rules.mailbox_slow_ms => MailboxClass::Read,
            Some(since) if now < since + rules.mailbox_unread_ms => MailboxClass::Slow,
            Some(_) | None => MailboxClass::Unread,
        }
    }

    /// Only of mailboxes that the directory names: that a consent names one must not be readable here.
    fn look_up_mailbox(&self, now: TimeMs, address: &Address) -> Result<MailboxClass, Refusal> {
        let known = self.names.known_address(address);
        let mailbox = known.and_then(|known| self.delivery.mailboxes.get(&known));
        let mailbox = mailbox.filter(|mailbox| mailbox.published.is_some());
        let mailbox = mailbox.ok_or(Refusal::NotFound { field: "address" })?;
        Ok(self.class(mailbox.last_read.max(mailbox.published), now))
    }

    fn mailbox_row(&self, address: AddressIx, now: TimeMs) -> Option<MailboxRow> {
        let mailbox = self.delivery.mailboxes.get(&address).copied().unwrap_or_default();
        let waiting = self.queues.get(&address).map(|queue| &queue.waiting);
        let oldest = waiting.and_then(|waiting| waiting.first());
        let oldest = oldest.and_then(|number| self.messages.get(number)).map(|m| m.accepted_at);
        Some(MailboxRow {
            address: self.address(address)?,
            // Of one that is only named in consents nobody knows since when: from its oldest message on.
            class: self.class(mailbox.last_read.max(mailbox.published).or(oldest), now),
            last_read: mailbox.last_read,
            waiting: waiting.map_or(0, std::collections::BTreeSet::len),
            oldest,
        })
    }

    /// All mailboxes that are published, were read, or where something waits; the worst first.
    fn mailboxes(&self, now: TimeMs) -> Vec<MailboxRow> {
        let waiting = self.queues.iter().filter(|(_, queue)| !queue.waiting.is_empty());
        let mut addresses: Vec<AddressIx> = self.delivery.mailboxes.keys().copied().collect();
        addresses.extend(waiting.map(|(address, _)| *address));
        addresses.sort_unstable();
        addresses.dedup();
        let rows = addresses.into_iter().filter_map(|address| self.mailbox_row(address, now));
        let mut rows: Vec<MailboxRow> = rows.collect();
        rows.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| a.address.cmp(&b.address)));
        rows.truncate(MAILBOXES_LISTED_MAX);
        rows
    }

    /// Mailboxes that nobody reads and where messages wait.
    #[must_use]
    pub fn neglected_mailboxes(&self, now: TimeMs) -> Vec<(AddressIx, MailboxRow)> {
        let waiting = self.queues.iter().filter(|(_, queue)| !queue.waiting.is_empty());
        let rows = waiting.filter_map(|(ix, _)| Some((*ix, self.mailbox_row(*ix, now)?)));
        rows.filter(|(_, row)| row.class == MailboxClass::Unread).collect()
    }

    /// Ends what a consent covered whose end has come by time alone.
    pub(super) fn end_coverage(&mut self, now: TimeMs) {
        for ix in self.delivery.take_ended(now, ENDS_PER_TICK_MAX) {
            self.coverage_ended(ix, CoverageEnd::Time, now);
            self.schedule_end(ix, now);
        }
    }

    /// Opens a duty for each recipient of what was disclosed about a participant and that no consent covers any
    /// more. Why it ended stands nowhere in it.
    pub(super) fn open_duties(&mut self, ix: ParticipantIx, now: TimeMs) {
        let Some(participant) = self.participant(ix) else { return };
        let ended = self.disclosed(ix, |disclosure| {
            let deny = participant.decide(&disclosure.question(), now).err();
            deny.is_some_and(|deny| !deny.may_pass())
        });
        self.emit_duties(participant.id, ended, now);
    }

    /// Everything that recipients have about a participant and have not said to be deleted.
    pub(super) fn undeleted(&self, ix: ParticipantIx) -> Vec<Disclosed> {
        let mut found = self.disclosed(ix, |_| true);
        let own = self.delivery.duties.values().filter(|duty| duty.participant == ix);
        for duty in own {
            match duty.answer {
                Some((_, DeletionAnswer::Deleted)) => {}
                Some((_, DeletionAnswer::Retained(_))) | None => {
                    let Some(consent) = duty.consent.id() else { continue };
                    let key = (*consent, duty.recipient);
                    add_disclosed(&mut found, key, duty.messages.iter().copied(), duty.more);
                }
            }
        }
        found
    }

    /// Opens duties about somebody who is erased: about nobody, so that they outlive the erasure.
    /// Source: GDPR Art. 19.
    pub(super) fn tell_erasure(&mut self, undeleted: Vec<Disclosed>, now: TimeMs) {
        self.emit_duties(ParticipantId::NOBODY, undeleted, now);
    }

    fn disclosed(&self, ix: ParticipantIx, wanted: impl Fn(&Disclosure) -> bool) -> Vec<Disclosed> {
        let mut found = Vec::new();
        let disclosures = self.delivery.disclosures.get(&ix).into_iter().flatten();
        for disclosure in disclosures.filter(|disclosure| wanted(disclosure)) {
            let messages = disclosure.messages.iter().map(|(number, id, _)| (*number, *id));
            let key = (disclosure.consent, disclosure.recipient);
            add_disclosed(&mut found, key, messages, disclosure.more);
        }
        found
    }

    fn emit_duties(&mut self, participant: ParticipantId, mut of: Vec<Disclosed>, now: TimeMs) {
        let due = now + self.delivery.rules.deletion_due_ms;
        for disclosed in &mut of {
            disclosed.messages.sort_unstable_by_key(|(number, _)| *number);
            disclosed.messages.dedup_by_key(|(number, _)| *number);
        }
        // An order that does not depend on what was erased before.
        of.sort_by_key(|it| (it.messages.first().map(|(number, _)| *number), it.consent));
        for Disclosed { consent, recipient, messages, mut more } in of {
            let Some(recipient) = self.address(recipient) else { continue };
            let consent = DutyConsent::Known(consent);
            let consent = match participant {
                ParticipantId::NOBODY => {
                    DutyConsent::Erased(consent.reference(recipient.agency.as_str()))
                }
                _somebody => consent,
            };
            for part in messages.chunks(DUTY_MESSAGES_MAX) {
                let event = BasisEndedEvent {
                    participant,
                    consent,
                    recipient: recipient.clone(),
                    messages: part.to_vec(),
                    more: std::mem::take(&mut more),
                    due,
                };
                self.deliver(None, DeliveryEvent::BasisEnded(Box::new(event)), now);
            }
        }
    }
}

/// What one recipient has under one consent.
pub(super) struct Disclosed {
    consent: ConsentId,
    recipient: AddressIx,
    messages: Vec<(RecordNumber, MessageId)>,
    /// Further ones that are only counted.
    more: u32,
}

fn add_disclosed(
    found: &mut Vec<Disclosed>,
    (consent, recipient): (ConsentId, AddressIx),
    messages: impl Iterator<Item = (RecordNumber, MessageId)>,
    more: u32,
) {
    let same = |it: &&mut Disclosed| (it.consent, it.recipient) == (consent, recipient);
    match found.iter_mut().find(same) {
        Some(known) => {
            known.messages.extend(messages);
            known.more = known.more.saturating_add(more);
        }
        None => found.push(Disclosed { consent, recipient, messages: messages.collect(), more }),
    }
}
