//! Consents: each revision follows the one before, and who ends or confirms one names the revision meant.

use schleuse_proto::evidence::decode_canonical;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::history::History;
use super::shown::Shown;
use crate::log::LogRow;

pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let mut chains = Chains { history: History::default(), compared: 0, not_shown: 0 };
    for row in shown.rows {
        let found =
            chains.compare(row).map_err(|why| format!("record {}: {why}", row.record_number))?;
        match found {
            Found::Fits => chains.compared += 1,
            Found::NotShown if shown.is_complete => {
                let number = row.record_number;
                return Err(format!("record {number}: the revision before it is missing"));
            }
            Found::NotShown => chains.not_shown += 1,
            Found::NoConsent => {}
        }
        chains.history.apply(row);
    }
    let Chains { compared, not_shown, .. } = chains;
    let rest = match not_shown {
        0 => String::new(),
        some => format!("; what {some} others follow is not shown"),
    };
    Ok(format!("{compared} revisions, revocations and confirmations follow what they name{rest}"))
}

/// What became of one row.
enum Found {
    /// It follows what it names.
    Fits,
    /// What it follows is not in the file.
    NotShown,
    /// The row is about something else.
    NoConsent,
}

struct Chains<'a> {
    history: History<'a>,
    compared: u64,
    not_shown: u64,
}

impl Chains<'_> {
    fn compare(&self, row: &LogRow) -> Result<Found, &'static str> {
        match row.event() {
            Some(Event::ConsentRecorded(event)) => self.recorded(row, event),
            Some(Event::ConsentRevoked(event)) => {
                let document: v1::RevocationDocument =
                    decode_canonical(&event.document).map_err(|_| "a malformed revocation")?;
                if document.consent_id != event.consent_id {
                    return Err("the revocation is of another consent");
                }
                // One that an operator replayed may name a revision that the log lost.
                if row.caused_by().is_none() {
                    return Ok(Found::Fits);
                }
                self.named(&event.consent_id, event.revision, &document.revision_hash)
            }
            Some(Event::ConsentConfirmed(event)) => {
                let document: v1::ConfirmationDocument =
                    decode_canonical(&event.document).map_err(|_| "a malformed confirmation")?;
                if document.consent_id != event.consent_id {
                    return Err("the confirmation is of another consent");
                }
                if document.next_review_by_ms != 0
                    && document.next_review_by_ms != event.next_review_by_ms
                {
                    return Err("the next review is another one than was signed");
                }
                self.named(&event.consent_id, event.revision, &document.revision_hash)
            }
            Some(Event::ConsentSuspended(event))
                if event.reason() == v1::SuspensionReason::ReviewMissed =>
            {
                let known = self.history.consent(&event.consent_id);
                let review_by = known.and_then(|known| known.review_by_ms);
                if review_by.is_some_and(|review_by| row.time_ms() < review_by) {
                    return Err("a consent is suspended for a review that was not due");
                }
                Ok(Found::NoConsent)
            }
            _ => Ok(Found::NoConsent),
        }
    }

    fn recorded(&self, row: &LogRow, event: &v1::ConsentRecorded) -> Result<Found, &'static str> {
        let known = self.history.consent(&event.consent_id);
        if self.history.is_revoked(&event.consent_id) {
            return Err("a consent is revised after its revocation");
        }
        let before = match (event.revision, known) {
            (0, _) => return Err("revisions count from 1"),
            (_, Some(known)) if known.revision >= event.revision => {
                return Err("a revision that does not come after the one before");
            }
            (1, None) => Some([].as_slice()),
            (revision, Some(known)) if known.revision + 1 == revision => Some(known.hash),
            (_, _) => None,
        };
        if let Some(document) = &row.document {
            let is_first = event.revision == 1;
            let length = if is_first { 0 } else { 32 };
            let previous = document.previous_hash.as_ref();
            if previous.len() != length || before.is_some_and(|before| before != previous) {
                return Err("the document does not follow the revision before it");
            }
            if agencies(document) != event.agencies {
                return Err("the grants name other agencies than the body");
            }
        }
        Ok(if before.is_some() { Found::Fits } else { Found::NotShown })
    }

    /// The newest revision in the file is the one that a document names.
    fn named(&self, id: &[u8], revision: u32, hash: &[u8]) -> Result<Found, &'static str> {
        match self.history.consent(id) {
            Some(known) if known.revision > revision => {
                Err("it names a revision that was replaced")
            }
            Some(known) if known.revision == revision && known.hash != hash => {
                Err("it names another document than the newest revision's")
            }
            Some(known) if known.revision == revision => Ok(Found::Fits),
            Some(_) | None => Ok(Found::NotShown),
        }
    }
}

/// Agencies that the grants name, sorted, each once.
fn agencies(document: &v1::ConsentDocument) -> Vec<&str> {
    let grants = document.grants.iter();
    let named = grants.flat_map(|grant| {
        let recipient = grant.recipient.iter().map(|recipient| recipient.agency.as_str());
        grant.senders.iter().map(String::as_str).chain(recipient)
    });
    let mut agencies: Vec<&str> = named.collect();
    agencies.sort_unstable();
    agencies.dedup();
    agencies
}
