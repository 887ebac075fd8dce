//! Receiving: every message is verified and opened before it is shown, then reported.
//!
//! Delivery is at least once: `attempt` above 1 marks a repetition, and the message id tells it from
//! a new message. Opened messages are reported as decrypted without being asked; acknowledging is
//! the caller's decision, since the broker may destroy the body afterwards.

mod reporter;
mod stream;
mod verify;

use schleuse_proto::identity::Identity;
use schleuse_proto::v1;

use reporter::Reported;
pub use stream::ReceiveStream;
pub use verify::{Opened, Verifier};

use crate::client::Client;
use crate::content::Content;
use crate::delivery::TakenUpBy;
use crate::error::{ClientError, EvidenceError};
use crate::ids::{Address, ConsentId, MessageId, ParticipantReference, Receipt, ThreadId};
use crate::spot_checks::Claim;

/// Most messages of one fetch.
const FETCH_MESSAGES_MAX: u32 = 100;
/// Most messages of one acknowledgement.
pub(crate) const ACKNOWLEDGE_MAX: usize = 1000;

/// How far a recipient got with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Opened and verified.
    Decrypted,
    /// Taken over: it is not handed out again.
    Acknowledged,
}

impl Stage {
    fn to_wire(self) -> v1::DeliveryStage {
        match self {
            Self::Decrypted => v1::DeliveryStage::Decrypted,
            Self::Acknowledged => v1::DeliveryStage::Acknowledged,
        }
    }
}

/// A handed-out message, verified or not.
#[derive(Debug)]
pub enum Incoming {
    /// Verified and opened.
    Verified(Box<Received>),
    /// It does not prove what it claims: it was not shown, not reported, not acknowledged.
    Unverified(Unverified),
}

/// A handed-out message that does not prove what it claims.
#[derive(Debug)]
pub struct Unverified {
    /// Names it in an acknowledgement, should the caller decide to take it from the queue.
    pub message_number: u64,
    /// 1 for the first hand-out.
    pub attempt: u32,
    /// The record of the hand-out, if it was well-formed.
    pub receipt: Option<Receipt>,
    /// What is wrong.
    pub error: EvidenceError,
}

impl Incoming {
    /// The message, if it was verified.
    ///
    /// # Errors
    /// It was not: [`ClientError::Evidence`] with the message number.
    pub fn verified(self) -> Result<Received, ClientError> {
        match self {
            Self::Verified(received) => Ok(*received),
            Self::Unverified(unverified) => Err(unverified.error.into()),
        }
    }

    /// Names the message in an acknowledgement.
    #[must_use]
    pub fn message_number(&self) -> u64 {
        match self {
            Self::Verified(received) => received.message_number,
            Self::Unverified(unverified) => unverified.message_number,
        }
    }
}

/// A message that was verified and opened: signed by the sender that it names, addressed to us,
/// sealed to one of our keys together with exactly this label.
#[derive(Clone, Debug)]
pub struct Received {
    /// Names it in an acknowledgement.
    pub message_number: u64,
    /// The log record of this hand-out, durable before the message left the broker.
    pub receipt: Receipt,
    /// 1 for the first hand-out; more marks a repetition.
    pub attempt: u32,
    /// Our own reference of the participant, if one is assigned.
    pub participant_reference: Option<ParticipantReference>,
    /// Chosen by the sender; the same in repetitions.
    pub message_id: MessageId,
    /// Thread it belongs to.
    pub thread_id: ThreadId,
    /// Of a part of an attachment: the message that it belongs to.
    pub part_of: Option<MessageId>,
    /// Who sent it.
    pub sender: Address,
    /// Identity in the certificate that signed it.
    pub signed_by: Identity,
    /// Which of our functions it is for.
    pub recipient: Address,
    /// Message kind code.
    pub kind: String,
    /// Purpose code: the recipient may use the content for this only. Source: § 78 SGB X.
    pub purpose: String,
    /// Category codes.
    pub categories: Vec<String>,
    /// Names the consent that covers this hand-out, for this agency only; see
    /// `schleuse_proto::evidence::consent_reference`. None without participant.
    pub consent_reference: Option<ConsentId>,
    /// Its revision.
    pub consent_revision: u32,
    /// When the sender made it.
    pub created_at_ms: i64,
    /// When it would have expired.
    pub expires_at_ms: i64,
    /// When the broker accepted it.
    pub accepted_at_ms: i64,
    /// When it was handed out.
    pub handed_out_at_ms: i64,
    /// What it says.
    pub content: Content,
    client: Client,
    reported: Option<Reported>,
}

impl Received {
    /// Takes the message over: it is not handed out again. Goes out after the report that the
    /// message was opened, so that the log shows them in this order.
    ///
    /// # Errors
    /// As [`Client::acknowledge`].
    pub async fn acknowledge(&self) -> Result<Receipt, ClientError> {
        self.take_up(TakenUpBy::System).await
    }

    /// Takes the message over and says who took it up; the sender is told.
    ///
    /// # Errors
    /// As [`Client::acknowledge`].
    pub async fn take_up(&self, by: TakenUpBy) -> Result<Receipt, ClientError> {
        if let Some(reported) = &self.reported {
            reported.wait().await;
        }
        let receipts = self.client.take_up(&[self.message_number], by).await?;
        receipts.into_iter().next().ok_or_else(|| ClientError::protocol("a receipt is missing"))
    }
}

impl Client {
    /// Fetches what is deliverable now for these functions of our agency, at most `max` messages
    /// (1 to 100) and about 1 MiB. What was opened is reported as decrypted.
    ///
    /// # Errors
    /// The broker refuses the call, cannot be reached, or was rolled back. A message that does not
    /// verify is no error of the call, see [`Incoming`].
    pub async fn fetch<S: AsRef<str>>(
        &self,
        functions: &[S],
        max: u32,
    ) -> Result<Vec<Incoming>, ClientError> {
        let request = v1::FetchRequest {
            functions: functions.iter().map(|function| function.as_ref().to_owned()).collect(),
            max_messages: max.clamp(1, FETCH_MESSAGES_MAX),
        };
        let service = self.messages();
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.fetch(request).await }
            })
            .await?;
        self.settle(&answer.checkpoint).await?;
        let incoming: Vec<Incoming> =
            answer.deliveries.into_iter().map(|delivery| self.open(delivery)).collect();
        let is_opened = |one: &&Incoming| matches!(one, Incoming::Verified(_));
        let opened = incoming.iter().filter(is_opened).map(Incoming::message_number);
        let opened: Vec<u64> = opened.collect();
        if !opened.is_empty() {
            self.acknowledge(&opened, Stage::Decrypted).await?;
        }
        Ok(incoming)
    }

    /// Receives messages for these functions of our agency as they become deliverable, at most
    /// `credit` (1 to 1000) at a time. Connects again by itself.
    #[must_use]
    pub fn receive<S: AsRef<str>>(&self, functions: &[S], credit: u32) -> ReceiveStream {
        let functions = functions.iter().map(|function| function.as_ref().to_owned()).collect();
        ReceiveStream::new(self.clone(), functions, credit)
    }

    /// Reports how far we got with messages; returns one receipt for each, in their order.
    ///
    /// # Errors
    /// A number is not of a message that was handed out to us, the broker cannot be reached, or was
    /// rolled back.
    pub async fn acknowledge(
        &self,
        message_numbers: &[u64],
        stage: Stage,
    ) -> Result<Vec<Receipt>, ClientError> {
        let mut receipts = Vec::with_capacity(message_numbers.len());
        for numbers in message_numbers.chunks(ACKNOWLEDGE_MAX) {
            let unspecified = v1::TakenUpBy::Unspecified;
            receipts.extend(self.report_stage(numbers, stage.to_wire(), unspecified).await?);
        }
        self.check_log().await?;
        Ok(receipts)
    }

    /// One report of at most [`ACKNOWLEDGE_MAX`] messages.
    pub(crate) async fn report_stage(
        &self,
        numbers: &[u64],
        stage: v1::DeliveryStage,
        by: v1::TakenUpBy,
    ) -> Result<Vec<Receipt>, ClientError> {
        let request = v1::AcknowledgeRequest {
            message_numbers: numbers.to_vec(),
            stage: stage.into(),
            taken_up_by: by.into(),
        };
        let service = self.messages();
        let answer = self
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.acknowledge(request).await }
            })
            .await?;
        self.checkpoints().observe(&answer.checkpoint)?;
        if answer.receipts.len() != numbers.len() {
            return Err(ClientError::protocol("other receipts than messages"));
        }
        answer.receipts.iter().map(|receipt| Receipt::from_wire(Some(receipt))).collect()
    }

    /// Verifies and opens a delivery.
    pub(crate) fn open(&self, delivery: v1::Delivery) -> Incoming {
        let (message_number, attempt) = (delivery.message_number, delivery.attempt);
        let receipt = Receipt::from_wire(delivery.receipt.as_ref()).ok();
        let verifier =
            Verifier { trust: self.trust(), keys: self.sealing_keys(), agency: self.agency() };
        if let Some(receipt) = &receipt {
            self.keep_receipt(receipt, Claim::HandedOut(message_number));
        }
        match self.open_with(&verifier, delivery) {
            Ok(received) => Incoming::Verified(Box::new(received)),
            Err(fault) => Incoming::Unverified(Unverified {
                message_number,
                attempt,
                receipt,
                error: EvidenceError { message_number: Some(message_number), fault },
            }),
        }
    }
}
