//! `AccessLogService`: queries, leaf hashes, the caller's own records.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use schleuse_proto::v1;
use schleuse_proto::v1::access_log_service_server::AccessLogService;
use schleuse_proto::v1::query_log_response::Response as Says;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::proofs::inclusion;
use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, Outcome};
use crate::domain::event::{Actor, Event, LogQueryEvent};
use crate::domain::ids::{ParticipantId, RecordNumber, TimeMs};
use crate::domain::refusal::Refusal;
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane, LogFilter};
use crate::journal::{JournalError, StoredRecord};
use crate::record;
use crate::record::documents::{agency, reference};

pub(super) struct AccessLog(pub(super) Context);

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Rows that wait to be written to the caller.
const ROWS_WAITING_MAX: usize = 64;
/// Types of one query.
const TYPES_MAX: usize = 32;
/// Rows read together.
const ROWS_AT_ONCE: usize = 256;

/// A query that was recorded and may be answered.
struct Permitted {
    actor: Actor,
    filter: LogFilter,
    rows_max: u32,
    record: RecordNumber,
    answer: Answer,
}

impl AccessLog {
    /// Records the query before anything is read.
    async fn permit(&self, request: Request<v1::QueryLogRequest>) -> Result<Permitted, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let reason = request.reason.trim().to_owned();
        if !(10..=500).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
            return Err(invalid("reason", "10 to 500 characters, one line: why the log is read"));
        }
        if request.max_rows > limits::LOG_ROWS_MAX {
            return Err(invalid("max_rows", "1 to 100,000, or 0 for 10,000"));
        }
        if request.types.len() > TYPES_MAX {
            return Err(invalid("types", "each type once"));
        }
        let types = request.types.iter().map(|number| {
            v1::RecordType::try_from(*number)
                .ok()
                .filter(|known| *known != v1::RecordType::Unspecified)
                .and_then(|_| u8::try_from(*number).ok())
                .ok_or(invalid("types", "known record types"))
        });
        let query = LogQueryEvent {
            reason,
            participant: None,
            agency: optional(&request.agency).map(|a| agency(a, "agency")).transpose()?,
            from: time(request.from_ms, "from_ms")?,
            until: time(request.until_ms, "until_ms")?,
            types: types.collect::<Result<_, _>>()?,
        };
        let mut filter = LogFilter {
            participant: None,
            agency: query.agency.clone(),
            from: query.from,
            until: query.until,
            types: query.types.clone(),
        };
        let about = optional(&request.participant_reference).map(reference).transpose()?;
        let command = Command::QueryLog { actor: actor.clone(), reference: about, query };
        let answer = self.0.engine.execute(Lane::Urgent, command).await?;
        let Outcome::QueryLogged { record, participant } = answer.outcome else {
            return Err(Failure::Internal);
        };
        filter.participant = participant;
        let rows_max =
            if request.max_rows == 0 { limits::LOG_ROWS_DEFAULT } else { request.max_rows };
        Ok(Permitted { actor, filter, rows_max, record, answer })
    }
}

impl AccessLog {
    /// Records that the caller itself caused, with proofs to one checkpoint.
    async fn own_records(
        &self,
        actor: Actor,
        numbers: Vec<RecordNumber>,
    ) -> Result<v1::ReadOwnRecordsResponse, Failure> {
        if !(1..=limits::OWN_RECORDS_MAX).contains(&numbers.len()) {
            return Err(invalid("record_numbers", "1 to 100 numbers"));
        }
        let (engine, asking) = (self.0.engine.clone(), actor.clone());
        let (read, proofs, commit) = blocking(&self.0, move || {
            let commit = engine.reader().latest();
            let mut read = Vec::with_capacity(numbers.len());
            let mut proofs = Vec::with_capacity(numbers.len());
            for number in numbers {
                let Some(record) = engine.own_record(&asking, number, commit.size())? else {
                    return Ok((None, proofs, commit));
                };
                read.push(record);
                proofs.push(inclusion(&**engine.reader(), number, commit.size())?);
            }
            Ok((Some(read), proofs, commit))
        })
        .await?;
        // Records of others are as absent as those that nobody wrote.
        let read = read.ok_or(Refusal::NotFound { field: "record_numbers" })?;
        let rows = rows(&self.0, &actor, read).await?;
        Ok(v1::ReadOwnRecordsResponse { rows, proofs, checkpoint: checkpoint(&commit) })
    }
}

/// Reads the rows and sends them.
async fn send_rows(
    context: Context,
    permitted: Permitted,
    sender: &mpsc::Sender<Result<v1::QueryLogResponse, Status>>,
) -> Result<(), Failure> {
    let Permitted { actor, filter, rows_max, record, answer } = permitted;
    let mut left = usize::try_from(rows_max).unwrap_or_default();
    let engine = context.engine.clone();
    let asking = actor.clone();
    let prepared = move || Ok(engine.query(&asking, filter, record + 1));
    let mut query = blocking(&context, prepared).await?;
    let truncated = loop {
        // One more than may be sent, to know whether there is more.
        let most = ROWS_AT_ONCE.min(left + 1);
        let caller = sender.clone();
        let (read, returned) = blocking(&context, move || {
            let mut rows = Vec::new();
            while rows.len() < most
                && let Some(row) = query.next_record(|| caller.is_closed())?
            {
                rows.push(row);
            }
            Ok((rows, query))
        })
        .await?;
        query = returned;
        let is_last = read.len() < most;
        let rows = rows(&context, &actor, read).await?;
        for row in rows {
            if left == 0 {
                return send_end(&context, record, &answer, true, sender).await;
            }
            left -= 1;
            let response = v1::QueryLogResponse { response: Some(Says::Row(row)) };
            if sender.send(Ok(response)).await.is_err() {
                return Ok(());
            }
        }
        if is_last {
            break false;
        }
    };
    send_end(&context, record, &answer, truncated, sender).await
}

async fn send_end(
    context: &Context,
    record: RecordNumber,
    answer: &Answer,
    truncated: bool,
    sender: &mpsc::Sender<Result<v1::QueryLogResponse, Status>>,
) -> Result<(), Failure> {
    let end = v1::QueryEnd {
        receipt: Some(context.receipt(&answer.commit, record)?),
        checkpoint: checkpoint(&answer.commit),
        truncated,
    };
    let response = v1::QueryLogResponse { response: Some(Says::End(end)) };
    let _caller_gone = sender.send(Ok(response)).await;
    Ok(())
}

/// Runs what reads files where it may block; a few at a time, the others wait.
async fn blocking<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, Failure> {
    let place = context.log_reads.clone().acquire_owned().await;
    let place = place.map_err(|_| Failure::Refused(Refusal::Draining))?;
    let placed = move || {
        let _place = place;
        work()
    };
    tokio::task::spawn_blocking(placed).await.map_err(|_| Failure::Internal)?.map_err(Failure::from)
}

/// Records as the caller may see them: bodies, and the caller's own references of participants.
async fn rows(
    context: &Context,
    actor: &Actor,
    read: Vec<(StoredRecord, Event)>,
) -> Result<Vec<v1::LogRow>, Failure> {
    let about = |event: &Event| record::rows::row(event).participant.map(ParticipantId::from_bytes);
    let abouts: Vec<Option<ParticipantId>> = read.iter().map(|(_, event)| about(event)).collect();
    let mut participants: Vec<ParticipantId> = abouts.iter().flatten().copied().collect();
    participants.sort_unstable();
    participants.dedup();
    let agency = actor.agency.clone();
    let command = Command::ReadReferences { agency, participants: participants.clone() };
    let answer = context.engine.execute(Lane::Patient, command).await?;
    let Outcome::References(references) = answer.outcome else { return Err(Failure::Internal) };
    let reference = |participant: &ParticipantId| {
        let place = participants.binary_search(participant).ok()?;
        references.get(place).copied().flatten()
    };
    let sees_findings = context.engine.sees_findings(actor);
    let rows = read.into_iter().zip(abouts).map(|((stored, _), about)| {
        let [body_salt, findings_salt, _] = &stored.salts;
        let (findings, findings_salt) = if sees_findings {
            (stored.findings, Bytes::copy_from_slice(findings_salt))
        } else {
            (Bytes::new(), Bytes::new())
        };
        v1::LogRow {
            findings,
            findings_salt,
            record_number: stored.skeleton.number,
            skeleton: Bytes::copy_from_slice(&stored.skeleton_bytes),
            salt: Bytes::copy_from_slice(body_salt),
            body: stored.body,
            participant_reference: about
                .as_ref()
                .and_then(reference)
                .map(|reference| reference.to_text())
                .unwrap_or_default(),
        }
    });
    Ok(rows.collect())
}

fn optional(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn time(ms: i64, field: &'static str) -> Result<Option<TimeMs>, Failure> {
    match TimeMs::try_from(ms) {
        Ok(0) => Ok(None),
        Ok(ms) => Ok(Some(ms)),
        Err(_) => Err(invalid(field, "Unix milliseconds, or 0")),
    }
}

#[tonic::async_trait]
impl AccessLogService for AccessLog {
    type QueryLogStream = BoxStream<v1::QueryLogResponse>;

    async fn query_log(
        &self,
        request: Request<v1::QueryLogRequest>,
    ) -> Result<Response<Self::QueryLogStream>, Status> {
        let permitted = self.permit(request).await.map_err(failed)?;
        let (sender, receiver) = mpsc::channel(ROWS_WAITING_MAX);
        let context = self.0.clone();
        tokio::spawn(async move {
            let sent = tokio::select! {
                sent = send_rows(context, permitted, &sender) => sent,
                () = sender.closed() => return,
            };
            if let Err(failure) = sent {
                let _caller_gone = sender.send(Err(failed(failure))).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver).boxed()))
    }

    async fn read_own_records(
        &self,
        request: Request<v1::ReadOwnRecordsRequest>,
    ) -> Result<Response<v1::ReadOwnRecordsResponse>, Status> {
        let actor = peer(&request).map_err(failed)?.actor.clone();
        let numbers = request.into_inner().record_numbers;
        self.own_records(actor, numbers).await.map(Response::new).map_err(failed)
    }

    type ReadLeafHashesStream = BoxStream<v1::ReadLeafHashesResponse>;

    async fn read_leaf_hashes(
        &self,
        request: Request<v1::ReadLeafHashesRequest>,
    ) -> Result<Response<Self::ReadLeafHashesStream>, Status> {
        let v1::ReadLeafHashesRequest { first, count } = request.into_inner();
        if !(1..=limits::LEAF_HASHES_MAX).contains(&count) {
            return Err(failed(invalid("count", "1 to 10,000,000")));
        }
        let size = self.0.engine.reader().latest().size();
        let end = first.checked_add(count).filter(|end| *end <= size);
        let Some(end) = end else { return Err(failed(Failure::CheckpointAhead { size })) };
        let reader = self.0.engine.reader().clone();
        let mut next = first;
        let pieces = std::iter::from_fn(move || {
            let count = (end - next).min(limits::LEAF_HASHES_PER_MESSAGE);
            if count == 0 {
                return None;
            }
            let hashes = reader.leaf_hashes(next, count);
            next += count;
            let piece = hashes.map(|hashes| v1::ReadLeafHashesResponse {
                leaf_hashes: hashes.into_iter().flatten().collect(),
            });
            Some(piece.map_err(failed))
        });
        Ok(Response::new(futures::stream::iter(pieces).boxed()))
    }
}
