//! Bodies → delivery events.

use schleuse_proto::v1;

use super::{Decoder, address, agency, fixed};
use crate::domain::delivery::{
    DeadLetterReason, DeletionAnswer, DutyConsent, RetentionRule, TakenUpBy,
};
use crate::domain::event::{BasisEndedEvent, DeliveryEvent, EventKind};
use crate::domain::ids::{ConsentId, MessageId, ParticipantId, RecordNumber, TimeMs};

impl Decoder<'_> {
    pub(super) fn dead_lettered(&self, event: &v1::DeadLettered) -> Result<EventKind, String> {
        Ok(EventKind::Delivery(DeliveryEvent::DeadLettered {
            message: event.message_number,
            participant: self.participant_or_nobody()?,
            reason: dead_letter_reason(event.reason()).ok_or("unknown reason of a dead letter")?,
            sender: agency(&event.sender_agency)?,
            recipient: agency(&event.recipient_agency)?,
        }))
    }

    pub(super) fn basis_ended(&self, event: &v1::BasisEnded) -> Result<EventKind, String> {
        if event.message_numbers.len() != event.message_ids.len() {
            return Err("numbers and identifiers of messages do not fit".to_owned());
        }
        let messages = event.message_numbers.iter().zip(&event.message_ids).map(|(number, id)| {
            Ok::<(RecordNumber, MessageId), String>((*number, MessageId::from_bytes(fixed(id)?)))
        });
        let participant = self.participant_or_nobody()?;
        let consent = if participant == ParticipantId::NOBODY {
            DutyConsent::Erased(fixed(&event.consent_reference)?)
        } else {
            DutyConsent::Known(ConsentId::from_bytes(fixed(&self.findings.consent_id)?))
        };
        Ok(EventKind::Delivery(DeliveryEvent::BasisEnded(Box::new(BasisEndedEvent {
            participant,
            consent,
            recipient: address(event.recipient.as_ref())?,
            messages: messages.collect::<Result<_, _>>()?,
            more: event.further_messages,
            due: TimeMs::try_from(event.due_ms).map_err(|_| "malformed due date")?,
        }))))
    }

    pub(super) fn deletion_confirmed(
        &self,
        event: &v1::DeletionConfirmed,
    ) -> Result<EventKind, String> {
        Ok(EventKind::Delivery(DeliveryEvent::DeletionConfirmed {
            duty: event.duty_number,
            participant: self.participant_or_nobody()?,
            answer: deletion_answer(event.answer(), &event.rule).ok_or("malformed answer")?,
        }))
    }
}

pub(super) fn mailbox_read(event: &v1::MailboxRead) -> Result<EventKind, String> {
    let recipient = address(event.recipient.as_ref())?;
    Ok(EventKind::Delivery(DeliveryEvent::MailboxRead { recipient }))
}

/// A reason from the wire.
#[must_use]
pub fn dead_letter_reason(reason: v1::DeadLetterReason) -> Option<DeadLetterReason> {
    match reason {
        v1::DeadLetterReason::Unspecified => None,
        v1::DeadLetterReason::CannotOpen => Some(DeadLetterReason::CannotOpen),
        v1::DeadLetterReason::Misdirected => Some(DeadLetterReason::Misdirected),
        v1::DeadLetterReason::UnknownVersion => Some(DeadLetterReason::UnknownVersion),
        v1::DeadLetterReason::Unreadable => Some(DeadLetterReason::Unreadable),
        v1::DeadLetterReason::Attempts => Some(DeadLetterReason::Attempts),
    }
}

/// An answer from the wire: a rule if data is kept, otherwise none.
#[must_use]
pub fn deletion_answer(answer: v1::DeletionAnswer, rule: &str) -> Option<DeletionAnswer> {
    match answer {
        v1::DeletionAnswer::Unspecified => None,
        v1::DeletionAnswer::Deleted => rule.is_empty().then_some(DeletionAnswer::Deleted),
        v1::DeletionAnswer::Retained => RetentionRule::parse(rule).map(DeletionAnswer::Retained),
    }
}

/// Who took a message up. Requests and records of before name nobody: a system.
#[must_use]
pub fn taken_up_by(by: v1::TakenUpBy) -> TakenUpBy {
    match by {
        v1::TakenUpBy::Unspecified | v1::TakenUpBy::System => TakenUpBy::System,
        v1::TakenUpBy::Person => TakenUpBy::Person,
    }
}
