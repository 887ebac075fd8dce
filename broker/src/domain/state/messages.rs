//! The part of the fold that is about messages: queues, holds, keys, what is finished.

use crate::domain::ids::MessageId;
use crate::domain::names::{AddressIx, AgencyIx};

use super::{
    Basis, Decision, DecisionEvent, Finished, Hold, KeyEntry, Message, ParticipantIx, REMEMBER_MS,
    RecordNumber, Stage, State, TimeMs,
};

impl State {
    pub(super) fn apply_decision(
        &mut self,
        event: &DecisionEvent,
        number: RecordNumber,
        time: TimeMs,
    ) {
        let submission = &event.submission;
        let label = &submission.label;
        let sender_agency = self.names.agency(&label.sender.agency);
        let accepted = matches!(event.decision, Decision::Accepted(_));
        let key = (sender_agency, label.message_id);
        let sender = if accepted { self.names.address(&label.sender) } else { AddressIx::NONE };
        let fingerprint = submission.fingerprint;
        self.remember_key(key, KeyEntry { fingerprint, record: number, accepted, sender });
        self.key_order.push_back((time, key, number));
        let participant = match event.decision {
            Decision::Accepted(Basis::WithoutParticipant) => Some(ParticipantIx::NOBODY),
            Decision::Accepted(Basis::Consent(_)) | Decision::Refused(_) => {
                event.participant.and_then(|id| self.by_id.get(&id).copied())
            }
        };
        let (true, Some(participant)) = (accepted, participant) else {
            if label.part_of.is_none() {
                self.decide_main(key, number, time);
            }
            return;
        };
        let recipient = self.names.address(&label.recipient);
        let message = Message {
            participant,
            sender,
            sender_agency,
            recipient,
            recipient_agency: self.names.agency(&label.recipient.agency),
            purpose: label.purpose,
            kind: label.kind,
            categories: label.categories,
            professional_secret: label.professional_secret,
            accepted_at: time,
            expires_at: label.expires_at,
            payload_bytes: submission.payload_bytes,
            attempt: 0,
            hold: None,
            decrypted: None,
            has_payload: submission.has_payload,
        };
        self.expiries.insert((message.expires_at, number));
        let queue = self.queues.entry(recipient).or_default();
        queue.waiting.insert(number);
        queue.messages += 1;
        queue.bytes += u64::from(message.payload_bytes);
        self.unfinished_bytes += u64::from(message.payload_bytes);
        self.messages.insert(number, message);
        let track = self.new_track(label, participant, time);
        self.delivery.accept(number, track);
        if let Some(participant) = self.participant_mut(participant) {
            participant.messages.insert(number);
        }
        match label.part_of {
            Some(main) => self.add_part(number, (sender_agency, main), time),
            None => self.decide_main(key, number, time),
        }
    }

    fn remember_key(&mut self, key: (AgencyIx, MessageId), entry: KeyEntry) {
        if entry.accepted {
            *self.senders.entry(key.0).or_default().entry(entry.sender).or_default() += 1;
        }
        *self.keys_of.entry(key.0).or_default() += 1;
        // After a replay an identifier may stand twice: the newer entry takes the place.
        if let Some(before) = self.keys.insert(key, entry) {
            self.forget_key(key.0, &before);
        }
    }

    /// Takes a key out of the counts.
    pub(super) fn forget_key(&mut self, agency: AgencyIx, entry: &KeyEntry) {
        if let Some(count) = self.keys_of.get_mut(&agency) {
            *count -= 1;
        }
        if let Some(senders) = self.senders.get_mut(&agency).filter(|_| entry.accepted)
            && let Some(count) = senders.get_mut(&entry.sender)
        {
            *count -= 1;
            if *count == 0 {
                senders.remove(&entry.sender);
            }
        }
    }

    pub(super) fn apply_stage(
        &mut self,
        message: RecordNumber,
        stage: Stage,
        number: RecordNumber,
        time: TimeMs,
    ) {
        match stage {
            Stage::Decrypted => {
                if let Some(message) = self.messages.get_mut(&message) {
                    message.decrypted = Some(number);
                } else if let Some(finished) = self.finished.get_mut(&message) {
                    finished.decrypted = Some(number);
                }
            }
            Stage::Acknowledged => {
                self.finish(message, time);
                if let Some(finished) = self.finished.get_mut(&message) {
                    finished.acknowledged = Some(number);
                }
            }
        }
    }

    /// Takes a message out of queues and indexes and remembers it among the finished.
    pub(super) fn finish(&mut self, number: RecordNumber, time: TimeMs) {
        let Some(message) = self.messages.remove(&number) else { return };
        self.expiries.remove(&(message.expires_at, number));
        self.forget_hold(number, message.hold);
        self.uploads.finish(number);
        if let Some(queue) = self.queues.get_mut(&message.recipient) {
            queue.waiting.remove(&number);
            queue.messages -= 1;
            queue.bytes -= u64::from(message.payload_bytes);
        }
        self.unfinished_bytes -= u64::from(message.payload_bytes);
        if let Some(participant) = self.participant_mut(message.participant) {
            participant.messages.remove(&number);
        }
        self.finished.insert(
            number,
            Finished {
                participant: message.participant,
                sender_agency: message.sender_agency,
                recipient_agency: message.recipient_agency,
                recipient: message.recipient,
                professional_secret: message.professional_secret,
                stopped: false,
                handed_out: message.attempt > 0,
                decrypted: message.decrypted,
                acknowledged: None,
            },
        );
        self.finished_order.push_back((time, number));
        if message.has_payload {
            self.spent.push_back((time, number, message.participant));
        }
    }

    pub(in crate::domain) fn hold(&mut self, number: RecordNumber, hold: Hold) {
        let Some(message) = self.messages.get_mut(&number) else { return };
        message.hold = Some(hold);
        let (recipient, bytes) = (message.recipient, u64::from(message.payload_bytes));
        if let Some(queue) = self.queues.get_mut(&message.recipient) {
            queue.waiting.remove(&number);
        }
        match hold {
            Hold::Stream(stream) => {
                self.streams.entry(stream).or_default().insert(number);
            }
            Hold::Until(until) => {
                self.holds.insert((until, number));
            }
            Hold::Blocked(until) => {
                self.blocked.insert((until, number));
            }
            Hold::Part(since) => self.uploads.wait(since, number, recipient, bytes),
        }
    }

    pub(in crate::domain) fn release(&mut self, number: RecordNumber) {
        let Some(message) = self.messages.get_mut(&number) else { return };
        let hold = message.hold.take();
        let recipient = message.recipient;
        self.queues.entry(recipient).or_default().waiting.insert(number);
        self.forget_hold(number, hold);
    }

    fn forget_hold(&mut self, number: RecordNumber, hold: Option<Hold>) {
        match hold {
            Some(Hold::Stream(stream)) => {
                if let Some(held) = self.streams.get_mut(&stream) {
                    held.remove(&number);
                    if held.is_empty() {
                        self.streams.remove(&stream);
                    }
                }
            }
            Some(Hold::Until(until)) => {
                self.holds.remove(&(until, number));
            }
            Some(Hold::Blocked(until)) => {
                self.blocked.remove(&(until, number));
            }
            Some(Hold::Part(since)) => self.uploads.wait_no_more(since, number),
            None => {}
        }
    }

    /// Lets messages wait again that were blocked until an instant that has come.
    pub(in crate::domain) fn release_due(&mut self, now: TimeMs) {
        while let Some((until, number)) = self.blocked.first().copied()
            && until <= now
        {
            self.release(number);
        }
    }

    /// Lets the messages of a participant wait again that a suspension or restriction had blocked.
    pub(super) fn release_blocked(&mut self, ix: ParticipantIx) {
        let Some(participant) = self.participant(ix) else { return };
        let blocked: Vec<RecordNumber> = participant
            .messages
            .iter()
            .filter(|number| {
                let hold = self.messages.get(number).and_then(|message| message.hold);
                matches!(hold, Some(Hold::Blocked(_)))
            })
            .copied()
            .collect();
        for number in blocked {
            self.release(number);
        }
    }

    /// Messages that were finished before an instant, accepted before a record, and whose payload is still
    /// there, oldest first; each is named once.
    pub fn take_spent(
        &mut self,
        before: TimeMs,
        below: RecordNumber,
        most: usize,
    ) -> Vec<RecordNumber> {
        let is_due = |(time, number, _): &&(TimeMs, RecordNumber, ParticipantIx)| {
            *time < before && *number < below
        };
        let due = self.spent.iter().take(most).take_while(is_due).count();
        let due: Vec<_> = self.spent.drain(..due).collect();
        let mut taken = Vec::with_capacity(due.len());
        for (_, number, participant) in due {
            // Of whom nothing may be erased, this waits too.
            if self.participant(participant).is_some_and(|about| self.is_held(about)) {
                self.spent.push_back((self.time, number, participant));
            } else {
                taken.push(number);
            }
        }
        taken
    }

    /// An unfinished message whose payload is gone, which no broker leaves behind.
    #[must_use]
    pub fn unfinished_without_payload(&self) -> Option<RecordNumber> {
        let without = self.messages.iter().filter(|(_, message)| !message.has_payload);
        without.map(|(number, _)| *number).min()
    }

    /// Forgets keys and finished messages that no repetition can name any more. Also called while a
    /// journal is replayed, so that a start needs no more memory than the run before it.
    pub fn forget_old(&mut self, now: TimeMs) {
        while let Some((time, key, record)) = self.key_order.front().copied() {
            if time + REMEMBER_MS > now {
                break;
            }
            // After a replay an identifier may stand twice: what is newer must stay.
            if self.keys.get(&key).is_some_and(|entry| entry.record == record)
                && let Some(entry) = self.keys.remove(&key)
            {
                self.forget_key(key.0, &entry);
            }
            self.key_order.pop_front();
        }
        while let Some((time, number)) = self.finished_order.front().copied() {
            if time + REMEMBER_MS > now {
                break;
            }
            self.finished.remove(&number);
            self.finished_order.pop_front();
        }
        self.uploads.forget_old(now);
        self.planning.forget_old(now);
    }
}
