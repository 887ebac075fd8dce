//! Delivery events → bodies and findings.

use bytes::Bytes;
use schleuse_proto::v1::{self, log_entry};

use super::address;
use crate::domain::delivery::{DeadLetterReason, DeletionAnswer, TakenUpBy};
use crate::domain::event::{BasisEndedEvent, DeliveryEvent};
use crate::domain::ids::{ConsentId, ParticipantId};

pub(super) fn record_type(event: &DeliveryEvent) -> v1::RecordType {
    match event {
        DeliveryEvent::DeadLettered { .. } => v1::RecordType::DeadLettered,
        DeliveryEvent::MailboxRead { .. } => v1::RecordType::MailboxRead,
        DeliveryEvent::BasisEnded(_) => v1::RecordType::BasisEnded,
        DeliveryEvent::DeletionConfirmed { .. } => v1::RecordType::DeletionConfirmed,
    }
}

pub(super) fn body(event: &DeliveryEvent, private: &mut v1::PrivateSection) -> log_entry::Event {
    let about = match event {
        DeliveryEvent::DeadLettered { participant, .. }
        | DeliveryEvent::DeletionConfirmed { participant, .. } => Some(participant),
        DeliveryEvent::BasisEnded(event) => Some(&event.participant),
        DeliveryEvent::MailboxRead { .. } => None,
    };
    if let Some(participant) = about.filter(|about| **about != ParticipantId::NOBODY) {
        private.participant = Bytes::copy_from_slice(participant.bytes());
    }
    match event {
        DeliveryEvent::DeadLettered { message, reason, sender, recipient, .. } => {
            log_entry::Event::DeadLettered(v1::DeadLettered {
                message_number: *message,
                reason: dead_letter_reason(*reason).into(),
                sender_agency: sender.to_string(),
                recipient_agency: recipient.to_string(),
            })
        }
        DeliveryEvent::MailboxRead { recipient } => {
            log_entry::Event::MailboxRead(v1::MailboxRead { recipient: Some(address(recipient)) })
        }
        DeliveryEvent::BasisEnded(event) => log_entry::Event::BasisEnded(basis_ended(event)),
        DeliveryEvent::DeletionConfirmed { duty, answer, .. } => {
            let (answer, rule) = deletion_answer(answer);
            log_entry::Event::DeletionConfirmed(v1::DeletionConfirmed {
                duty_number: *duty,
                answer: answer.into(),
                rule,
            })
        }
    }
}

fn basis_ended(event: &BasisEndedEvent) -> v1::BasisEnded {
    let messages = event.messages.iter();
    let ids = messages.clone().map(|(_, id)| Bytes::copy_from_slice(id.bytes()));
    v1::BasisEnded {
        consent_reference: Bytes::copy_from_slice(
            &event.consent.reference(event.recipient.agency.as_str()),
        ),
        recipient: Some(address(&event.recipient)),
        message_ids: ids.collect(),
        message_numbers: messages.map(|(number, _)| *number).collect(),
        further_messages: event.more,
        due_ms: i64::try_from(event.due).unwrap_or(i64::MAX),
    }
}

/// The consent whose end opened a duty: for the Lotse and the project's officer.
pub(super) fn consent(event: &DeliveryEvent) -> Option<&ConsentId> {
    match event {
        DeliveryEvent::BasisEnded(event) => event.consent.id(),
        DeliveryEvent::DeadLettered { .. }
        | DeliveryEvent::MailboxRead { .. }
        | DeliveryEvent::DeletionConfirmed { .. } => None,
    }
}

/// A reason as it stands on the wire.
#[must_use]
pub fn dead_letter_reason(reason: DeadLetterReason) -> v1::DeadLetterReason {
    match reason {
        DeadLetterReason::CannotOpen => v1::DeadLetterReason::CannotOpen,
        DeadLetterReason::Misdirected => v1::DeadLetterReason::Misdirected,
        DeadLetterReason::UnknownVersion => v1::DeadLetterReason::UnknownVersion,
        DeadLetterReason::Unreadable => v1::DeadLetterReason::Unreadable,
        DeadLetterReason::Attempts => v1::DeadLetterReason::Attempts,
    }
}

/// An answer as it stands on the wire, with its rule.
#[must_use]
pub fn deletion_answer(answer: &DeletionAnswer) -> (v1::DeletionAnswer, String) {
    match answer {
        DeletionAnswer::Deleted => (v1::DeletionAnswer::Deleted, String::new()),
        DeletionAnswer::Retained(rule) => (v1::DeletionAnswer::Retained, rule.as_str().to_owned()),
    }
}

/// Who took a message up, as it stands on the wire.
#[must_use]
pub fn taken_up_by(by: TakenUpBy) -> v1::TakenUpBy {
    match by {
        TakenUpBy::System => v1::TakenUpBy::System,
        TakenUpBy::Person => v1::TakenUpBy::Person,
    }
}
