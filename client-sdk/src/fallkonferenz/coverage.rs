//! Who may receive what: the question, and where its answer comes from.

use std::collections::BTreeSet;
use std::future::Future;

use schleuse_proto::v1;

use crate::error::ClientError;
use crate::ids::Address;
use crate::lotse::ConsentRecord;

/// Whether a message of the convener's would pass now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// Who would receive it.
    pub recipient: Address,
    /// Purpose code of the catalogue.
    pub purpose: String,
    /// All category codes of its label.
    pub categories: BTreeSet<String>,
}

/// Knows what would pass. An agency asks the broker, a Lotse looks at the consents.
pub trait Coverage {
    /// One answer for each question, in their order.
    ///
    /// # Errors
    /// The answers cannot be had; then nothing is covered.
    fn covered(
        &self,
        questions: &[Question],
    ) -> impl Future<Output = Result<Vec<bool>, ClientError>> + Send;
}

/// Asks nobody: everything is tried, and the broker refuses what no consent covers. The refusals are in its log;
/// nobody but the sender learns of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt;

impl Coverage for Attempt {
    async fn covered(&self, questions: &[Question]) -> Result<Vec<bool>, ClientError> {
        Ok(vec![true; questions.len()])
    }
}

/// Consents of one participant as the Lotse may read them, looked at for one sender at one instant.
///
/// INVARIANT (default-deny), from the sender's side: the rule is the broker's `decide`. Grants are not added
/// together: the participant saw each of them as one sentence.
#[derive(Clone, Debug)]
pub struct ConsentList {
    /// Agency that would send.
    pub sender: String,
    /// The instant.
    pub now_ms: i64,
    /// From [`Client::list_consents`](crate::Client::list_consents).
    pub consents: Vec<ConsentRecord>,
}

impl ConsentList {
    /// Whether one grant of one consent in force names everything that is asked.
    #[must_use]
    pub fn covers(&self, question: &Question) -> bool {
        let in_force = |consent: &&ConsentRecord| {
            // The list's word on the state may be older than the instant, so that only what forbids counts;
            // whether a grant has begun or ended is asked of the grant.
            let forbids = match consent.state {
                v1::ConsentState::Revoked
                | v1::ConsentState::Suspended
                | v1::ConsentState::Unspecified => true,
                v1::ConsentState::Active | v1::ConsentState::NotYet | v1::ConsentState::Expired => {
                    false
                }
            };
            !forbids && !consent.restricted && consent.revoked_at_ms.is_none()
        };
        let mut grants =
            self.consents.iter().filter(in_force).flat_map(|consent| &consent.document.grants);
        grants.any(|grant| {
            grant.senders.contains(&self.sender)
                && grant.recipient.as_ref() == Some(&question.recipient.to_wire())
                && grant.purpose == question.purpose
                && question.categories.iter().all(|code| grant.categories.contains(code))
                && grant.not_before_ms <= self.now_ms
                && self.now_ms < grant.not_after_ms
        })
    }
}

impl Coverage for ConsentList {
    async fn covered(&self, questions: &[Question]) -> Result<Vec<bool>, ClientError> {
        Ok(questions.iter().map(|question| self.covers(question)).collect())
    }
}
