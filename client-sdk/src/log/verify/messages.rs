//! What becomes of a message fits what was decided on it.

use std::collections::{HashMap, HashSet};

use schleuse_proto::evidence::consent_reference;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::erased;
use super::shown::Shown;

/// Nothing is handed out after it was stopped or erased, or if it was refused.
pub(super) fn check_stops(shown: &Shown<'_>) -> Result<String, String> {
    let mut ended: HashMap<u64, &'static str> = HashMap::new();
    let mut hand_outs = 0_u64;
    for row in shown.rows {
        match row.event() {
            Some(Event::MessageStopped(event)) => {
                ended.insert(event.message_number, "was stopped");
            }
            Some(Event::DeadLettered(event)) => {
                ended.insert(event.message_number, "was a dead letter");
            }
            Some(Event::MessageDecided(event)) if !event.accepted => {
                ended.insert(row.record_number, "was refused");
            }
            Some(Event::RecordsErased(event)) => {
                let numbers = erased::listed(row.record_number, event);
                ended.extend(numbers.map(|number| (number, "was erased")));
            }
            Some(Event::HandedOut(event)) => {
                hand_outs += 1;
                if let Some(why) = ended.get(&event.message_number) {
                    let (number, message) = (row.record_number, event.message_number);
                    return Err(format!(
                        "record {number} hands out message {message}, which {why}"
                    ));
                }
            }
            _ => {}
        }
    }
    let ended = "was stopped, refused or erased before";
    Ok(format!("none of {hand_outs} hand-outs is of a message that {ended}"))
}

/// Nothing is accepted or handed out under a consent after its revocation.
pub(super) fn check_revocations(shown: &Shown<'_>) -> Result<String, String> {
    // Hand-outs name a consent as its recipient knows it: each agency of a revoked one in its own way.
    // Findings name it by its identifier.
    let mut revoked: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut revocations = 0;
    for row in shown.rows {
        let number = row.record_number;
        let used: Option<&[u8]> = match row.event() {
            Some(Event::ConsentRevoked(event)) => {
                revocations += 1;
                for agency in &event.agencies {
                    let reference = consent_reference(&event.consent_id, agency);
                    revoked.insert(reference.to_vec(), number);
                }
                revoked.insert(event.consent_id.to_vec(), number);
                None
            }
            Some(Event::MessageDecided(event)) if event.accepted => {
                row.findings.as_ref().map(|findings| findings.consent_id.as_ref())
            }
            Some(Event::HandedOut(event)) => Some(&event.consent_reference),
            _ => None,
        };
        if let Some(at) = used.and_then(|consent| revoked.get(consent)) {
            return Err(format!("record {number} uses a consent that record {at} had revoked"));
        }
    }
    Ok(format!("{revocations} revocations, nothing passed under their consents afterwards"))
}

/// Each hand-out fits the decision on its message, if that stands before it.
pub(super) fn check_hand_outs(shown: &Shown<'_>) -> Result<String, String> {
    let mut decided: HashMap<u64, (&v1::MessageDecided, Option<&v1::Label>)> = HashMap::new();
    let mut seen: HashSet<u64> = HashSet::new();
    let mut compared = 0_u64;
    for (row, label) in shown.labelled() {
        let number = row.record_number;
        match row.event() {
            Some(Event::MessageDecided(event)) => {
                decided.insert(number, (event, label));
            }
            Some(Event::HandedOut(event)) => {
                let message = event.message_number;
                if let Some((decided, label)) = decided.get(&message) {
                    let label = label.ok_or_else(|| format!("record {message}: a bad label"))?;
                    let same = decided.without_participant == event.without_participant;
                    if !decided.accepted || !same || !fits(event, label) {
                        let other = "hands out something else than";
                        return Err(format!("record {number} {other} {message}"));
                    }
                    if row.time_ms() >= label.expires_at_ms {
                        return Err(format!(
                            "record {number} hands out {message}, which had expired"
                        ));
                    }
                    compared += 1;
                } else if message >= number || seen.contains(&message) {
                    return Err(format!("record {number} hands out {message}, no message"));
                }
            }
            // The decision itself may be erased before what followed from it.
            None if row.record_type() == v1::RecordType::MessageDecided => continue,
            _ => {}
        }
        seen.insert(number);
    }
    Ok(format!("{compared} hand-outs are of the message that was accepted"))
}

fn fits(event: &v1::HandedOut, label: &v1::Label) -> bool {
    event.sender == label.sender
        && event.recipient == label.recipient
        && event.purpose == label.purpose
        && event.kind == label.kind
        && event.categories == label.categories
        && event.professional_secret == label.professional_secret
}
