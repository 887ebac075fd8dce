//! Consents: what a document must be to count, and what of it the decision needs.
//!
//! Source: GDPR Art. 4(11), 6, 7, 9; § 67b SGB X; DOMAIN rules 1 to 4.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use schleuse_proto::evidence::Digest;

use super::catalogue::{Catalogue, Categories, Purpose};
use super::ids::{Address, AgencyId, ConsentId, RecordNumber, Reference, TimeMs};
use super::names::{AddressIx, AgencyIx, Names, Numbers};
use super::refusal::Refusal;
use super::safeguards::check_signing;

/// Longest duration of a grant in calendar months.
pub const GRANT_MONTHS_MAX: u32 = 24;
/// Most grants of one consent.
pub const GRANTS_MAX: usize = 64;
/// Most senders of one grant.
pub const SENDERS_MAX: usize = 16;

/// How reviews are kept.
#[derive(Clone, Copy, Debug)]
pub struct ReviewRules {
    /// Whether a consent is suspended when its review was missed.
    pub suspend_missed: bool,
    /// How long after the day of the review that happens.
    pub grace_ms: TimeMs,
    /// Latest review after the signature, in calendar months.
    pub months_max: u32,
}

impl Default for ReviewRules {
    fn default() -> Self {
        Self { suspend_missed: true, grace_ms: 14 * 24 * 3600 * 1000, months_max: 6 }
    }
}

impl ReviewRules {
    /// Checks that a review is not too late.
    ///
    /// # Errors
    /// It is, or it is not after the signature.
    pub fn check(
        &self,
        field: &'static str,
        signed_at: TimeMs,
        review_by: TimeMs,
    ) -> Result<(), Refusal> {
        if review_by <= signed_at {
            return Err(Refusal::InvalidField { field, expected: "an instant after signed_at_ms" });
        }
        let latest = months_later(signed_at, self.months_max);
        if latest.is_none_or(|latest| review_by > latest) {
            return Err(Refusal::ReviewTooLate { field, max_months: self.months_max });
        }
        Ok(())
    }

    /// When a consent is suspended whose review was to be by some instant; none: never.
    #[must_use]
    pub fn suspends_at(&self, review_by: TimeMs) -> Option<TimeMs> {
        self.suspend_missed.then(|| review_by.saturating_add(self.grace_ms))
    }
}

/// Whoever gave a consent for the participant, as the document names them.
#[derive(Clone, Debug)]
pub struct Representation {
    /// Whether the document says what makes them a representative; older ones do not.
    pub has_kind: bool,
    /// Which data they may consent to.
    pub categories: Categories,
    /// For what.
    pub purposes: Vec<Purpose>,
    /// First instant after, if the representation ends.
    pub until: Option<TimeMs>,
}

impl Representation {
    fn check(&self, grants: &[GrantTerms]) -> Result<(), Refusal> {
        if !self.has_kind {
            return Err(Refusal::InvalidField {
                field: "given_by.kind",
                expected: "PARENT_OR_GUARDIAN, BETREUER or POWER_OF_ATTORNEY",
            });
        }
        let exceeded = |field| Err(Refusal::RepresentationExceeded { field });
        for grant in grants {
            if !self.purposes.contains(&grant.purpose) {
                return exceeded("grants.purpose");
            }
            if !self.categories.contains(grant.categories) {
                return exceeded("grants.categories");
            }
            if self.until.is_some_and(|until| grant.not_after > until) {
                return exceeded("grants.not_after_ms");
            }
        }
        Ok(())
    }
}

/// A consent document, parsed: codes are of the catalogue, identifiers well-formed.
#[derive(Clone, Debug)]
pub struct ConsentDocument {
    /// Identifier, the same in all revisions.
    pub consent_id: ConsentId,
    /// The Lotse's reference of the participant.
    pub participant: Reference,
    /// From 1.
    pub revision: u32,
    /// Hash of the previous document; none in revision 1.
    pub previous_hash: Option<Digest>,
    /// What is allowed.
    pub grants: Vec<GrantTerms>,
    /// Number of evidence hashes.
    pub evidence_count: usize,
    /// Who gave it, if not the participant in person.
    pub representation: Option<Representation>,
    /// When it is to be reviewed.
    pub review_by: TimeMs,
    /// When the Lotse signed.
    pub signed_at: TimeMs,
    /// SHA-256 of the document bytes.
    pub hash: Digest,
}

/// One grant of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    /// Who may send.
    pub senders: Vec<AgencyId>,
    /// Who may receive.
    pub recipient: Address,
    /// For what.
    pub purpose: Purpose,
    /// Which data.
    pub categories: Categories,
    /// First instant.
    pub not_before: TimeMs,
    /// First instant after.
    pub not_after: TimeMs,
}

impl ConsentDocument {
    /// Checks the rules that need no state: bounds, durations, evidence.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn check(
        &self,
        catalogue: &Catalogue,
        reviews: &ReviewRules,
        now: TimeMs,
    ) -> Result<(), Refusal> {
        if self.grants.is_empty() {
            return Err(Refusal::TooBroad { field: "grants" });
        }
        if self.grants.len() > GRANTS_MAX {
            return Err(Refusal::InvalidField { field: "grants", expected: "1 to 64 grants" });
        }
        if (self.revision == 1) != self.previous_hash.is_none() || self.revision == 0 {
            return Err(Refusal::InvalidField {
                field: "previous_hash",
                expected: "empty in revision 1, otherwise the hash of the revision before",
            });
        }
        for grant in &self.grants {
            grant.check()?;
            if catalogue.is_without_participant(grant.purpose) {
                return Err(Refusal::InvalidField {
                    field: "grants.purpose",
                    expected: "a purpose about a participant: this one needs no consent",
                });
            }
            let health = grant.categories.intersection(catalogue.health());
            if self.evidence_count == 0
                && let Some(category) = catalogue.category_codes(health).next()
            {
                return Err(Refusal::EvidenceMissing { category: category.to_owned() });
            }
        }
        if let Some(representation) = &self.representation {
            representation.check(&self.grants)?;
        }
        check_signing(self.signed_at, now)?;
        reviews.check("review_by_ms", self.signed_at, self.review_by)
    }
}

impl ConsentDocument {
    /// All agencies that the grants name, sorted, each once.
    #[must_use]
    pub fn agencies(&self) -> Vec<AgencyId> {
        let mut agencies: Vec<AgencyId> = self
            .grants
            .iter()
            .flat_map(|grant| grant.senders.iter().chain([&grant.recipient.agency]))
            .cloned()
            .collect();
        agencies.sort_unstable();
        agencies.dedup();
        agencies
    }
}

impl GrantTerms {
    fn check(&self) -> Result<(), Refusal> {
        if self.senders.is_empty() {
            return Err(Refusal::TooBroad { field: "senders" });
        }
        if self.senders.len() > SENDERS_MAX {
            return Err(Refusal::InvalidField { field: "senders", expected: "1 to 16 agencies" });
        }
        if self.categories.is_empty() {
            return Err(Refusal::TooBroad { field: "categories" });
        }
        if self.not_after <= self.not_before {
            return Err(Refusal::InvalidField {
                field: "grants.not_after_ms",
                expected: "an instant after not_before_ms",
            });
        }
        if longest_end(self.not_before).is_none_or(|longest| self.not_after > longest) {
            return Err(Refusal::TooLong { max_months: GRANT_MONTHS_MAX });
        }
        Ok(())
    }
}

/// Latest end of a grant that begins at this instant: 24 calendar months later, in UTC.
#[must_use]
pub fn longest_end(not_before: TimeMs) -> Option<TimeMs> {
    months_later(not_before, GRANT_MONTHS_MAX)
}

/// An instant so many calendar months later, in UTC.
#[must_use]
pub fn months_later(instant: TimeMs, months: u32) -> Option<TimeMs> {
    let begin = Timestamp::from_millisecond(i64::try_from(instant).ok()?).ok()?;
    let end = begin.to_zoned(TimeZone::UTC).checked_add(i64::from(months).months()).ok()?;
    TimeMs::try_from(end.timestamp().as_millisecond()).ok()
}

/// A grant as the decision reads it.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    senders: Box<[AgencyIx]>,
    pub(super) recipient: AddressIx,
    pub(super) purpose: Purpose,
    pub(super) categories: Categories,
    pub(super) not_before: TimeMs,
    pub(super) not_after: TimeMs,
}

impl Grant {
    pub(super) fn new(terms: &GrantTerms, names: &mut impl Numbers) -> Self {
        Self {
            senders: terms.senders.iter().map(|sender| names.agency(sender)).collect(),
            recipient: names.address(&terms.recipient),
            purpose: terms.purpose,
            categories: terms.categories,
            not_before: terms.not_before,
            not_after: terms.not_after,
        }
    }

    pub(super) fn senders(&self) -> &[AgencyIx] {
        &self.senders
    }

    /// Whether it is what a document's grant says.
    pub(super) fn is(&self, terms: &GrantTerms, names: &Names) -> bool {
        let senders = terms.senders.iter().map(|sender| names.known_agency(sender));
        names.known_address(&terms.recipient) == Some(self.recipient)
            && senders.eq(self.senders.iter().copied().map(Some))
            && terms.purpose == self.purpose
            && terms.categories == self.categories
            && terms.not_before == self.not_before
            && terms.not_after == self.not_after
    }
}

/// A consent in force, or no longer.
#[derive(Clone, Debug)]
pub struct Consent {
    pub(super) id: ConsentId,
    pub(super) revision: u32,
    pub(super) hash: Digest,
    pub(super) grants: Box<[Grant]>,
    /// Grants of the revision before, to tell the Lotse and the DPO why a message is not covered.
    pub(super) former: Box<[Grant]>,
    pub(super) record: RecordNumber,
    pub(super) revoked: Option<(TimeMs, RecordNumber)>,
    /// It is not known whether it still holds: nothing passes under it until the Lotse confirms it.
    pub(super) suspended: Option<Suspension>,
    /// When it is to be reviewed next.
    pub(super) review_by: TimeMs,
    /// Agencies that the document names, sorted: theirs are the log entries about it.
    pub(super) agencies: Box<[AgencyIx]>,
}

/// Why it is not known whether a consent still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// The log had lost records.
    RecordsLost,
    /// Its review was missed.
    ReviewMissed,
}

/// State of a consent, for the Lotse and the DPO only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentState {
    /// At least one grant holds.
    Active,
    /// No grant holds yet.
    NotYet,
    /// All grants have ended.
    Expired,
    /// Revoked.
    Revoked,
    /// Suspended until the Lotse confirms it.
    Suspended,
}

impl Consent {
    /// Whether something may pass under it at an instant or later.
    pub(super) fn may_hold(&self, now: TimeMs) -> bool {
        self.revoked.is_none() && self.grants.iter().any(|grant| now < grant.not_after)
    }

    /// End of the last grant.
    pub(super) fn end(&self) -> TimeMs {
        self.grants.iter().map(|grant| grant.not_after).max().unwrap_or_default()
    }

    /// State at an instant.
    #[must_use]
    pub fn state_at(&self, now: TimeMs) -> ConsentState {
        if self.revoked.is_some() {
            ConsentState::Revoked
        } else if self.suspended.is_some() && self.grants.iter().any(|g| now < g.not_after) {
            ConsentState::Suspended
        } else if self.grants.iter().any(|g| g.not_before <= now && now < g.not_after) {
            ConsentState::Active
        } else if self.grants.iter().any(|g| now < g.not_before) {
            ConsentState::NotYet
        } else {
            ConsentState::Expired
        }
    }
}
