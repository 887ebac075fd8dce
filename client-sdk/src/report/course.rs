//! The course of a participant's consents, as rows of the log tell it.

use std::collections::BTreeSet;

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::log::{LogRow, Safeguard};

/// State of a consent at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// At least one grant holds.
    InForce,
    /// No grant holds yet.
    NotYet,
    /// All grants have ended.
    Ended,
    /// Revoked.
    Revoked,
    /// Suspended until it is confirmed.
    Suspended,
    /// The participation has ended.
    Over,
    /// The document is not shown.
    Unknown,
}

/// What happened to a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Recorded, or the next revision of it.
    Recorded(u32),
    /// Suspended.
    Suspended,
    /// Confirmed.
    Confirmed,
    /// Revoked.
    Revoked,
}

/// One revision of a consent and its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Revision<'a> {
    pub(super) row: &'a LogRow,
    pub(super) event: &'a v1::ConsentRecorded,
}

/// One consent from its first record on.
#[derive(Clone, Debug)]
pub(super) struct ConsentCourse<'a> {
    pub(super) id: &'a [u8],
    pub(super) revisions: Vec<Revision<'a>>,
    /// What happened, with its record.
    pub(super) steps: Vec<(Step, &'a LogRow)>,
}

impl ConsentCourse<'_> {
    /// Document of the newest revision, if it is shown.
    pub(super) fn document(&self) -> Option<&v1::ConsentDocument> {
        self.revisions.last().and_then(|revision| revision.row.document.as_ref())
    }

    pub(super) fn revoked_ms(&self) -> Option<i64> {
        let revoked = self.steps.iter().find(|(step, _)| *step == Step::Revoked);
        revoked.map(|(_, row)| row.time_ms())
    }

    pub(super) fn state_at(&self, now_ms: i64) -> State {
        if self.revoked_ms().is_some() {
            return State::Revoked;
        }
        let Some(document) = self.document() else { return State::Unknown };
        let grants = &document.grants;
        if grants.iter().all(|grant| grant.not_after_ms <= now_ms) {
            State::Ended
        } else if self.steps.last().is_some_and(|(step, _)| *step == Step::Suspended) {
            State::Suspended
        } else if grants.iter().any(|g| g.not_before_ms <= now_ms && now_ms < g.not_after_ms) {
            State::InForce
        } else {
            State::NotYet
        }
    }
}

/// All consents of the rows, oldest first.
pub(super) fn consents(rows: &[LogRow]) -> Vec<ConsentCourse<'_>> {
    let mut consents: Vec<ConsentCourse<'_>> = Vec::new();
    for row in rows {
        let (id, step) = match row.event() {
            Some(Event::ConsentRecorded(e)) => (&e.consent_id, Step::Recorded(e.revision)),
            Some(Event::ConsentSuspended(e)) => (&e.consent_id, Step::Suspended),
            Some(Event::ConsentConfirmed(e)) => (&e.consent_id, Step::Confirmed),
            Some(Event::ConsentRevoked(e)) => (&e.consent_id, Step::Revoked),
            _ => continue,
        };
        let known = consents.iter().position(|consent| consent.id == id.as_ref());
        let place = known.unwrap_or(consents.len());
        if known.is_none() {
            consents.push(ConsentCourse { id, revisions: Vec::new(), steps: Vec::new() });
        }
        let Some(consent) = consents.get_mut(place) else { continue };
        consent.steps.push((step, row));
        if let Some(Event::ConsentRecorded(event)) = row.event() {
            consent.revisions.push(Revision { row, event });
        }
    }
    consents
}

/// What stands beside the consents after the last row, and stops what they allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Whether processing is restricted.
    pub(super) restricted: bool,
    /// Whether the participation has ended: for good.
    pub(super) ended: bool,
    /// Objections that were not withdrawn and have not ended by themselves.
    pub(super) objections: usize,
}

impl Beside {
    pub(super) fn of(rows: &[LogRow], now_ms: i64) -> Self {
        let (mut restricted, mut ended, mut objections) = (false, false, BTreeSet::new());
        for row in rows {
            match row.event() {
                Some(Event::ParticipantRestricted(event)) => restricted = event.restricted,
                Some(Event::ParticipationEnded(_)) => ended = true,
                Some(Event::ObjectionRecorded(event)) if !has_ended(row, now_ms) => {
                    objections.insert(&event.objection_id);
                }
                Some(Event::ObjectionWithdrawn(event)) => {
                    objections.remove(&event.objection_id);
                }
                _ => {}
            }
        }
        Self { restricted, ended, objections: objections.len() }
    }

    /// The state of a consent with what stands beside it: after the end nothing passes, whatever a consent says.
    pub(super) fn state(&self, course: &ConsentCourse<'_>, now_ms: i64) -> State {
        let state = course.state_at(now_ms);
        let is_open = matches!(state, State::InForce | State::NotYet | State::Suspended);
        if is_open && self.ended { State::Over } else { state }
    }
}

/// Whether an objection named an end of its own, and it is over.
fn has_ended(row: &LogRow, now_ms: i64) -> bool {
    let Some(Safeguard::Objection(document)) = &row.safeguard else { return false };
    document.until_ms != 0 && document.until_ms <= now_ms
}
