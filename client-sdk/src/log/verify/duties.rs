//! Duties to delete, and dead letters: they fit what was handed out.

use std::collections::HashMap;

use schleuse_proto::evidence::consent_reference;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::shown::Shown;
use crate::log::LogRow;

/// Rows of hand-outs and duties before some record.
#[derive(Default)]
struct Before<'a> {
    /// Recipient of each message that was handed out.
    received: HashMap<u64, Option<&'a v1::Address>>,
    /// Agency of each duty.
    duties: HashMap<u64, &'a str>,
}

/// A duty names messages that were handed out to its recipient under its consent; it is answered by that
/// agency; a dead letter was handed out before.
pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let mut before = Before::default();
    let (mut duties, mut answers) = (0_u64, 0_u64);
    // What was erased may be what a duty names.
    let strict = shown.is_complete && shown.rows.iter().all(|row| row.entry.is_some());
    for row in shown.rows {
        let wrong = |why: &str| format!("record {}: {why}", row.record_number);
        match row.event() {
            Some(Event::HandedOut(event)) => {
                before.received.insert(event.message_number, event.recipient.as_ref());
            }
            Some(Event::BasisEnded(event)) => {
                before.duty(row, event, strict).map_err(wrong)?;
                let agency = event.recipient.as_ref().map(|address| address.agency.as_str());
                before.duties.insert(row.record_number, agency.unwrap_or_default());
                duties += 1;
            }
            Some(Event::DeletionConfirmed(event)) => {
                before.answer(row, event, strict).map_err(wrong)?;
                answers += 1;
            }
            Some(Event::DeadLettered(event)) => {
                before.dead_letter(row, event, strict).map_err(wrong)?;
            }
            _ => {}
        }
    }
    Ok(format!("{duties} ends of a basis fit their hand-outs, {answers} answers their duties"))
}

impl Before<'_> {
    fn duty(&self, row: &LogRow, event: &v1::BasisEnded, strict: bool) -> Result<(), &'static str> {
        let Some(recipient) = &event.recipient else { return Err("a duty of nobody") };
        if row.caused_by().is_some() {
            return Err("somebody else than the broker ended a basis");
        }
        let numbers = &event.message_numbers;
        let sound = !numbers.is_empty()
            && numbers.len() == event.message_ids.len()
            && numbers.is_sorted_by(|a, b| a < b)
            && event.due_ms > row.time_ms();
        if !sound {
            return Err("a malformed duty");
        }
        // After an erasure neither the participant nor the consent has a name here.
        let erased = |findings: &v1::Findings| {
            findings.consent_id.is_empty() && row.participant_reference.is_none()
        };
        if let Some(findings) = row.findings.as_ref().filter(|findings| !erased(findings)) {
            let reference = consent_reference(&findings.consent_id, &recipient.agency);
            if event.consent_reference != reference.as_slice() {
                return Err("the duty names another consent than its findings");
            }
        }
        for number in numbers {
            match self.received.get(number) {
                Some(Some(to)) if *to == recipient => {}
                Some(_) => return Err("the duty names a message of another recipient"),
                None if strict => return Err("the duty names a message that was not handed out"),
                None => {}
            }
        }
        Ok(())
    }

    fn answer(
        &self,
        row: &LogRow,
        event: &v1::DeletionConfirmed,
        strict: bool,
    ) -> Result<(), &'static str> {
        let by = row.caused_by().map(|actor| actor.agency.as_str());
        match self.duties.get(&event.duty_number) {
            Some(agency) if by == Some(agency) => Ok(()),
            Some(_) => Err("the duty of another agency is answered"),
            None if strict || event.duty_number >= row.record_number => {
                Err("an answer without a duty")
            }
            None => Ok(()),
        }
    }

    fn dead_letter(
        &self,
        row: &LogRow,
        event: &v1::DeadLettered,
        strict: bool,
    ) -> Result<(), &'static str> {
        if strict && !self.received.contains_key(&event.message_number) {
            return Err("a dead letter that was not handed out");
        }
        let attempts = event.reason() == v1::DeadLetterReason::Attempts;
        let by = row.caused_by().map(|actor| actor.agency.as_str());
        if by != (!attempts).then_some(event.recipient_agency.as_str()) {
            return Err("a dead letter by somebody else than its recipient");
        }
        Ok(())
    }
}
