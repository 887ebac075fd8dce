//! Sending: drafts are sealed to the recipient's verified key, signed, submitted, repeated.
//!
//! One signature covers a batch of up to 1,024 messages through an RFC 9162 tree. Submissions are
//! repeated with the same bytes, so a repetition has one effect (INVARIANT idempotent).

mod sealer;
mod stream;

use std::time::Duration;

use schleuse_proto::GRPC_MESSAGE_BYTES_MAX;
use schleuse_proto::Message as _;
use schleuse_proto::v1;

pub(crate) use sealer::{LabelIds, prepare_as, sign};
pub use sealer::{Prepared, Sealer};
#[cfg(test)]
pub(crate) use sealer::{prepare_one, seal_one};
pub use stream::{StreamOutcome, SubmitReceiver, SubmitSender, SubmitStream};

use crate::client::Client;
use crate::content::{Content, ContentError};
use crate::error::ClientError;
use crate::ids::{Address, MessageId, ParticipantReference, Receipt, ThreadId};
use crate::seal::Suite;
use crate::spot_checks::Claim;

/// Most messages of one unary submission.
const SUBMIT_MESSAGES_MAX: usize = 32;
/// Most bytes of messages in one request; the rest is for the frame around them.
pub(crate) const REQUEST_BYTES_MAX: usize = GRPC_MESSAGE_BYTES_MAX - 1024;
/// Bytes that a message takes in its request beyond its own: field number and length.
pub(crate) const FRAME_BYTES: usize = 8;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Our reference of the participant it is about.
    pub participant_reference: ParticipantReference,
    /// Who gets it.
    pub recipient: Address,
    /// Function of our own agency that sends it.
    pub sender_function: String,
    /// Message kind code of the catalogue, for example `fallkonferenz.request`.
    pub kind: String,
    /// Purpose code of the catalogue.
    pub purpose: String,
    /// Category codes of the catalogue that the content touches; order does not matter.
    pub categories: Vec<String>,
    /// Thread it belongs to; none begins a new one.
    pub thread_id: Option<ThreadId>,
    /// How long it may wait for its recipient; at most 90 days.
    pub expires_in: Duration,
    /// What it says.
    pub content: Content,
    /// Whether it is a professional secret: then a release must cover it beside a consent. Source: § 203 StGB.
    pub professional_secret: bool,
    /// Suite to seal with; none takes the first key that the recipient offers.
    pub suite: Option<Suite>,
}

/// What became of a sent message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// Accepted; it is handed out while a consent covers it.
    Accepted {
        /// The log record of the acceptance.
        receipt: Receipt,
        /// Its id.
        message_id: MessageId,
        /// Its thread.
        thread_id: ThreadId,
    },
    /// Not covered by a consent. Nobody is told whether the participant or a consent exists.
    NotCovered {
        /// The log record of the decision.
        receipt: Receipt,
    },
}

impl SendOutcome {
    /// Whether it was accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// The log record of the decision.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        match self {
            Self::Accepted { receipt, .. } | Self::NotCovered { receipt } => receipt,
        }
    }
}

impl Client {
    /// Seals, signs and submits one message.
    ///
    /// # Errors
    /// The draft cannot be sealed, the broker refuses it as malformed, cannot be reached, or was
    /// rolled back.
    pub async fn send(&self, draft: Draft) -> Result<SendOutcome, ClientError> {
        let outcomes = self.send_all(vec![draft], false).await?;
        outcomes.into_iter().next().ok_or_else(|| ClientError::protocol("an outcome is missing"))
    }

    /// Seals, signs and submits messages; the outcomes are in their order. With `require_all`
    /// either all are accepted or none.
    ///
    /// # Errors
    /// As [`Client::send`]; with `require_all` also if they do not fit one call. Without it, what
    /// was submitted before the error stays submitted.
    pub async fn send_all(
        &self,
        drafts: Vec<Draft>,
        require_all: bool,
    ) -> Result<Vec<SendOutcome>, ClientError> {
        let prepared = self.sealer().prepare_all(drafts).await?;
        self.submit_prepared(prepared, require_all).await
    }

    /// Submits messages that were sealed before.
    ///
    /// # Errors
    /// As [`Client::send_all`].
    pub async fn submit_prepared(
        &self,
        prepared: Vec<Prepared>,
        require_all: bool,
    ) -> Result<Vec<SendOutcome>, ClientError> {
        let chunks = chunks(prepared);
        if require_all && chunks.len() > 1 {
            return Err(ContentError::TooManyTogether {
                messages_max: SUBMIT_MESSAGES_MAX,
                bytes_max: REQUEST_BYTES_MAX,
            }
            .into());
        }
        let mut outcomes = Vec::new();
        for chunk in chunks {
            let decided = self.submit_chunk(chunk, require_all).await?;
            decided.iter().for_each(|one| self.keep_receipt(one.receipt(), Claim::Decided));
            outcomes.extend(decided);
        }
        self.check_log().await?;
        Ok(outcomes)
    }

    async fn submit_chunk(
        &self,
        chunk: Vec<Prepared>,
        require_all: bool,
    ) -> Result<Vec<SendOutcome>, ClientError> {
        let ids: Vec<_> = chunk.iter().map(|one| (one.message_id, one.thread_id)).collect();
        let messages = chunk.into_iter().map(|one| one.message).collect();
        let request = v1::SubmitRequest { messages, require_all };
        let service = self.messages();
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.submit(request).await }
            })
            .await?;
        self.checkpoints().observe(&answer.checkpoint)?;
        if answer.outcomes.len() != ids.len() {
            return Err(ClientError::protocol("other outcomes than messages"));
        }
        let outcomes = answer.outcomes.iter().zip(ids);
        outcomes.map(|(outcome, ids)| send_outcome(outcome, ids)).collect()
    }
}

fn send_outcome(
    outcome: &v1::SubmitOutcome,
    (message_id, thread_id): (MessageId, ThreadId),
) -> Result<SendOutcome, ClientError> {
    let receipt = || Receipt::from_wire(outcome.receipt.as_ref());
    match outcome.result() {
        v1::SubmitResult::Accepted => {
            Ok(SendOutcome::Accepted { receipt: receipt()?, message_id, thread_id })
        }
        v1::SubmitResult::NotCovered => Ok(SendOutcome::NotCovered { receipt: receipt()? }),
        v1::SubmitResult::Rejected | v1::SubmitResult::Unspecified => {
            Err(ClientError::protocol("an outcome that a unary submission cannot have"))
        }
    }
}

/// Parts that fit one unary submission each.
fn chunks(prepared: Vec<Prepared>) -> Vec<Vec<Prepared>> {
    let mut chunks: Vec<Vec<Prepared>> = Vec::new();
    let mut room = 0;
    for one in prepared {
        let bytes = one.message.encoded_len().saturating_add(FRAME_BYTES);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < SUBMIT_MESSAGES_MAX && bytes <= room => {
                room -= bytes;
                chunk.push(one);
            }
            _ => {
                room = REQUEST_BYTES_MAX.saturating_sub(bytes);
                chunks.push(vec![one]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn prepared(bytes: usize) -> Prepared {
        let sealed =
            v1::SealedMessage { ciphertext: Bytes::from(vec![0; bytes]), ..Default::default() };
        Prepared {
            message: v1::OutgoingMessage { sealed: Some(sealed), ..Default::default() },
            message_id: MessageId::generate().unwrap(),
            thread_id: ThreadId::generate().unwrap(),
        }
    }

    #[test]
    fn submissions_are_cut_by_number_and_by_bytes() {
        let sizes = |all: Vec<Prepared>| chunks(all).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..70).map(|_| prepared(10)).collect()), [32, 32, 6]);
        assert_eq!(sizes((0..5).map(|_| prepared(500_000)).collect()), [2, 2, 1]);
        assert_eq!(sizes(vec![prepared(10), prepared(1_113_060), prepared(10)]), [1, 1, 1]);
        assert!(sizes(vec![]).is_empty());
        let largest = chunks((0..3).map(|_| prepared(1_050_000)).collect());
        for chunk in largest {
            let messages = chunk.into_iter().map(|one| one.message).collect();
            let request = v1::SubmitRequest { messages, require_all: true };
            assert!(request.encoded_len() <= GRPC_MESSAGE_BYTES_MAX);
        }
    }
}
