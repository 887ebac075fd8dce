//! What of a record can be searched for: its facts, and what a query wants of them.
//!
//! The index finds records by terms, which are short and may collide; it only proposes. Whether a record
//! is what somebody wants, and may see, is decided by [`Wanted::matches`] on the record itself.

pub mod class;

use schleuse_proto::v1;

use crate::domain::catalogue::{Catalogue, Categories, Kind, Purpose};
use crate::domain::event::{
    Decision, DeliveryEvent, Event, EventKind, LogFilter, PlanningEvent, UpkeepEvent,
};
use crate::domain::ids::{AgencyId, ConsentId, ParticipantId};
use crate::domain::message::StopReason;
use crate::domain::planning::PlannedMessage;
use crate::index::Term;

/// Facts of one record, borrowed from its event.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Whom it is about.
    pub participant: Option<&'a ParticipantId>,
    record_type: u8,
    /// Agencies that took part, each once.
    agencies: Vec<&'a AgencyId>,
    purpose: Option<Purpose>,
    kind: Option<Kind>,
    categories: Categories,
    accepted: Option<bool>,
    consent: Option<&'a ConsentId>,
    certificate: Option<&'a [u8]>,
    /// Sending and receiving agency.
    pair: Option<(&'a AgencyId, &'a AgencyId)>,
    /// Who sees it may not be told whom it is about: there it would tell whether a reference means somebody.
    hides_participant: bool,
}

/// What a query wants, within what its caller may see. All that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// About this participant.
    pub participant: Option<ParticipantId>,
    /// All of these agencies took part.
    pub agencies: Vec<AgencyId>,
    types: Vec<u8>,
    purpose: Option<Purpose>,
    kind: Option<Kind>,
    categories: Categories,
    accepted: Option<bool>,
    consent: Option<ConsentId>,
    certificate: Option<Vec<u8>>,
}

/// Kinds of terms.
mod kind {
    pub(super) const PARTICIPANT: u8 = 1;
    pub(super) const AGENCY: u8 = 2;
    pub(super) const TYPE: u8 = 3;
    pub(super) const PURPOSE: u8 = 4;
    pub(super) const KIND: u8 = 5;
    pub(super) const CATEGORY: u8 = 6;
    pub(super) const OUTCOME: u8 = 7;
    pub(super) const CONSENT: u8 = 8;
    pub(super) const CERTIFICATE: u8 = 9;
}

impl<'a> Facts<'a> {
    /// Facts of an event.
    #[must_use]
    pub fn of(event: &'a Event) -> Self {
        let record_type = super::encode::record_type(&event.kind);
        let mut facts = Self {
            participant: None,
            record_type: u8::try_from(i32::from(record_type)).unwrap_or_default(),
            agencies: event.actor.iter().map(|actor| &actor.agency).collect(),
            purpose: None,
            kind: None,
            categories: Categories::default(),
            accepted: None,
            consent: None,
            certificate: event.actor.as_ref().map(|actor| actor.serial.as_ref()),
            pair: None,
            hides_participant: false,
        };
        facts.add(&event.kind);
        facts.participant = facts.participant.filter(|about| **about != ParticipantId::NOBODY);
        facts.agencies.sort_unstable();
        facts.agencies.dedup();
        facts
    }

    fn add(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::BrokerStarted { .. }
            | EventKind::CallRefused { .. }
            | EventKind::Upload(_)
            | EventKind::Evaluation(_) => {}
            EventKind::Upkeep(event) => self.add_upkeep(event),
            EventKind::Run(event) => self.participant = super::runs::participant(event),
            EventKind::Delivery(event) => self.add_delivery(event),
            EventKind::Planning(event) => self.add_planning(event),
            EventKind::DirectoryPublished(entry) => self.agencies.push(&entry.agency),
            EventKind::LogQueried(query) => self.participant = query.participant.as_ref(),
            EventKind::ParticipantRegistered { participant, .. }
            | EventKind::LotseAssigned { participant, .. } => self.participant = Some(participant),
            EventKind::ReferenceAssigned { participant, agency, .. } => {
                self.participant = Some(participant);
                self.agencies.push(agency);
            }
            // A consent is the participant's and the Lotse's: the agencies that it names took no part,
            // and an agency that could sanction must not read that one was given or ended.
            EventKind::ConsentRecorded(consent) => {
                self.participant = Some(&consent.participant);
                self.consent = Some(&consent.document.consent_id);
            }
            EventKind::ConsentRevoked(revocation) => {
                self.participant = Some(&revocation.participant);
                self.consent = Some(&revocation.consent);
            }
            // So are releases, objections and the end.
            EventKind::Safeguard(event) => self.participant = Some(&event.participant),
            EventKind::MessageDecided(decided) => {
                let label = &decided.submission.label;
                self.pair = Some((&label.sender.agency, &label.recipient.agency));
                self.participant = decided.participant.as_ref();
                self.agencies.push(&label.sender.agency);
                (self.purpose, self.kind) = (Some(label.purpose), Some(label.kind));
                self.categories = label.categories;
                // Of a message that was refused its recipient took no part, and learns nothing.
                if let Decision::Accepted(basis) = &decided.decision {
                    self.agencies.push(&label.recipient.agency);
                    self.consent = basis.grant().map(|grant| &grant.consent);
                    self.accepted = Some(true);
                } else {
                    self.accepted = Some(false);
                }
            }
            EventKind::HandedOut(event) => {
                self.pair = Some((&event.sender.agency, &event.recipient.agency));
                self.participant = Some(&event.participant);
                self.agencies.extend([&event.sender.agency, &event.recipient.agency]);
                (self.purpose, self.kind) = (Some(event.purpose), Some(event.kind));
                self.categories = event.categories;
                self.consent = event.grant.grant().map(|grant| &grant.consent);
            }
            EventKind::StageReported { participant, sender, recipient, .. } => {
                self.pair = Some((sender, recipient));
                self.participant = Some(participant);
                self.agencies.extend([sender, recipient]);
            }
            EventKind::MessageStopped { participant, sender, recipient, reason, .. } => {
                self.pair = Some((sender, recipient));
                self.participant = Some(participant);
                match reason {
                    StopReason::Expired | StopReason::Recalled => {
                        self.agencies.extend([sender, recipient]);
                    }
                    // That a consent ended is the participant's and the Lotse's, as the revocation is.
                    StopReason::ConsentEnded | StopReason::Erased | StopReason::UploadEnded => {}
                }
            }
        }
    }

    fn add_upkeep(&mut self, event: &'a UpkeepEvent) {
        match event {
            UpkeepEvent::RecordsErased { .. }
            | UpkeepEvent::RecordLost
            | UpkeepEvent::LogReconciled(_) => {}
            UpkeepEvent::ErasureBegun { participant, .. }
            | UpkeepEvent::ParticipantRestricted { participant, .. } => {
                self.participant = Some(participant);
            }
            UpkeepEvent::HoldPlaced { participant, .. }
            | UpkeepEvent::HoldReleased { participant, .. } => {
                self.participant = participant.as_ref();
            }
            UpkeepEvent::ConsentSuspended { participant, consent, .. }
            | UpkeepEvent::ConsentConfirmed { participant, consent, .. } => {
                self.participant = Some(participant);
                self.consent = Some(consent);
            }
        }
    }

    fn add_delivery(&mut self, event: &'a DeliveryEvent) {
        match event {
            DeliveryEvent::DeadLettered { participant, sender, recipient, .. } => {
                self.pair = Some((sender, recipient));
                self.participant = Some(participant);
                self.agencies.extend([sender, recipient]);
            }
            DeliveryEvent::MailboxRead { recipient } => self.agencies.push(&recipient.agency),
            // The senders took no part: they must not read that the basis of what they sent has ended.
            DeliveryEvent::BasisEnded(event) => {
                self.participant = Some(&event.participant);
                self.consent = event.consent.id();
                self.agencies.push(&event.recipient.agency);
            }
            DeliveryEvent::DeletionConfirmed { participant, .. } => {
                self.participant = Some(participant);
            }
        }
    }

    /// Questions and requests are their agency's own; the recipient took no part and learns nothing. What a
    /// Lotse plans with a participant is in no agency's records: the Lotse finds it by the participant.
    fn add_planning(&mut self, event: &'a PlanningEvent) {
        match event {
            PlanningEvent::CoverageAsked(asked) => {
                self.participant = asked.participant.as_ref();
                self.add_planned(&asked.planned);
                if let Decision::Accepted(basis) = &asked.decision {
                    self.consent = basis.grant().map(|grant| &grant.consent);
                } else {
                    self.hides_participant = true;
                }
            }
            PlanningEvent::ConsentRequested(request) => {
                self.participant = request.participant.as_ref();
                self.add_planned(&request.planned);
                self.hides_participant = true;
            }
            PlanningEvent::TaskClosed { participant, .. } => {
                self.participant = Some(participant);
                self.agencies.clear();
            }
            PlanningEvent::ParticipationSet(event) => {
                self.participant = Some(&event.participant);
                self.agencies.clear();
            }
        }
    }

    fn add_planned(&mut self, planned: &PlannedMessage) {
        (self.purpose, self.kind) = (Some(planned.purpose), Some(planned.kind));
        self.categories = planned.categories;
    }

    /// Number of the record type.
    #[must_use]
    pub fn record_type(&self) -> u8 {
        self.record_type
    }

    /// Sending and receiving agency of what is about a message.
    #[must_use]
    pub fn pair(&self) -> Option<(&'a AgencyId, &'a AgencyId)> {
        self.pair
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

    /// Whether everybody who sees the record may be told whom it is about. Not of refused messages and of
    /// queries: there it would tell whether a reference means somebody.
    #[must_use]
    pub fn tells_participant(&self) -> bool {
        !self.hides_participant
            && self.accepted != Some(false)
            && i32::from(self.record_type) != i32::from(v1::RecordType::LogQueried)
    }

    /// Terms of the record.
    #[must_use]
    pub fn terms(&self, catalogue: &Catalogue) -> Vec<Term> {
        let mut terms = Vec::with_capacity(12);
        terms.push(Term::text(kind::TYPE, &[self.record_type]));
        terms.extend(self.participant.map(|id| Term::id(kind::PARTICIPANT, id.bytes())));
        terms.extend(self.agencies.iter().map(|agency| agency_term(agency)));
        terms.extend(self.purpose.map(|code| purpose_term(catalogue, code)));
        terms.extend(self.kind.map(|code| kind_term(catalogue, code)));
        terms.extend(category_terms(catalogue, self.categories));
        terms
            .extend(self.accepted.map(|accepted| Term::text(kind::OUTCOME, &[u8::from(accepted)])));
        terms.extend(self.consent.map(|id| Term::id(kind::CONSENT, id.bytes())));
        terms.extend(self.certificate.map(|serial| Term::text(kind::CERTIFICATE, serial)));
        terms
    }
}

impl Wanted {
    /// What a filter wants; none if it names a code that the catalogue does not have.
    #[must_use]
    pub fn new(filter: &LogFilter, catalogue: &Catalogue) -> Option<Self> {
        let purpose = filter.purpose.as_deref().map(|code| catalogue.purpose(code).ok_or(()));
        let kind = filter.kind.as_deref().map(|code| catalogue.kind(code).ok_or(()));
        let category = filter.category.as_deref().map(|code| catalogue.category(code).ok_or(()));
        Some(Self {
            participant: None,
            agencies: filter.agencies.clone(),
            types: filter.types.clone(),
            purpose: purpose.transpose().ok()?,
            kind: kind.transpose().ok()?,
            categories: category.transpose().ok()?.unwrap_or_default(),
            accepted: filter.accepted,
            consent: filter.consent,
            certificate: filter.certificate.as_ref().map(|serial| serial.to_vec()),
        })
    }

    /// Records about one participant.
    #[must_use]
    pub fn about(participant: ParticipantId) -> Self {
        Self { participant: Some(participant), ..Self::default() }
    }

    /// Records of one type.
    #[must_use]
    pub fn of_type(record_type: u8) -> Self {
        Self { types: vec![record_type], ..Self::default() }
    }

    /// Whether every record is wanted.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let Self { participant, agencies, types, purpose, kind, categories, .. } = self;
        let given = [
            participant.is_some(),
            !agencies.is_empty(),
            !types.is_empty(),
            purpose.is_some(),
            kind.is_some(),
            !categories.is_empty(),
            self.accepted.is_some(),
            self.consent.is_some(),
            self.certificate.is_some(),
        ];
        given.iter().all(|given| !given)
    }

    /// Terms that every record that matches has.
    #[must_use]
    pub fn terms(&self, catalogue: &Catalogue) -> Vec<Term> {
        let mut terms = Vec::new();
        terms.extend(self.participant.map(|id| Term::id(kind::PARTICIPANT, id.bytes())));
        terms.extend(self.consent.map(|id| Term::id(kind::CONSENT, id.bytes())));
        terms.extend(self.agencies.iter().map(agency_term));
        terms.extend(self.purpose.map(|code| purpose_term(catalogue, code)));
        terms.extend(self.kind.map(|code| kind_term(catalogue, code)));
        terms.extend(category_terms(catalogue, self.categories));
        terms
            .extend(self.accepted.map(|accepted| Term::text(kind::OUTCOME, &[u8::from(accepted)])));
        let serial = self.certificate.as_deref();
        terms.extend(serial.map(|serial| Term::text(kind::CERTIFICATE, serial)));
        if let [one] = self.types.as_slice() {
            terms.push(Term::text(kind::TYPE, &[*one]));
        }
        terms
    }

    /// Whether a record is wanted.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        is(self.participant.as_ref(), facts.participant)
            && self.agencies.iter().all(|agency| facts.agencies.contains(&agency))
            && (self.types.is_empty() || self.types.contains(&facts.record_type))
            && is(self.purpose.as_ref(), facts.purpose.as_ref())
            && is(self.kind.as_ref(), facts.kind.as_ref())
            && facts.categories.contains(self.categories)
            && is(self.accepted.as_ref(), facts.accepted.as_ref())
            && is(self.consent.as_ref(), facts.consent)
            && self.certificate.as_deref().is_none_or(|serial| facts.certificate == Some(serial))
    }
}

fn agency_term(agency: &AgencyId) -> Term {
    Term::text(kind::AGENCY, agency.as_str().as_bytes())
}

// By their texts: numbers of codes may change with the catalogue.
fn purpose_term(catalogue: &Catalogue, code: Purpose) -> Term {
    Term::text(kind::PURPOSE, catalogue.purpose_code(code).as_bytes())
}

fn kind_term(catalogue: &Catalogue, code: Kind) -> Term {
    Term::text(kind::KIND, catalogue.kind_code(code).as_bytes())
}

fn category_terms(catalogue: &Catalogue, set: Categories) -> impl Iterator<Item = Term> {
    catalogue.category_codes(set).map(|code| Term::text(kind::CATEGORY, code.as_bytes()))
}
