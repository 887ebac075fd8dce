//! Uploads: what may come as a part, what an ended upload stops, and what its sender may ask.
//!
//! INVARIANT (uniform-refusal): what became of a part or of its main message after its acceptance never
//! changes an answer. A part is decided by itself; if its upload has ended it is stopped in the same step. The
//! only refusal here rests on what the sender itself said: that it gives the upload up.

use super::messages::TICK_WORK_MAX;
use crate::domain::command::{Outcome, SubmitDecision, UploadCommand};
use crate::domain::event::{Actor, EventKind, Submission, UploadEvent};
use crate::domain::ids::{MessageId, RecordNumber, TimeMs};
use crate::domain::message::StopReason;
use crate::domain::names::AgencyIx;
use crate::domain::refusal::Refusal;
use crate::domain::state::{Fate, ParticipantIx, Rules, State};

/// Most parts of one upload: 16 attachments of 128 parts.
pub(super) const PARTS_MAX: usize = 16 * 128;
/// Most uploads that are remembered of one agency, so that none can use up the broker's memory.
pub(super) const UPLOADS_PER_AGENCY_MAX: usize = 10_000;
/// Part of the bounds of a queue that parts may take which wait for their main message: the recipient cannot
/// fetch these, so the rest stays free for what it can.
const WAITING_SHARE: (u64, u64) = (3, 4);

impl State {
    pub(super) fn upload(
        &mut self,
        now: TimeMs,
        command: UploadCommand,
    ) -> Result<Outcome, Refusal> {
        match command {
            UploadCommand::ReadOutcomes { actor, messages } => {
                let own = self.names.known_agency(&actor.agency);
                let known = messages.iter().map(|message| {
                    let entry = self.keys.get(&(own?, *message))?;
                    Some(SubmitDecision { accepted: entry.accepted, record: entry.record })
                });
                Ok(Outcome::KnownDecisions(known.collect()))
            }
            UploadCommand::Discard { actor, message } => {
                let own = self.names.agency(&actor.agency);
                let record = match self.upload_fate(&(own, message), now) {
                    Fate::Discarded(record) => record,
                    Fate::Expected | Fate::Accepted(..) | Fate::Ended => {
                        self.check_uploads_of(own, &message)?;
                        self.stop_parts(now, actor, own, message)
                    }
                };
                let parts = self.uploads.given_up(&(own, message)).to_vec();
                Ok(Outcome::UploadDiscarded { record, parts })
            }
        }
    }

    /// Stops all unfinished parts of a main message of this sender, whether or not that has come; later parts
    /// are refused. Returns the record of it.
    pub(super) fn stop_parts(
        &mut self,
        now: TimeMs,
        actor: Actor,
        own: AgencyIx,
        message: MessageId,
    ) -> RecordNumber {
        let kind = EventKind::Upload(UploadEvent::Discarded { message });
        let record = self.emit(Some(actor), kind, now);
        for part in self.uploads.parts(&(own, message)) {
            self.stop(part, StopReason::UploadEnded, None, now);
        }
        record
    }

    /// A main message was recalled: if it is known to have parts, their sender gave these up with it. Returns
    /// all of them, also when the recall is repeated.
    pub(super) fn recall_parts(
        &mut self,
        now: TimeMs,
        actor: &Actor,
        own: AgencyIx,
        message: MessageId,
    ) -> Vec<(ParticipantIx, RecordNumber)> {
        let key = (own, message);
        if self.uploads.accepted_parts(&key).is_none() {
            return Vec::new();
        }
        if !self.uploads.is_discarded(&key, now) {
            self.stop_parts(now, actor.clone(), own, message);
        }
        self.uploads.given_up(&key).to_vec()
    }

    fn check_uploads_of(&self, own: AgencyIx, main: &MessageId) -> Result<(), Refusal> {
        let is_new = self.uploads.accepted_parts(&(own, *main)).is_none();
        if is_new && self.uploads.of_agency(own) >= UPLOADS_PER_AGENCY_MAX {
            return Err(Refusal::Overloaded { limit: "uploads_per_agency" });
        }
        Ok(())
    }

    /// What can refuse a new message on account of uploads. Messages of the same request are not counted: what
    /// they add is bounded by the request.
    pub(super) fn check_upload(
        &self,
        rules: &Rules,
        now: TimeMs,
        own: Option<AgencyIx>,
        submission: &Submission,
    ) -> Result<(), Refusal> {
        let label = &submission.label;
        let Some(own) = own else { return Ok(()) };
        let main = label.part_of.unwrap_or(label.message_id);
        if self.uploads.is_discarded(&(own, main), now) {
            return Err(Refusal::UploadDiscarded);
        }
        if label.part_of.is_none() {
            return Ok(());
        }
        if self.uploads.accepted_parts(&(own, main)).is_some_and(|parts| parts >= PARTS_MAX) {
            let expected = "at most 2048 parts of one message: send fewer attachments with it";
            return Err(Refusal::InvalidField { field: "label.part_of", expected });
        }
        self.check_uploads_of(own, &main)?;
        if let Some(recipient) = self.names.known_address(&label.recipient) {
            let (parts, bytes) = self.uploads.waiting_for(recipient);
            let (share, whole) = WAITING_SHARE;
            let parts = u64::try_from(parts).unwrap_or(u64::MAX).saturating_add(1);
            let parts_max = u64::try_from(rules.limits.queue_messages_max).unwrap_or(u64::MAX);
            let bytes = bytes.saturating_add(u64::from(submission.payload_bytes));
            if parts.saturating_mul(whole) > parts_max.saturating_mul(share)
                || bytes.saturating_mul(whole) > rules.limits.queue_bytes_max.saturating_mul(share)
            {
                return Err(Refusal::Overloaded { limit: "parts_waiting" });
            }
        }
        Ok(())
    }

    /// After a decision: stops what of its upload can never leave.
    pub(super) fn settle_upload(
        &mut self,
        now: TimeMs,
        own: AgencyIx,
        main: MessageId,
        part: Option<RecordNumber>,
    ) {
        let key = (own, main);
        let parts = match part {
            Some(part) => vec![part],
            None => self.uploads.parts(&key),
        };
        if parts.is_empty() || self.upload_fate(&key, now) == Fate::Expected {
            return;
        }
        for part in parts {
            if !self.may_leave(part) {
                self.stop(part, StopReason::UploadEnded, None, now);
            }
        }
    }

    /// Stops parts whose main message has not come in time.
    pub(super) fn tick_uploads(&mut self, rules: &Rules, now: TimeMs) {
        for _ in 0..TICK_WORK_MAX {
            match self.uploads.waits_longest() {
                Some((since, part)) if since + rules.limits.parts_wait_ms <= now => {
                    self.stop(part, StopReason::UploadEnded, None, now);
                }
                _ => break,
            }
        }
    }
}
