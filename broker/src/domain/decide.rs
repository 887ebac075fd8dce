//! The decision: may this message go to this recipient now?
//!
//! Pure, total, deny by default. It runs when a message is submitted and again at every hand-out, on
//! the state of that instant; nothing is cached.
//!
//! A message is covered if *one* grant of one consent of its participant, neither revoked nor suspended
//! nor outside its interval, names the sending agency, the recipient, the purpose and *all* categories
//! of the label. Grants are not added together: the participant saw each of them as one sentence.
//!
//! INVARIANT (default-deny): every hand-out is covered by a consent at its instant; the consents of
//! other participants never matter. Only [`decide`] makes a [`Permit`]:
//!
//! ```compile_fail
//! use schleuse_broker::domain::Permit;
//! let forged = Permit { consent: todo!(), revision: 1, grant_index: 0 };
//! ```

use schleuse_proto::evidence::Digest;

use super::catalogue::{Categories, Purpose};
use super::consent::{Consent, Grant};
use super::ids::{ConsentId, TimeMs};
use super::names::{AddressIx, AgencyIx};

/// What is asked. Parties that no consent and no directory entry ever named have no number.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Agency that sends.
    pub sender: Option<AgencyIx>,
    /// Who is to receive.
    pub recipient: Option<AddressIx>,
    /// For what.
    pub purpose: Purpose,
    /// Which data.
    pub categories: Categories,
}

/// That a consent covers a message at an instant, and which one. Made by [`decide`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    consent: ConsentId,
    revision: u32,
    grant_index: u32,
    document_hash: Digest,
}

impl DenyReason {
    /// Whether the message may be covered again without a new consent: then it waits.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Suspended | Self::Restricted)
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
    /// Covered, but the processing of the participant's data is restricted.
    Restricted,
    /// Covered, but the sender asked for all or none and another message is not.
    NotAllCovered,
}

/// Decides one message against all consents of its participant.
///
/// # Errors
/// Why it is not covered.
pub fn decide<'a>(
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
                None if consent.suspended => DenyReason::Suspended,
                None => {
                    let Consent { id, revision, hash, .. } = *consent;
                    let permit = Permit { consent: id, revision, grant_index, document_hash: hash };
                    return Ok(permit);
                }
            };
            reason = reason.max(found);
        }
        if consent.former.iter().any(|grant| matches(grant, question)) {
            reason = reason.max(DenyReason::Superseded);
        }
    }
    Err(reason)
}

/// The next instant at which the decision may change by time alone: a matching grant begins or ends.
pub(super) fn next_change<'a>(
    consents: impl Iterator<Item = &'a Consent>,
    question: &Question,
    now: TimeMs,
) -> Option<TimeMs> {
    let grants = consents.filter(|consent| consent.revoked.is_none()).flat_map(|c| &*c.grants);
    let bounds = grants
        .filter(|grant| matches(grant, question))
        .flat_map(|grant| [grant.not_before, grant.not_after]);
    bounds.filter(|instant| *instant > now).min()
}

fn matches(grant: &Grant, question: &Question) -> bool {
    question.recipient == Some(grant.recipient)
        && question.purpose == grant.purpose
        && grant.categories.contains(question.categories)
        && question.sender.is_some_and(|sender| grant.senders().contains(&sender))
}
