//! Safeguards: what stands beside the consents of a participant. A release from professional secrecy is needed
//! besides a consent; an objection and the end of participation beat every consent.
//!
//! Owns what such documents must be to count, and what of them the decision needs. A participant without any pays
//! for two empty lists.
//!
//! Source: § 203 StGB; GDPR Art. 7(3), 18, 21.

use schleuse_proto::evidence::{self, Digest};

use super::catalogue::{Categories, Purpose};
use super::consent::{GRANT_MONTHS_MAX, months_later};
use super::decide::Question;
use super::ids::{Address, AgencyId, ObjectionId, RecordNumber, Reference, ReleaseId, TimeMs};
use super::names::{AddressIx, AgencyIx, Names, Numbers};
use super::refusal::Refusal;

/// Most releases that one participant can have, revoked ones included.
pub const RELEASES_MAX: usize = 256;
/// Most objections that one participant can have, ended ones included.
pub const OBJECTIONS_MAX: usize = 256;
/// How far the clock of a Lotse who signs may be ahead.
pub const SIGNING_AHEAD_MS_MAX: TimeMs = 5 * 60 * 1000;

/// Something that a Lotse does beside the consents, parsed from the document that it signed.
#[derive(Clone, Debug)]
pub enum SafeguardAct {
    /// Releases a holder of professional secrets.
    Release(Box<ReleaseDocument>),
    /// Revokes a release.
    ReleaseRevocation {
        /// Which.
        release: ReleaseId,
        /// Hash of its document.
        release_hash: Digest,
    },
    /// Records an objection.
    Objection(Box<ObjectionDocument>),
    /// Ends an objection.
    ObjectionWithdrawal {
        /// Which.
        objection: ObjectionId,
        /// Hash of its document.
        objection_hash: Digest,
    },
    /// Ends the participation.
    ParticipationEnd {
        /// The Lotse's reference of the participant.
        participant: Reference,
    },
}

impl SafeguardAct {
    /// Which document it is.
    #[must_use]
    pub fn document(&self) -> evidence::SafeguardDocument {
        match self {
            Self::Release(_) => evidence::SafeguardDocument::Release,
            Self::ReleaseRevocation { .. } => evidence::SafeguardDocument::ReleaseRevocation,
            Self::Objection(_) => evidence::SafeguardDocument::Objection,
            Self::ObjectionWithdrawal { .. } => evidence::SafeguardDocument::ObjectionWithdrawal,
            Self::ParticipationEnd { .. } => evidence::SafeguardDocument::ParticipationEnd,
        }
    }

    /// Whether more may pass afterwards than before.
    #[must_use]
    pub fn enlarges(&self) -> bool {
        match self {
            Self::Release(_) | Self::ObjectionWithdrawal { .. } => true,
            Self::ReleaseRevocation { .. } | Self::Objection(_) | Self::ParticipationEnd { .. } => {
                false
            }
        }
    }
}

/// A release from professional secrecy, parsed.
#[derive(Clone, Debug)]
pub struct ReleaseDocument {
    /// Identifier.
    pub release_id: ReleaseId,
    /// The Lotse's reference of the participant.
    pub participant: Reference,
    /// Who is released.
    pub holder: Address,
    /// Towards whom.
    pub addressee: Address,
    /// Which data, not empty.
    pub categories: Categories,
    /// For what, not empty.
    pub purposes: Vec<Purpose>,
    /// First instant.
    pub not_before: TimeMs,
    /// First instant after.
    pub not_after: TimeMs,
    /// When the Lotse signed.
    pub signed_at: TimeMs,
    /// SHA-256 of the document bytes.
    pub hash: Digest,
}

impl ReleaseDocument {
    /// Checks the rules that need no state.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn check(&self, now: TimeMs) -> Result<(), Refusal> {
        check_signing(self.signed_at, now)?;
        if self.not_after <= self.not_before {
            return Err(Refusal::InvalidField {
                field: "not_after_ms",
                expected: "an instant after not_before_ms",
            });
        }
        let longest = months_later(self.not_before, GRANT_MONTHS_MAX);
        if longest.is_none_or(|longest| self.not_after > longest) {
            return Err(Refusal::TooLong { max_months: GRANT_MONTHS_MAX });
        }
        Ok(())
    }

    /// Agencies that it names.
    #[must_use]
    pub fn agencies(&self) -> Vec<AgencyId> {
        vec![self.holder.agency.clone(), self.addressee.agency.clone()]
    }
}

/// An objection, parsed. Of what is named, everything must be met; what is empty is met by all.
#[derive(Clone, Debug)]
pub struct ObjectionDocument {
    /// Identifier.
    pub objection_id: ObjectionId,
    /// The Lotse's reference of the participant.
    pub participant: Reference,
    /// Who is to receive nothing.
    pub recipients: Vec<Address>,
    /// Agencies that are neither to receive nor to send.
    pub agencies: Vec<AgencyId>,
    /// For what.
    pub purposes: Vec<Purpose>,
    /// Which data.
    pub categories: Categories,
    /// First instant after, if it ends by itself.
    pub until: Option<TimeMs>,
    /// When the Lotse signed.
    pub signed_at: TimeMs,
    /// SHA-256 of the document bytes.
    pub hash: Digest,
}

impl ObjectionDocument {
    /// Checks the rules that need no state.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn check(&self, now: TimeMs) -> Result<(), Refusal> {
        check_signing(self.signed_at, now)?;
        if self.until.is_some_and(|until| until <= now) {
            return Err(Refusal::InvalidField {
                field: "until_ms",
                expected: "an instant to come, or 0 for an objection that does not end by itself",
            });
        }
        Ok(())
    }

    /// Whether whoever objects is not to be counted by the evaluation: the objection is to everything, or names
    /// that purpose, towards whomever and with whichever data.
    #[must_use]
    pub fn is_to_counting(&self, evaluation: Option<Purpose>) -> bool {
        let everything = self.recipients.is_empty()
            && self.agencies.is_empty()
            && self.purposes.is_empty()
            && self.categories.is_empty();
        everything || evaluation.is_some_and(|purpose| self.purposes.contains(&purpose))
    }

    /// All agencies that it names.
    #[must_use]
    pub fn all_agencies(&self) -> Vec<AgencyId> {
        let recipients = self.recipients.iter().map(|recipient| &recipient.agency);
        self.agencies.iter().chain(recipients).cloned().collect()
    }
}

/// A document cannot be of tomorrow: what is counted from its signature would end too late.
pub(super) fn check_signing(signed_at: TimeMs, now: TimeMs) -> Result<(), Refusal> {
    if signed_at > now.saturating_add(SIGNING_AHEAD_MS_MAX) {
        return Err(Refusal::TimeOutOfRange { field: "signed_at_ms" });
    }
    Ok(())
}

/// State of a release or objection at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeguardState {
    /// It holds.
    Active,
    /// It does not hold yet.
    NotYet,
    /// Its time is over.
    Expired,
    /// It was revoked or withdrawn.
    Ended,
}

/// A release as the decision reads it.
#[derive(Clone, Debug)]
pub struct Release {
    pub(super) id: ReleaseId,
    pub(super) holder: AddressIx,
    pub(super) addressee: AddressIx,
    purposes: Box<[Purpose]>,
    categories: Categories,
    not_before: TimeMs,
    not_after: TimeMs,
    pub(super) hash: Digest,
    pub(super) record: RecordNumber,
    pub(super) revoked: Option<(TimeMs, RecordNumber)>,
}

impl Release {
    /// First instant at which it holds no longer by time alone.
    pub(super) fn end(&self) -> TimeMs {
        self.not_after
    }

    pub(super) fn new(document: &ReleaseDocument, record: RecordNumber, names: &mut Names) -> Self {
        Self {
            id: document.release_id,
            holder: names.address(&document.holder),
            addressee: names.address(&document.addressee),
            purposes: document.purposes.clone().into(),
            categories: document.categories,
            not_before: document.not_before,
            not_after: document.not_after,
            hash: document.hash,
            record,
            revoked: None,
        }
    }

    /// State at an instant.
    #[must_use]
    pub fn state_at(&self, now: TimeMs) -> SafeguardState {
        if self.revoked.is_some() {
            SafeguardState::Ended
        } else if now < self.not_before {
            SafeguardState::NotYet
        } else if now >= self.not_after {
            SafeguardState::Expired
        } else {
            SafeguardState::Active
        }
    }

    /// Whether it names what is asked, whenever it holds.
    fn matches(&self, question: &Question) -> bool {
        question.sender_address == Some(self.holder)
            && question.recipient == Some(self.addressee)
            && self.purposes.contains(&question.purpose)
            && self.categories.contains(question.categories)
    }
}

/// An objection as the decision reads it.
#[derive(Clone, Debug)]
pub struct Objection {
    pub(super) id: ObjectionId,
    recipients: Box<[AddressIx]>,
    agencies: Box<[AgencyIx]>,
    purposes: Box<[Purpose]>,
    categories: Categories,
    until: Option<TimeMs>,
    pub(super) hash: Digest,
    pub(super) record: RecordNumber,
    pub(super) withdrawn: Option<(TimeMs, RecordNumber)>,
}

impl Objection {
    pub(super) fn new(
        document: &ObjectionDocument,
        record: RecordNumber,
        names: &mut impl Numbers,
    ) -> Self {
        Self {
            id: document.objection_id,
            recipients: document.recipients.iter().map(|to| names.address(to)).collect(),
            agencies: document.agencies.iter().map(|agency| names.agency(agency)).collect(),
            purposes: document.purposes.clone().into(),
            categories: document.categories,
            until: document.until,
            hash: document.hash,
            record,
            withdrawn: None,
        }
    }

    /// State at an instant.
    #[must_use]
    pub fn state_at(&self, now: TimeMs) -> SafeguardState {
        if self.withdrawn.is_some() {
            SafeguardState::Ended
        } else if self.until.is_some_and(|until| now >= until) {
            SafeguardState::Expired
        } else {
            SafeguardState::Active
        }
    }

    /// Whether it is met by what is asked, while it holds.
    fn meets(&self, question: &Question) -> bool {
        let of = |agency: Option<AgencyIx>| agency.is_some_and(|a| self.agencies.contains(&a));
        let to = |to: Option<AddressIx>| to.is_some_and(|to| self.recipients.contains(&to));
        let parties = (self.recipients.is_empty() && self.agencies.is_empty())
            || to(question.recipient)
            || of(question.recipient_agency)
            || of(question.sender);
        parties
            && (self.purposes.is_empty() || self.purposes.contains(&question.purpose))
            && (self.categories.is_empty()
                || !self.categories.intersection(question.categories).is_empty())
    }
}

/// What decides about a participant beside the consents.
#[derive(Clone, Debug, Default)]
pub struct Safeguards {
    /// Processing is restricted: nothing passes, nothing is erased.
    pub(super) restricted: bool,
    /// The participation ended: when, and its record.
    pub(super) ended: Option<(TimeMs, RecordNumber)>,
    pub(super) objections: Vec<Objection>,
    pub(super) releases: Vec<Release>,
}

impl Safeguards {
    /// Of nobody.
    pub(super) const NONE: &Self =
        &Self { restricted: false, ended: None, objections: Vec::new(), releases: Vec::new() };

    /// Whether an objection is met.
    pub(super) fn object_to(&self, question: &Question, now: TimeMs) -> bool {
        self.objections.iter().any(|objection| {
            objection.state_at(now) == SafeguardState::Active && objection.meets(question)
        })
    }

    /// The first release that covers a professional secret.
    pub(super) fn release_for(&self, question: &Question, now: TimeMs) -> Option<Digest> {
        let mut releases = self.releases.iter();
        let covering = releases.find(|release| {
            release.state_at(now) == SafeguardState::Active && release.matches(question)
        });
        covering.map(|release| release.hash)
    }

    /// Instants at which a release for what is asked begins or ends.
    pub(super) fn release_bounds(&self, question: &Question) -> impl Iterator<Item = TimeMs> {
        let releases = self.releases.iter().filter(|_| question.professional_secret);
        let matching = releases.filter(|it| it.revoked.is_none() && it.matches(question));
        matching.flat_map(|release| [release.not_before, release.not_after])
    }
}
