//! Classes of records: all that counts group and filter by, but the time. Records are many, classes few.

use super::{Facts, Wanted};
use crate::domain::catalogue::{Categories, Kind, Purpose};
use crate::domain::event::Event;
use crate::domain::ids::AgencyId;

/// What records of one class have in common. Not whom they are about, under which consent and certificate, and in
/// which categories: a count that asks for these reads the records.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordClass {
    record_type: u8,
    /// Nothing but the type is left of an erased record.
    is_erased: bool,
    actor: Option<AgencyId>,
    agencies: Box<[AgencyId]>,
    pair: Option<(AgencyId, AgencyId)>,
    purpose: Option<Purpose>,
    kind: Option<Kind>,
    accepted: Option<bool>,
}

impl RecordClass {
    /// Class of an event; `facts` are those of the event.
    #[must_use]
    pub fn of(event: &Event, facts: &Facts<'_>) -> Self {
        let pair = facts.pair.map(|(sender, recipient)| (sender.clone(), recipient.clone()));
        Self {
            record_type: facts.record_type,
            is_erased: false,
            actor: event.actor.as_ref().map(|actor| actor.agency.clone()),
            agencies: facts.agencies.iter().copied().cloned().collect(),
            pair,
            purpose: facts.purpose,
            kind: facts.kind,
            accepted: facts.accepted,
        }
    }

    /// Class of erased records of a type.
    #[must_use]
    pub fn erased(record_type: u8) -> Self {
        Self {
            record_type,
            is_erased: true,
            actor: None,
            agencies: Box::default(),
            pair: None,
            purpose: None,
            kind: None,
            accepted: None,
        }
    }

    /// Number of the record type.
    #[must_use]
    pub fn record_type(&self) -> u8 {
        self.record_type
    }

    /// Agency that caused the records.
    #[must_use]
    pub fn actor(&self) -> Option<&AgencyId> {
        self.actor.as_ref()
    }

    /// Sending and receiving agency.
    #[must_use]
    pub fn pair(&self) -> Option<(&AgencyId, &AgencyId)> {
        self.pair.as_ref().map(|(sender, recipient)| (sender, recipient))
    }

    /// Purpose of the message.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        self.purpose
    }

    /// Kind of the message.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Outcome of a decision.
    #[must_use]
    pub fn accepted(&self) -> Option<bool> {
        self.accepted
    }

    /// The facts that the class has; the others are absent.
    fn facts(&self) -> Facts<'_> {
        Facts {
            participant: None,
            record_type: self.record_type,
            agencies: self.agencies.iter().collect(),
            purpose: self.purpose,
            kind: self.kind,
            categories: Categories::default(),
            accepted: self.accepted,
            consent: None,
            certificate: None,
            pair: self.pair(),
            hides_participant: true,
        }
    }
}

impl Wanted {
    /// Whether classes tell which records are wanted.
    #[must_use]
    pub fn is_of_classes(&self) -> bool {
        let Self { participant, categories, consent, certificate, .. } = self;
        participant.is_none() && categories.is_empty() && consent.is_none() && certificate.is_none()
    }

    /// Whether records of a class are wanted, by the one rule for records. Of an erased record nothing is left that
    /// could match: it is counted only for who asks for everything.
    #[must_use]
    pub fn matches_class(&self, class: &RecordClass) -> bool {
        if class.is_erased { self.is_everything() } else { self.matches(&class.facts()) }
    }
}
