//! What passed without participant, decided again: the broker's rule for purposes that forbid one.
//!
//! INVARIANT (default-deny), checked from outside: the signed label commits to nobody, names no category and no professional secret, the
//! catalogue in force marked the purpose, and both agencies stood in the directory. All of this is in the rows
//! themselves and needs no findings.

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::history::{History, told};
use crate::log::LogRow;

/// Whether a row says that its message was about nobody.
pub(super) fn is_claimed(row: &LogRow) -> bool {
    match row.event() {
        Some(Event::MessageDecided(event)) => event.without_participant,
        Some(Event::HandedOut(event)) => event.without_participant,
        _ => false,
    }
}

/// Whether a permit without participant was right; false if the file does not show what is needed.
pub(super) fn check(
    row: &LogRow,
    label: Option<&v1::Label>,
    history: &History<'_>,
) -> Result<bool, &'static str> {
    if told(row).is_some() {
        return Err("passed without participant, and is about one");
    }
    let found = row.findings.as_ref();
    if found.is_some_and(|findings| *findings != v1::Findings::default()) {
        return Err("passed without participant, and names a consent or a reason");
    }
    let (sender, recipient, purpose) = match row.event() {
        Some(Event::HandedOut(event)) => {
            if !event.consent_reference.is_empty()
                || !event.categories.is_empty()
                || event.professional_secret
            {
                return Err("passed without participant, with a consent or data about one");
            }
            (event.sender.as_ref(), event.recipient.as_ref(), &event.purpose)
        }
        _ => {
            let label = label.ok_or("a malformed label")?;
            if !label.participant_commitment.is_empty()
                || !label.categories.is_empty()
                || label.professional_secret
            {
                return Err("passed without participant, with a label about one");
            }
            (label.sender.as_ref(), label.recipient.as_ref(), &label.purpose)
        }
    };
    let (Some(sender), Some(recipient)) = (sender, recipient) else {
        return Err("a message without sender or recipient");
    };
    let Some(purposes) = history.without_participant() else { return Ok(false) };
    if !purposes.contains(purpose) {
        return Err("passed without participant for a purpose that needs one");
    }
    let published = history.functions(&sender.agency).is_some();
    let functions = history.functions(&recipient.agency);
    Ok(published && functions.is_some_and(|functions| functions.contains(&recipient.function)))
}
