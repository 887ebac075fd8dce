//! The decision: may this message go to this recipient now?
//!
//! Pure, total, deny by default. It runs when a message is submitted and again at every hand-out, on
//! the state of that instant; nothing is cached.
//!
//! A message is covered if *one* grant of one consent of its participant, neither revoked nor suspended
//! nor outside its interval, names the sending agency, the recipient, the purpose and *all* categories
//! of the label. Grants are not added together: the participant saw each of them as one sentence.
//! What its label names as a professional secret needs a release besides. An objection that the message meets, and
//! the end of the participation, beat every consent; see [`super::safeguards`].
//!
//! INVARIANT (default-deny): every hand-out is covered by a consent at its instant; the consents of
//! other participants never matter. Only [`decide`] makes a [`Permit`]:
//!
//! ```compile_fail
//! use schleuse_broker::domain::Permit;
//! let forged = Permit { consent: todo!(), revision: 1, grant_index: 0, release: None };
//! ```

use schleuse_proto::evidence::Digest;

use super::catalogue::{Categories, Purpose};
use super::consent::{Consent, Grant, Suspension};
use super::ids::{ConsentId, TimeMs};
use super::names::{AddressIx, AgencyIx};
use super::safeguards::Safeguards;

/// What is asked. Parties that no consent and no directory entry ever named have no number.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Agency that sends.
    pub sender: Option<AgencyIx>,
    /// The function there that sends.
    pub sender_address: Option<AddressIx>,
    /// Who is to receive.
    pub recipient: Option<AddressIx>,
    /// Its agency.
    pub recipient_agency: Option<AgencyIx>,
    /// For what.
    pub purpose: Purpose,
    /// Which data.
    pub categories: Categories,
    /// Whether the content is named as a professional secret.
    pub professional_secret: bool,
}

/// That a consent covers a message at an instant, and which one. Made by [`decide`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    consent: ConsentId,
    revision: u32,
    grant_index: u32,
    document_hash: Digest,
    release: Option<Digest>,
}

impl DenyReason {
    /// Whether the message may be covered again without a new consent: then it waits.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Suspended | Self::ReviewMissed | Self::Restricted)
    }
}

impl Permit {
    /// The consent.
    #[must_use]
    pub fn consent(&self) -> ConsentId {
        self.consent
    }

    /// Its revision.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Index of the grant in that revision.
    #[must_use]
    pub fn grant_index(&self) -> u32 {
        self.grant_index
    }

    /// SHA-256 of the revision's document.
    #[must_use]
    pub fn document_hash(&self) -> Digest {
        self.document_hash
    }

    /// SHA-256 of the release that covers a professional secret.
    #[must_use]
    pub fn release(&self) -> Option<Digest> {
        self.release
    }
}

/// Why a message is not covered: for the log, the Lotse and the DPO; senders never learn it.
/// Ordered from the least to the most telling; the most telling one is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenyReason {
    /// About nobody, and sender or recipient is not in the directory.
    NotInDirectory,
    /// The reference means no participant.
    UnknownParticipant,
    /// No consent ever matched.
    NoConsent,
    /// A former revision matched.
    Superseded,
    /// A matching grant has ended.
    Expired,
    /// A matching grant has not begun.
    NotYet,
    /// A matching grant was revoked.
    Revoked,
    /// A matching grant is of a suspended consent.
    Suspended,
    /// A matching grant is of a consent whose review was missed.
    ReviewMissed,
    /// Covered, but the processing of the participant's data is restricted.
    Restricted,
    /// A grant matches, but no release covers a professional secret.
    SecrecyReleaseMissing,
    /// The participant objects, whatever the consents say.
    Objected,
    /// The participation has ended.
    Ended,
    /// Covered, but the sender asked for all or none and another message is not.
    NotAllCovered,
}

/// Decides one message against all consents and safeguards of its participant.
///
/// # Errors
/// Why it is not covered.
pub fn decide<'a>(
    consents: impl Iterator<Item = &'a Consent>,
    safeguards: &Safeguards,
    question: &Question,
    now: TimeMs,
) -> Result<Permit, DenyReason> {
    let granted = granted(consents, question, now);
    if safeguards.ended.is_some() {
        return Err(DenyReason::Ended);
    }
    if safeguards.object_to(question, now) {
        return Err(DenyReason::Objected);
    }
    // Without a release nothing waits for a consent to be confirmed, either.
    let granted_or_held = granted.is_ok() || granted.is_err_and(DenyReason::may_pass);
    let mut release = None;
    if question.professional_secret && granted_or_held {
        release = safeguards.release_for(question, now);
        release.ok_or(DenyReason::SecrecyReleaseMissing)?;
    }
    match granted {
        Ok(_) if safeguards.restricted => Err(DenyReason::Restricted),
        granted => granted.map(|permit| Permit { release, ..permit }),
    }
}

/// Whether a grant covers a message.
fn granted<'a>(
    consents: impl Iterator<Item = &'a Consent>,
    question: &Question,
    now: TimeMs,
) -> Result<Permit, DenyReason> {
    let mut reason = DenyReason::NoConsent;
    for consent in consents {
        for (grant, grant_index) in consent.grants.iter().zip(0..) {
            if !matches(grant, question) {
                continue;
            }
            let found = match consent.revoked {
                Some(_) => DenyReason::Revoked,
                None if now < grant.not_before => DenyReason::NotYet,
                None if now >= grant.not_after => DenyReason::Expired,
                None => match consent.suspended {
                    Some(Suspension::RecordsLost) => DenyReason::Suspended,
                    Some(Suspension::ReviewMissed) => DenyReason::ReviewMissed,
                    None => {
                        let Consent { id, revision, hash, .. } = *consent;
                        let (consent, document_hash) = (id, hash);
                        let release = None;
                        return Ok(Permit {
                            consent,
                            revision,
                            grant_index,
                            document_hash,
                            release,
                        });
                    }
                },
            };
            reason = reason.max(found);
        }
        if consent.former.iter().any(|grant| matches(grant, question)) {
            reason = reason.max(DenyReason::Superseded);
        }
    }
    Err(reason)
}

/// The next instant at which the decision may change by time alone: a matching grant or release begins or ends.
pub(super) fn next_change<'a>(
    consents: impl Iterator<Item = &'a Consent>,
    safeguards: &Safeguards,
    question: &Question,
    now: TimeMs,
) -> Option<TimeMs> {
    let grants = consents.filter(|consent| consent.revoked.is_none()).flat_map(|c| &*c.grants);
    let bounds = grants
        .filter(|grant| matches(grant, question))
        .flat_map(|grant| [grant.not_before, grant.not_after]);
    let bounds = bounds.chain(safeguards.release_bounds(question));
    bounds.filter(|instant| *instant > now).min()
}

fn matches(grant: &Grant, question: &Question) -> bool {
    question.recipient == Some(grant.recipient)
        && question.purpose == grant.purpose
        && grant.categories.contains(question.categories)
        && question.sender.is_some_and(|sender| grant.senders().contains(&sender))
}
