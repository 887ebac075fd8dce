//! Streaming submission: parts go in, outcomes come back in order.

use schleuse_proto::Message as _;
use schleuse_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{FRAME_BYTES, REQUEST_BYTES_MAX};
use crate::client::Client;
use crate::content::ContentError;
use crate::error::ClientError;
use crate::ids::Receipt;
use crate::spot_checks::Claim;

/// Most messages of one part.
const PART_MESSAGES_MAX: usize = 256;
/// Parts that wait to be written; a full queue makes the sender wait.
const PARTS_WAITING_MAX: usize = 4;

/// What became of one message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamOutcome {
    /// Accepted; it is handed out while a consent covers it.
    Accepted {
        /// The log record of the acceptance.
        receipt: Receipt,
    },
    /// Not covered by a consent.
    NotCovered {
        /// The log record of the decision.
        receipt: Receipt,
    },
    /// Refused; nothing was recorded.
    Rejected {
        /// Name of the `ErrorReason`.
        reason: String,
        /// Explanation for developers.
        message: String,
        /// Whether the same message may be sent again later.
        retryable: bool,
    },
}

/// A submit stream. After a connection loss, submit again what has no outcome: with the same bytes
/// it has one effect.
#[derive(Debug)]
pub struct SubmitStream {
    sender: SubmitSender,
    receiver: SubmitReceiver,
}

/// The half of a submit stream that sends.
#[derive(Clone, Debug)]
pub struct SubmitSender(mpsc::Sender<v1::SubmitStreamRequest>);

/// The half of a submit stream that receives.
#[derive(Debug)]
pub struct SubmitReceiver {
    client: Client,
    answers: Streaming<v1::SubmitStreamResponse>,
}

impl Client {
    /// Opens a submit stream.
    ///
    /// # Errors
    /// The broker refuses it or cannot be reached.
    pub async fn submit_stream(&self) -> Result<SubmitStream, ClientError> {
        let (sender, parts) = mpsc::channel(PARTS_WAITING_MAX);
        let opened = self.messages().submit_stream(ReceiverStream::new(parts)).await;
        let answers = opened.map_err(|status| self.failed(&status))?.into_inner();
        let receiver = SubmitReceiver { client: self.clone(), answers };
        Ok(SubmitStream { sender: SubmitSender(sender), receiver })
    }
}

impl SubmitStream {
    /// Sends a part; see [`SubmitSender::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&self, messages: Vec<v1::OutgoingMessage>) -> Result<(), ClientError> {
        self.sender.send(messages).await
    }

    /// The next outcomes; see [`SubmitReceiver::outcomes`].
    ///
    /// # Errors
    /// As there.
    pub async fn outcomes(&mut self) -> Result<Option<Vec<StreamOutcome>>, ClientError> {
        self.receiver.outcomes().await
    }

    /// Both halves, for two tasks. Dropping the sender ends the stream.
    #[must_use]
    pub fn split(self) -> (SubmitSender, SubmitReceiver) {
        (self.sender, self.receiver)
    }

    /// Ends the stream and returns the outcomes that are still missing.
    ///
    /// # Errors
    /// The stream broke, or the broker was rolled back.
    pub async fn finish(self) -> Result<Vec<StreamOutcome>, ClientError> {
        let (sender, mut receiver) = self.split();
        drop(sender);
        let mut rest = Vec::new();
        while let Some(outcomes) = receiver.outcomes().await? {
            rest.extend(outcomes);
        }
        Ok(rest)
    }
}

impl SubmitSender {
    /// Sends a part of 1 to 256 messages; waits while too many parts wait.
    ///
    /// # Errors
    /// The part is too large, or the stream has ended.
    pub async fn send(&self, messages: Vec<v1::OutgoingMessage>) -> Result<(), ClientError> {
        let bytes: usize = messages.iter().map(|one| one.encoded_len() + FRAME_BYTES).sum();
        if messages.is_empty() || messages.len() > PART_MESSAGES_MAX || bytes > REQUEST_BYTES_MAX {
            return Err(ContentError::TooManyTogether {
                messages_max: PART_MESSAGES_MAX,
                bytes_max: REQUEST_BYTES_MAX,
            }
            .into());
        }
        let ended = |_| ClientError::Connection {
            endpoint: "submit stream".to_owned(),
            why: "the stream has ended".to_owned(),
        };
        self.0.send(v1::SubmitStreamRequest { messages }).await.map_err(ended)
    }
}

impl SubmitReceiver {
    /// Outcomes of the next messages, in order of sending; none when the stream has ended. The
    /// checkpoints of the stream are proven when it ends.
    ///
    /// # Errors
    /// The stream broke, or the broker was rolled back.
    pub async fn outcomes(&mut self) -> Result<Option<Vec<StreamOutcome>>, ClientError> {
        let answer = self.answers.message().await;
        match answer.map_err(|status| self.client.failed(&status))? {
            Some(answer) => {
                self.client.checkpoints().observe(&answer.checkpoint)?;
                let outcomes = answer.outcomes.iter().map(stream_outcome);
                let outcomes: Vec<StreamOutcome> = outcomes.collect::<Result<_, _>>()?;
                for outcome in &outcomes {
                    if let StreamOutcome::Accepted { receipt }
                    | StreamOutcome::NotCovered { receipt } = outcome
                    {
                        self.client.keep_receipt(receipt, Claim::Decided);
                    }
                }
                Ok(Some(outcomes))
            }
            None => {
                self.client.check_log().await?;
                Ok(None)
            }
        }
    }
}

fn stream_outcome(outcome: &v1::SubmitOutcome) -> Result<StreamOutcome, ClientError> {
    let receipt = || Receipt::from_wire(outcome.receipt.as_ref());
    match outcome.result() {
        v1::SubmitResult::Accepted => Ok(StreamOutcome::Accepted { receipt: receipt()? }),
        v1::SubmitResult::NotCovered => Ok(StreamOutcome::NotCovered { receipt: receipt()? }),
        v1::SubmitResult::Rejected => {
            let rejection = outcome.rejection.clone().unwrap_or_default();
            Ok(StreamOutcome::Rejected {
                reason: rejection.reason,
                message: rejection.message,
                retryable: rejection.retryable,
            })
        }
        v1::SubmitResult::Unspecified => Err(ClientError::protocol("an outcome without a result")),
    }
}
