//! Whom the rows are about: told by the broker, and bound to what the Lotse signed.
//!
//! A told reference is proven by nothing. But the Lotse signs its own reference of the participant in each
//! consent; so what is told for one person must always go with the same signed reference of an agency, and
//! never with another.

use std::collections::HashMap;

use schleuse_proto::v1::log_entry::Event;

use super::history::told;
use super::shown::Shown;
use crate::log::{LogRow, Safeguard};

pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let mut bonds = Bonds::default();
    let mut open = 0_u64;
    for row in shown.rows {
        let wrong = |why: &str| format!("record {}: {why}", row.record_number);
        match told(row) {
            Some(participant) => bonds.compare(row, participant).map_err(wrong)?,
            None if shown.is_complete && must_tell(row) => {
                if !shown.erasures.go_on_after(row.record_number) {
                    return Err(wrong("it does not say whom it is about"));
                }
                open += 1;
            }
            None => {}
        }
    }
    let people = bonds.signed.len();
    let open = match open {
        0 => String::new(),
        some => format!("; {some} records are about somebody whose erasure goes on"),
    };
    Ok(format!("{people} references that Lotsen signed each mean one person{open}"))
}

/// Whether the officer of the project is always told whom such a row is about.
fn must_tell(row: &LogRow) -> bool {
    match row.event() {
        Some(Event::MessageDecided(event)) => event.accepted && !event.without_participant,
        Some(Event::HandedOut(event)) => !event.without_participant,
        Some(Event::CoverageAsked(event)) => event.covered,
        Some(Event::TaskClosed(_) | Event::ParticipationSet(_)) => true,
        Some(Event::ConsentRecorded(_) | Event::ParticipantRestricted(_)) => true,
        Some(
            Event::SecrecyReleaseRecorded(_)
            | Event::SecrecyReleaseRevoked(_)
            | Event::ObjectionRecorded(_)
            | Event::ObjectionWithdrawn(_)
            | Event::ParticipationEnded(_),
        ) => true,
        _ => false,
    }
}

/// Who is who.
#[derive(Default)]
struct Bonds<'a> {
    /// Who a reference that a Lotse of an agency signed is told to be.
    signed: HashMap<(&'a str, &'a str), &'a str>,
    /// The reference that the Lotsen of an agency sign for somebody.
    reverse: HashMap<(&'a str, &'a str), &'a str>,
    /// Whom a consent is told to be of.
    consents: HashMap<&'a [u8], &'a str>,
}

impl<'a> Bonds<'a> {
    fn compare(&mut self, row: &'a LogRow, participant: &'a str) -> Result<(), &'static str> {
        let signed = row.safeguard.as_ref().and_then(Safeguard::participant_reference);
        if let Some(signed) = signed {
            return self.bind(row, participant, signed);
        }
        let Some(Event::ConsentRecorded(event)) = row.event() else { return Ok(()) };
        let known = *self.consents.entry(&event.consent_id).or_insert(participant);
        if known != participant {
            return Err("a revision is told to be of another participant");
        }
        let Some(document) = &row.document else { return Ok(()) };
        self.bind(row, participant, document.participant_reference.as_str())
    }

    fn bind(
        &mut self,
        row: &'a LogRow,
        participant: &'a str,
        signed: &'a str,
    ) -> Result<(), &'static str> {
        let agency = row.caused_by().map(|actor| actor.agency.as_str()).unwrap_or_default();
        let known = *self.signed.entry((agency, signed)).or_insert(participant);
        let reverse = *self.reverse.entry((agency, participant)).or_insert(signed);
        if known != participant || reverse != signed {
            return Err("the Lotse signed it for another participant than is told");
        }
        Ok(())
    }
}
