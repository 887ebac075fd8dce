//! The consents as the rows before some record show them: the same fold that the broker makes.

use std::collections::{HashMap, HashSet};

use schleuse_proto::evidence::decode_canonical;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::safeguards::Safeguards;
use crate::log::LogRow;

/// A consent, as its newest revision in the file.
pub(super) struct Consent<'a> {
    /// Its revision.
    pub(super) revision: u32,
    /// SHA-256 of its document.
    pub(super) hash: &'a [u8],
    /// Its document, if it is shown.
    pub(super) document: Option<&'a v1::ConsentDocument>,
    /// Whom it is of, as the file tells it.
    pub(super) participant: Option<&'a str>,
    /// When it is to be reviewed, if that is shown.
    pub(super) review_by_ms: Option<i64>,
    /// Whether it was suspended by itself.
    suspended: bool,
    /// Reconciliations of the log before it was recorded or confirmed. A later one suspended it.
    reconciliations: u64,
}

/// Consents and participants.
#[derive(Default)]
pub(super) struct History<'a> {
    consents: HashMap<&'a [u8], Consent<'a>>,
    of_participant: HashMap<&'a str, Vec<&'a [u8]>>,
    revoked: HashSet<&'a [u8]>,
    /// Participants whose processing is restricted or whose erasure began.
    blocked: HashSet<&'a str>,
    /// How often the log was reconciled.
    reconciliations: u64,
    /// Purposes that forbid a participant, as the newest start of the broker names them.
    without_participant: Option<&'a [String]>,
    /// Functions of the newest directory entry of each agency.
    functions: HashMap<String, HashSet<String>>,
    /// What stands beside the consents.
    pub(super) safeguards: Safeguards<'a>,
}

impl<'a> History<'a> {
    /// Purposes that forbid a participant; none if no start of the broker is shown.
    pub(super) fn without_participant(&self) -> Option<&'a [String]> {
        self.without_participant
    }

    /// Functions of an agency's directory entry, if it published one.
    pub(super) fn functions(&self, agency: &str) -> Option<&HashSet<String>> {
        self.functions.get(agency)
    }

    /// The consent of this identifier.
    pub(super) fn consent(&self, id: &[u8]) -> Option<&Consent<'a>> {
        self.consents.get(id)
    }

    /// Whether the consent of this identifier was revoked.
    pub(super) fn is_revoked(&self, id: &[u8]) -> bool {
        self.revoked.contains(id)
    }

    /// Consents of a participant that are neither revoked nor suspended.
    pub(super) fn in_force(&self, participant: &str) -> impl Iterator<Item = &Consent<'a>> {
        let ids = self.of_participant.get(participant).into_iter().flatten();
        let ids = ids.filter(|id| !self.is_revoked(id));
        let consents = ids.filter_map(|id| self.consents.get(id));
        consents.filter(|consent| !self.is_suspended(consent))
    }

    /// Whether a consent is suspended: by itself, or with all others when the log was reconciled after it
    /// had lost records. INVARIANT (anti-rollback).
    pub(super) fn is_suspended(&self, consent: &Consent<'a>) -> bool {
        consent.suspended || consent.reconciliations < self.reconciliations
    }

    /// Whether nothing about the participant may pass.
    pub(super) fn is_blocked(&self, participant: &str) -> bool {
        self.blocked.contains(participant)
    }

    /// Folds the next row of the file.
    pub(super) fn apply(&mut self, row: &'a LogRow) {
        let participant = told(row);
        self.safeguards.apply(row);
        match row.event() {
            Some(Event::ConsentRecorded(event)) => self.record(row, event),
            Some(Event::ConsentRevoked(event)) => {
                self.revoked.insert(&event.consent_id);
            }
            Some(Event::ConsentSuspended(event)) => self.suspend(&event.consent_id, true),
            Some(Event::ConsentConfirmed(event)) => {
                self.suspend(&event.consent_id, false);
                if let Some(consent) = self.consents.get_mut(event.consent_id.as_ref())
                    && event.next_review_by_ms != 0
                {
                    consent.review_by_ms = Some(event.next_review_by_ms);
                }
            }
            Some(Event::ParticipantRestricted(event)) if event.restricted => {
                self.blocked.extend(participant);
            }
            Some(Event::ParticipantRestricted(_)) => {
                participant.map(|participant| self.blocked.remove(participant));
            }
            Some(Event::ErasureBegun(_)) => self.blocked.extend(participant),
            Some(Event::LogReconciled(_)) => self.reconciliations += 1,
            Some(Event::BrokerStarted(event)) => {
                self.without_participant = Some(&event.purposes_without_participant);
            }
            Some(Event::DirectoryPublished(event)) => self.publish(event),
            _ => {}
        }
    }

    fn publish(&mut self, event: &v1::DirectoryPublished) {
        // A malformed entry is a fault of its signature's check, and names no function.
        let entry = decode_canonical::<v1::DirectoryDocument>(&event.document);
        if let Ok(entry) = entry {
            let functions = entry.functions.into_iter().map(|function| function.function);
            self.functions.insert(entry.agency, functions.collect());
        }
    }

    /// A new revision takes the place of the one before, and ends its suspension.
    fn record(&mut self, row: &'a LogRow, event: &'a v1::ConsentRecorded) {
        let participant = told(row);
        let known = self.consents.get(event.consent_id.as_ref());
        let consent = Consent {
            revision: event.revision,
            hash: &event.document_hash,
            document: row.document.as_ref(),
            participant,
            review_by_ms: row.document.as_ref().map(|document| document.review_by_ms),
            suspended: false,
            reconciliations: self.reconciliations,
        };
        if known.is_none()
            && let Some(participant) = participant
        {
            self.of_participant.entry(participant).or_default().push(&event.consent_id);
        }
        self.consents.insert(&event.consent_id, consent);
    }

    fn suspend(&mut self, id: &[u8], suspended: bool) {
        let Some(consent) = self.consents.get_mut(id) else { return };
        consent.suspended = suspended;
        if !suspended {
            consent.reconciliations = self.reconciliations;
        }
    }
}

/// The participant of a row, as the file tells it.
pub(super) fn told(row: &LogRow) -> Option<&str> {
    row.participant_reference.as_ref().map(|reference| reference.as_text())
}
