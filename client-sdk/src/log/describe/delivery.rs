//! Records about the reliability of messages and about duties to delete, in words.

use schleuse_proto::v1;
use serde_json::{Value, json};

use super::{address, short, short_id};
use crate::clock::rfc3339;
use crate::ids::hex;

fn reason(event: &v1::DeadLettered) -> String {
    short(event.reason().as_str_name(), "DEAD_LETTER_REASON_")
}

fn answer(event: &v1::DeletionConfirmed) -> String {
    short(event.answer().as_str_name(), "DELETION_ANSWER_")
}

pub(super) fn dead_lettered(event: &v1::DeadLettered) -> String {
    let (number, from, to) = (event.message_number, &event.sender_agency, &event.recipient_agency);
    format!("message {number} from {from} to {to} is a dead letter: {}", reason(event))
}

pub(super) fn mailbox_read(event: &v1::MailboxRead) -> String {
    format!("mailbox {} is read", address(event.recipient.as_ref()))
}

pub(super) fn basis_ended(event: &v1::BasisEnded) -> String {
    let named = u64::try_from(event.message_numbers.len()).unwrap_or(u64::MAX);
    let messages = named.saturating_add(event.further_messages.into());
    let (consent, to) = (short_id(&event.consent_reference), address(event.recipient.as_ref()));
    format!("basis ended of {messages} messages to {to} under consent {consent}")
}

pub(super) fn deletion_confirmed(event: &v1::DeletionConfirmed) -> String {
    let rule = if event.rule.is_empty() { String::new() } else { format!(" ({})", event.rule) };
    format!("duty {}: {}{rule}", event.duty_number, answer(event))
}

pub(super) fn dead_lettered_json(event: &v1::DeadLettered) -> Value {
    json!({
        "message": event.message_number,
        "reason": reason(event),
        "sender": event.sender_agency,
        "recipient": event.recipient_agency,
    })
}

pub(super) fn mailbox_read_json(event: &v1::MailboxRead) -> Value {
    json!({ "recipient": address(event.recipient.as_ref()) })
}

pub(super) fn basis_ended_json(event: &v1::BasisEnded) -> Value {
    json!({
        "consent": hex(&event.consent_reference),
        "recipient": address(event.recipient.as_ref()),
        "messages": event.message_numbers,
        "message_ids": event.message_ids.iter().map(|id| hex(id)).collect::<Vec<_>>(),
        "further_messages": event.further_messages,
        "due": rfc3339(event.due_ms),
    })
}

pub(super) fn deletion_confirmed_json(event: &v1::DeletionConfirmed) -> Value {
    json!({ "duty": event.duty_number, "answer": answer(event), "rule": event.rule })
}
