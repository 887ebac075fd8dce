//! `DeliveryService`: recall, rejection, tracking, dead letters, mailboxes.

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::delivery_service_server::DeliveryService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer, rates};
use crate::domain::command::{Command, DeliveryCommand, DeliveryOutcome, Outcome};
use crate::domain::delivery::{
    DeadLetterReason, DeadLetterRow, MailboxClass, MailboxRow, MessageEnd, NAMED_TOGETHER_MAX,
    ROWS_MAX, RecallOutcome, RejectOutcome, Stamp, Tracked,
};
use crate::domain::ids::{Address, MessageId, RecordNumber, Reference, TimeMs};
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane};
use crate::journal::Commit;
use crate::record::rows::{dead_letter_reason, wire_dead_letter_reason, wire_taken_up_by};

pub(super) struct Deliveries(pub(super) Context);

impl Context {
    /// Carries out a command of delivery or notices.
    pub(super) async fn delivery(&self, command: DeliveryCommand) -> Result<Answer, Failure> {
        Ok(self.engine.execute(Lane::Normal, Command::Delivery(command)).await?)
    }
}

pub(super) fn ms(time: TimeMs) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

pub(super) fn stamp(stamp: Stamp) -> v1::Stamp {
    v1::Stamp { record_number: stamp.record, time_ms: ms(stamp.at) }
}

pub(super) fn wire_address(address: &Address) -> v1::Address {
    v1::Address { agency: address.agency.to_string(), function: address.function().to_owned() }
}

pub(super) fn text(reference: Option<Reference>) -> String {
    reference.map(Reference::to_text).unwrap_or_default()
}

pub(super) fn message_end(end: MessageEnd) -> v1::MessageEnd {
    let (code, reason) = match end {
        MessageEnd::Expired => (v1::MessageEndCode::Expired, None),
        MessageEnd::Recalled => (v1::MessageEndCode::Recalled, None),
        MessageEnd::NotDelivered => (v1::MessageEndCode::NotDelivered, None),
        MessageEnd::DeadLettered(reason) => (v1::MessageEndCode::DeadLettered, Some(reason)),
    };
    let reason = reason.map_or(v1::DeadLetterReason::Unspecified, wire_dead_letter_reason);
    v1::MessageEnd { code: code.into(), dead_letter_reason: reason.into() }
}

/// How many rows of a page: 0 asks for as many as there may be.
pub(super) fn page(asked: u32, most: usize, default: usize) -> Result<usize, Failure> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(asked) if asked <= most => Ok(asked),
        Ok(_) | Err(_) => Err(invalid("max", "0, or 1 to the most that the schema names")),
    }
}

fn message_ids(ids: &[Bytes]) -> Result<Vec<MessageId>, Failure> {
    if !(1..=NAMED_TOGETHER_MAX).contains(&ids.len()) {
        return Err(invalid("message_ids", "1 to 100 identifiers"));
    }
    let parse = |id: &Bytes| MessageId::parse(id).ok_or(invalid("message_ids", "each 16 bytes"));
    ids.iter().map(parse).collect()
}

fn track(tracked: Tracked) -> v1::MessageTrack {
    let Tracked { message, track, sender, recipient, reference } = tracked;
    let accepted = Stamp { record: message, at: track.accepted_at };
    v1::MessageTrack {
        message_id: Bytes::copy_from_slice(track.message_id.bytes()),
        known: true,
        thread_id: Bytes::copy_from_slice(track.thread.bytes()),
        participant_reference: text(reference),
        sender: sender.as_ref().map(wire_address),
        recipient: recipient.as_ref().map(wire_address),
        accepted: Some(stamp(accepted)),
        handed_out: track.handed_out.map(stamp),
        attempts: track.attempts,
        opened: track.opened.map(stamp),
        taken_up: track.taken_up.map(|(at, _)| stamp(at)),
        taken_up_by: track.taken_up.map(|(_, by)| wire_taken_up_by(by).into()).unwrap_or_default(),
        end: track.ended.map(|(_, end)| message_end(end)),
        ended: track.ended.map(|(at, _)| stamp(at)),
        expires_at_ms: ms(track.expires_at),
    }
}

fn dead_letter(row: DeadLetterRow) -> v1::DeadLetter {
    let DeadLetterRow { number, at, reason, message } = row;
    v1::DeadLetter {
        at: Some(stamp(Stamp { record: number, at })),
        reason: wire_dead_letter_reason(reason).into(),
        message_number: message.message,
        message_id: Bytes::copy_from_slice(message.track.message_id.bytes()),
        thread_id: Bytes::copy_from_slice(message.track.thread.bytes()),
        sender: message.sender.as_ref().map(wire_address),
        recipient: message.recipient.as_ref().map(wire_address),
        attempts: message.track.attempts,
        participant_reference: text(message.reference),
    }
}

fn class(class: MailboxClass) -> v1::MailboxClass {
    match class {
        MailboxClass::Read => v1::MailboxClass::Read,
        MailboxClass::Slow => v1::MailboxClass::Slow,
        MailboxClass::Unread => v1::MailboxClass::Unread,
    }
}

fn mailbox(row: &MailboxRow) -> v1::Mailbox {
    v1::Mailbox {
        address: Some(wire_address(&row.address)),
        class: class(row.class).into(),
        last_read_ms: row.last_read.map(ms).unwrap_or_default(),
        waiting: u64::try_from(row.waiting).unwrap_or(u64::MAX),
        oldest_ms: row.oldest.map(ms).unwrap_or_default(),
    }
}

impl Deliveries {
    fn recall_outcome(
        &self,
        commit: &Commit,
        outcome: RecallOutcome,
    ) -> Result<v1::RecallOutcome, Failure> {
        let (result, record, end): (_, Option<RecordNumber>, _) = match outcome {
            RecallOutcome::Recalled(record) => (v1::RecallResult::Recalled, Some(record), None),
            RecallOutcome::RecalledAfterHandOut(record) => {
                (v1::RecallResult::RecalledAfterHandOut, Some(record), None)
            }
            RecallOutcome::TakenUp(record) => (v1::RecallResult::TakenUp, Some(record), None),
            RecallOutcome::Ended(record, end) => {
                (v1::RecallResult::Ended, Some(record), Some(message_end(end)))
            }
            RecallOutcome::Unknown => (v1::RecallResult::Unknown, None, None),
        };
        let receipt = record.map(|record| self.0.receipt(commit, record)).transpose()?;
        Ok(v1::RecallOutcome { result: result.into(), end, receipt })
    }

    async fn recall(
        &self,
        request: Request<v1::RecallMessagesRequest>,
    ) -> Result<v1::RecallMessagesResponse, Failure> {
        let (peer, rates) = (peer(&request)?, rates(&request)?);
        let messages = message_ids(&request.into_inner().message_ids)?;
        rates.messages(messages.len())?;
        let command = DeliveryCommand::Recall { actor: peer.actor.clone(), messages };
        let answer = self.0.engine.recall(command).await?;
        let Outcome::Delivery(DeliveryOutcome::Recalled { results, .. }) = answer.outcome else {
            return Err(Failure::Internal);
        };
        let outcomes = results.into_iter().map(|it| self.recall_outcome(&answer.commit, it));
        Ok(v1::RecallMessagesResponse {
            outcomes: outcomes.collect::<Result<_, _>>()?,
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn reject(
        &self,
        request: Request<v1::RejectMessagesRequest>,
    ) -> Result<v1::RejectMessagesResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let reason = dead_letter_reason(request.reason());
        let reason = reason
            .filter(|reason| *reason != DeadLetterReason::Attempts)
            .ok_or(invalid("reason", "CANNOT_OPEN, MISDIRECTED, UNKNOWN_VERSION or UNREADABLE"))?;
        let messages = request.message_numbers;
        if !(1..=NAMED_TOGETHER_MAX).contains(&messages.len()) {
            return Err(invalid("message_numbers", "1 to 100 numbers"));
        }
        let command = DeliveryCommand::Reject { actor, messages, reason };
        let answer = self.0.delivery(command).await?;
        let Outcome::Delivery(DeliveryOutcome::Rejected(results)) = answer.outcome else {
            return Err(Failure::Internal);
        };
        let outcomes = results.into_iter().map(|outcome| {
            let (result, record) = match outcome {
                RejectOutcome::DeadLettered(record) => {
                    (v1::RejectResult::DeadLettered, Some(record))
                }
                RejectOutcome::TakenUp(record) => (v1::RejectResult::TakenUp, Some(record)),
                RejectOutcome::Ended => (v1::RejectResult::Ended, None),
            };
            let receipt =
                record.map(|record| self.0.receipt(&answer.commit, record)).transpose()?;
            Ok::<_, Failure>(v1::RejectOutcome { result: result.into(), receipt })
        });
        Ok(v1::RejectMessagesResponse {
            outcomes: outcomes.collect::<Result<_, _>>()?,
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn track(
        &self,
        request: Request<v1::TrackMessagesRequest>,
    ) -> Result<v1::TrackMessagesResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let ids = request.into_inner().message_ids;
        let messages = message_ids(&ids)?;
        let answer = self.0.delivery(DeliveryCommand::Track { actor, messages }).await?;
        let Outcome::Delivery(DeliveryOutcome::Tracked(tracked)) = answer.outcome else {
            return Err(Failure::Internal);
        };
        let unknown = |message_id| v1::MessageTrack { message_id, ..Default::default() };
        let tracks = ids.into_iter().zip(tracked);
        let tracks = tracks.map(|(id, found)| found.map_or_else(|| unknown(id), track));
        Ok(v1::TrackMessagesResponse {
            tracks: tracks.collect(),
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<v1::ListDeadLettersResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let v1::ListDeadLettersRequest { after, max } = request.into_inner();
        let most = page(max, ROWS_MAX, ROWS_MAX)?;
        let command = DeliveryCommand::ListDeadLetters { actor, after, most };
        let answer = self.0.delivery(command).await?;
        let Outcome::Delivery(DeliveryOutcome::DeadLetters(rows, more)) = answer.outcome else {
            return Err(Failure::Internal);
        };
        let dead_letters = rows.into_iter().map(dead_letter).collect();
        Ok(v1::ListDeadLettersResponse { dead_letters, more })
    }

    async fn look_up(
        &self,
        request: Request<v1::LookUpMailboxRequest>,
    ) -> Result<v1::LookUpMailboxResponse, Failure> {
        let address = request.into_inner().address.unwrap_or_default();
        let address = Address::parse(&address.agency, &address.function)
            .ok_or(invalid("address", "agency and function, each 1 to 40 of [a-z0-9-]"))?;
        let answer = self.0.delivery(DeliveryCommand::LookUpMailbox { address }).await?;
        let Outcome::Delivery(DeliveryOutcome::Mailbox(found)) = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok(v1::LookUpMailboxResponse { class: class(found).into() })
    }

    async fn mailboxes(&self) -> Result<v1::ListMailboxesResponse, Failure> {
        let answer = self.0.delivery(DeliveryCommand::ListMailboxes).await?;
        let Outcome::Delivery(DeliveryOutcome::Mailboxes(rows)) = answer.outcome else {
            return Err(Failure::Internal);
        };
        let mailboxes = rows.iter().map(mailbox).collect();
        Ok(v1::ListMailboxesResponse { mailboxes, time_ms: ms(self.0.engine.clock().now()) })
    }
}

#[tonic::async_trait]
impl DeliveryService for Deliveries {
    async fn recall_messages(
        &self,
        request: Request<v1::RecallMessagesRequest>,
    ) -> Result<Response<v1::RecallMessagesResponse>, Status> {
        self.recall(request).await.map(Response::new).map_err(failed)
    }

    async fn reject_messages(
        &self,
        request: Request<v1::RejectMessagesRequest>,
    ) -> Result<Response<v1::RejectMessagesResponse>, Status> {
        self.reject(request).await.map(Response::new).map_err(failed)
    }

    async fn track_messages(
        &self,
        request: Request<v1::TrackMessagesRequest>,
    ) -> Result<Response<v1::TrackMessagesResponse>, Status> {
        self.track(request).await.map(Response::new).map_err(failed)
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        self.dead_letters(request).await.map(Response::new).map_err(failed)
    }

    async fn look_up_mailbox(
        &self,
        request: Request<v1::LookUpMailboxRequest>,
    ) -> Result<Response<v1::LookUpMailboxResponse>, Status> {
        self.look_up(request).await.map(Response::new).map_err(failed)
    }

    async fn list_mailboxes(
        &self,
        _request: Request<v1::ListMailboxesRequest>,
    ) -> Result<Response<v1::ListMailboxesResponse>, Status> {
        self.mailboxes().await.map(Response::new).map_err(failed)
    }
}
