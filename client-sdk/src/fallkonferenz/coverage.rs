//! Who may receive what: the question, and where its answer comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use schleuse_proto::v1;

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{Address, ParticipantReference};
use crate::lotse::ConsentRecord;
use crate::planning::PlannedMessage;

/// Whether a message of the convener's would pass now: all of its label that a decision looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The convener's function, which would send it.
    pub sender: Address,
    /// Who would receive it.
    pub recipient: Address,
    /// Purpose code of the catalogue.
    pub purpose: String,
    /// Message kind code of the catalogue.
    pub kind: &'static str,
    /// All category codes of its label.
    pub categories: BTreeSet<String>,
    /// Whether its content is a professional secret (§ 203 StGB).
    pub professional_secret: bool,
}

impl Question {
    fn planned(&self) -> PlannedMessage {
        PlannedMessage {
            sender: self.sender.clone(),
            recipient: self.recipient.clone(),
            purpose: self.purpose.clone(),
            kind: self.kind.to_owned(),
            categories: self.categories.iter().cloned().collect(),
            professional_secret: self.professional_secret,
        }
    }
}

/// Knows what would pass.
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

/// Asks the broker, for an agency as for a Lotse: its decision about a submission, without one. Consents, releases
/// from professional secrecy, objections, restriction, missed reviews and the end of the participation are all in
/// the answer, and it says no more than yes or no.
///
/// Each different question is asked once, and is a record of the log. An agency has a small number of them per minute
/// (`limits.coverage_questions_per_minute`); beyond it each question waits some seconds for its turn.
#[derive(Clone, Copy, Debug)]
pub struct BrokerCoverage<'a> {
    client: &'a Client,
    participant: &'a ParticipantReference,
}

impl<'a> BrokerCoverage<'a> {
    /// About the participant whom this reference of the caller's agency means.
    #[must_use]
    pub fn new(client: &'a Client, participant: &'a ParticipantReference) -> Self {
        Self { client, participant }
    }
}

impl Coverage for BrokerCoverage<'_> {
    async fn covered(&self, questions: &[Question]) -> Result<Vec<bool>, ClientError> {
        let different: BTreeSet<&Question> = questions.iter().collect();
        let asked = different.len();
        let mut answers = BTreeMap::new();
        for question in different {
            let answer = self.client.coverage(self.participant, &question.planned()).await;
            let answer = answer.map_err(|error| error.of_questions(answers.len(), asked))?;
            answers.insert(question, answer.covered);
        }
        let answer_to = |question| answers.get(question).copied().unwrap_or_default();
        Ok(questions.iter().map(answer_to).collect())
    }
}

/// Consents of one participant as the Lotse may read them, looked at for one instant without asking the broker:
/// an estimate for the Lotse's desk.
///
/// It knows the consents and nothing beside them. Releases from professional secrecy, objections and the end of the
/// participation are not in it, so that what it covers may still not pass; what it does not cover does not pass. Who
/// is invited to a conference follows from [`BrokerCoverage`].
///
/// INVARIANT (default-deny), from the sender's side: the rule is that of the grants in the broker's `decide`. Grants
/// are not added together: the participant saw each of them as one sentence.
#[derive(Clone, Debug)]
pub struct ConsentList {
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
            grant.senders.contains(&question.sender.agency)
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
