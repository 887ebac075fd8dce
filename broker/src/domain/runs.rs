//! Runs: what is erased on the word of two persons. One proposes an erasure or a run of the retention, another one
//! approves it.
//!
//! INVARIANT (second-person): nothing is erased but by a run that another person approved than the one who proposed
//! it. Persons are told apart by the person of their certificates' identities; a certificate that names none neither
//! proposes nor approves. Source: ADR 0016.

use std::sync::Arc;

use super::event::Actor;
use super::ids::{ParticipantId, RecordNumber, TimeMs};
use super::refusal::Refusal;

/// Most open runs at the same time: more than officers look through means that nobody approves any more.
pub const OPEN_RUNS_MAX: usize = 256;

/// How long a run can be approved: long enough for a colleague's holiday, short enough that the reason still holds.
pub const RUN_OPEN_MS: TimeMs = 14 * 24 * 60 * 60 * 1000;

/// What a run erases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOf {
    /// Everything about a participant.
    Erasure(ParticipantId),
    /// What its retention period has left behind.
    Retention,
}

impl RunOf {
    /// Whom it is about.
    #[must_use]
    pub fn participant(&self) -> Option<&ParticipantId> {
        match self {
            Self::Erasure(participant) => Some(participant),
            Self::Retention => None,
        }
    }

    /// What kind of run it is.
    #[must_use]
    pub fn kind(&self) -> RunKind {
        match self {
            Self::Erasure(_) => RunKind::Erasure,
            Self::Retention => RunKind::Retention,
        }
    }
}

/// What a run erases, not of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// One participant.
    Erasure,
    /// The retention.
    Retention,
}

/// A run that was proposed.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its number: that of its record.
    pub number: RecordNumber,
    /// What it erases.
    pub of: RunOf,
    /// Why.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: Actor,
    /// When.
    pub proposed_at: TimeMs,
}

impl Run {
    /// First instant at which it cannot be approved any more.
    #[must_use]
    pub fn until(&self) -> TimeMs {
        self.proposed_at.saturating_add(RUN_OPEN_MS)
    }

    /// Whether it can be approved at an instant.
    #[must_use]
    pub fn is_open(&self, now: TimeMs) -> bool {
        now < self.until()
    }

    /// Whether this actor is another person than the one who proposed it.
    ///
    /// # Errors
    /// It is the same person, or a certificate names none.
    pub fn check_second_person(&self, actor: &Actor) -> Result<(), Refusal> {
        let second = person_of(actor)?;
        match &self.proposed_by.person {
            Some(first) if first != second => Ok(()),
            Some(_) | None => Err(Refusal::SecondPersonNeeded),
        }
    }
}

/// The person of an actor.
///
/// # Errors
/// The certificate names none.
pub fn person_of(actor: &Actor) -> Result<&Arc<str>, Refusal> {
    actor.person.as_ref().ok_or(Refusal::PersonMissing)
}
