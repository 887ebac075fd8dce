//! `NoticeService`: what agencies are told, and duties to delete.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use schleuse_proto::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::notice::Notice as Told;
use schleuse_proto::v1::notice_service_server::NoticeService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::delivery::{message_end, ms, page, text, wire_address};
use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{DeliveryCommand, DeliveryOutcome, Outcome};
use crate::domain::delivery::{DutyRow, NOTICES_READ_MAX, NoticeKind, NoticeRow, ROWS_MAX};
use crate::domain::event::Actor;
use crate::domain::ids::RecordNumber;
use crate::domain::refusal::Refusal;
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::journal::Commit;
use crate::record::rows::{deletion_answer, wire_deletion_answer, wire_taken_up_by};

pub(super) struct Notices(pub(super) Context);

/// Bytes of notices in one answer: below the largest message.
const NOTICES_BYTES_MAX: usize = 1000 * 1024;
/// Notices of one answer if the caller names no number, and of one part of a stream.
const NOTICES_DEFAULT: usize = 100;
/// Pause between two parts of a stream: one busy sender does not make all streams ask all the time.
const PART_PAUSE: Duration = Duration::from_millis(200);

/// Notices that were read.
struct Read {
    notices: Vec<v1::Notice>,
    more: bool,
    gap: bool,
    commit: Commit,
}

fn duty(row: DutyRow) -> v1::DeletionDuty {
    let agency = row.agency.as_ref().map(|agency| agency.as_str()).unwrap_or_default();
    let reference = row.consent.reference(agency);
    let participant_erased = row.consent.id().is_none();
    let ids = row.messages.iter().map(|(_, id)| Bytes::copy_from_slice(id.bytes()));
    let answer = row.answer.as_ref().map(|(_, answer)| wire_deletion_answer(answer));
    let (answer, rule) = answer.unwrap_or_default();
    v1::DeletionDuty {
        number: row.number,
        recipient: row.recipient.as_ref().map(wire_address),
        consent_reference: Bytes::copy_from_slice(&reference),
        message_ids: ids.collect(),
        message_numbers: row.messages.iter().map(|(number, _)| *number).collect(),
        further_messages: row.more,
        opened_ms: ms(row.opened),
        due_ms: ms(row.due),
        answer: answer.into(),
        rule,
        answered_ms: row.answer.as_ref().map(|(stamp, _)| ms(stamp.at)).unwrap_or_default(),
        participant_reference: text(row.reference),
        participant_erased,
    }
}

fn notice(row: NoticeRow) -> v1::Notice {
    match row {
        NoticeRow::BasisEnded(row) => v1::Notice {
            number: row.number,
            time_ms: ms(row.opened),
            notice: Some(Told::BasisEnded(duty(row))),
        },
        NoticeRow::OfMessage {
            number,
            at,
            kind,
            message,
            message_id,
            thread,
            sender,
            recipient,
            reference,
        } => {
            let (kind, by, end) = match kind {
                NoticeKind::HandedOut => (v1::MessageNoticeKind::HandedOut, None, None),
                NoticeKind::Opened => (v1::MessageNoticeKind::Opened, None, None),
                NoticeKind::TakenUp(by) => (v1::MessageNoticeKind::TakenUp, Some(by), None),
                NoticeKind::Ended(end) => (v1::MessageNoticeKind::Ended, None, Some(end)),
            };
            let told = v1::MessageNotice {
                kind: kind.into(),
                message_id: Bytes::copy_from_slice(message_id.bytes()),
                thread_id: Bytes::copy_from_slice(thread.bytes()),
                message_number: message,
                participant_reference: text(reference),
                sender: sender.as_ref().map(wire_address),
                recipient: recipient.as_ref().map(wire_address),
                taken_up_by: by.map(|by| wire_taken_up_by(by).into()).unwrap_or_default(),
                end: end.map(message_end),
            };
            v1::Notice { number, time_ms: ms(at), notice: Some(Told::Message(told)) }
        }
    }
}

impl Context {
    async fn read_notices(
        &self,
        actor: Actor,
        after: RecordNumber,
        most: usize,
    ) -> Result<Read, Failure> {
        let command = DeliveryCommand::ReadNotices { actor, after, most };
        let answer = self.delivery(command).await?;
        let Outcome::Delivery(DeliveryOutcome::Notices { rows, mut more, gap }) = answer.outcome
        else {
            return Err(Failure::Internal);
        };
        let (mut bytes, mut notices) = (0, Vec::with_capacity(rows.len()));
        for told in rows.into_iter().map(notice) {
            bytes += told.encoded_len() + 8;
            if bytes > NOTICES_BYTES_MAX && !notices.is_empty() {
                more = true;
                break;
            }
            notices.push(told);
        }
        Ok(Read { notices, more, gap, commit: answer.commit })
    }
}

impl Notices {
    async fn fetch(
        &self,
        request: Request<v1::FetchNoticesRequest>,
    ) -> Result<v1::FetchNoticesResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let v1::FetchNoticesRequest { after, max } = request.into_inner();
        let most = page(max, NOTICES_READ_MAX, NOTICES_DEFAULT)?;
        let Read { notices, more, gap, commit } = self.0.read_notices(actor, after, most).await?;
        Ok(v1::FetchNoticesResponse { notices, more, gap, checkpoint: checkpoint(&commit) })
    }

    async fn list(
        &self,
        request: Request<v1::ListDeletionDutiesRequest>,
    ) -> Result<v1::ListDeletionDutiesResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let v1::ListDeletionDutiesRequest { overdue, open, after, max } = request.into_inner();
        let most = page(max, ROWS_MAX, ROWS_MAX)?;
        let command = DeliveryCommand::ListDuties { actor, overdue, open, after, most };
        let answer = self.0.delivery(command).await?;
        let Outcome::Delivery(DeliveryOutcome::Duties(rows, more)) = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok(v1::ListDeletionDutiesResponse {
            duties: rows.into_iter().map(duty).collect(),
            more,
            time_ms: ms(self.0.engine.clock().now()),
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn confirm(
        &self,
        request: Request<v1::ConfirmDeletionRequest>,
    ) -> Result<v1::ConfirmDeletionResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let expected = "DELETED without a rule, or RETAINED with one: begins with \"§\" or \
                        \"Art. \", at most 120 letters, digits, spaces and .,/()-§";
        let answer = deletion_answer(request.answer(), &request.rule);
        let answer = answer.ok_or(invalid("answer", expected))?;
        let duty = request.duty_number;
        let answer =
            self.0.delivery(DeliveryCommand::ConfirmDeletion { actor, duty, answer }).await?;
        let Outcome::Recorded(record) = answer.outcome else { return Err(Failure::Internal) };
        Ok(v1::ConfirmDeletionResponse {
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }
}

/// One stream of notices.
struct Feed {
    context: Context,
    actor: Actor,
    after: RecordNumber,
    cut: CancellationToken,
}

impl Feed {
    /// Nothing is sent but own notices and heartbeats: when others are told something must not show here.
    async fn run(mut self, sender: mpsc::Sender<Result<v1::ReceiveNoticesResponse, Status>>) {
        let mut news = self.context.engine.notices();
        let mut heartbeat = tokio::time::interval(limits::HEARTBEAT);
        loop {
            // What comes while this is read makes the next round begin at once.
            news.mark_unchanged();
            let part = if self.context.drain.is_cancelled() {
                Err(Failure::Refused(Refusal::Draining))
            } else {
                self.part().await
            };
            let (said, idle) = match part {
                Ok((part, idle)) => ((!part.notices.is_empty()).then_some(Ok(part)), idle),
                Err(failure) => (Some(Err(failed(failure))), true),
            };
            if let Some(said) = said {
                let is_over = said.is_err();
                if sender.send(said).await.is_err() || is_over {
                    return;
                }
                heartbeat.reset();
            }
            let wait = async {
                tokio::time::sleep(PART_PAUSE).await;
                if idle {
                    let _or_over = news.changed().await;
                }
            };
            let beats = tokio::select! {
                () = wait => false,
                _ = heartbeat.tick() => true,
                () = sender.closed() => return,
                () = self.cut.cancelled() => return,
                () = self.context.drain.cancelled() => false,
            };
            if beats && sender.send(Ok(v1::ReceiveNoticesResponse::default())).await.is_err() {
                return;
            }
        }
    }

    /// The next notices, and whether there are no more for now.
    async fn part(&mut self) -> Result<(v1::ReceiveNoticesResponse, bool), Failure> {
        let read = self.context.read_notices(self.actor.clone(), self.after, NOTICES_DEFAULT);
        let Read { notices, more, gap, .. } = read.await?;
        if let Some(last) = notices.last() {
            self.after = last.number;
        }
        Ok((v1::ReceiveNoticesResponse { notices, gap }, !more))
    }
}

#[tonic::async_trait]
impl NoticeService for Notices {
    async fn fetch_notices(
        &self,
        request: Request<v1::FetchNoticesRequest>,
    ) -> Result<Response<v1::FetchNoticesResponse>, Status> {
        self.fetch(request).await.map(Response::new).map_err(failed)
    }

    type ReceiveNoticesStream =
        Pin<Box<dyn Stream<Item = Result<v1::ReceiveNoticesResponse, Status>> + Send>>;

    async fn receive_notices(
        &self,
        request: Request<v1::ReceiveNoticesRequest>,
    ) -> Result<Response<Self::ReceiveNoticesStream>, Status> {
        let peer = peer(&request).map_err(failed)?;
        let (context, actor) = (self.0.clone(), peer.actor.clone());
        let cut = peer.cut.clone();
        let after = request.into_inner().after;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(Feed { context, actor, after, cut }.run(sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_deletion_duties(
        &self,
        request: Request<v1::ListDeletionDutiesRequest>,
    ) -> Result<Response<v1::ListDeletionDutiesResponse>, Status> {
        self.list(request).await.map(Response::new).map_err(failed)
    }

    async fn confirm_deletion(
        &self,
        request: Request<v1::ConfirmDeletionRequest>,
    ) -> Result<Response<v1::ConfirmDeletionResponse>, Status> {
        self.confirm(request).await.map(Response::new).map_err(failed)
    }
}
