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
use crate::domain::event::{Actor, Event, EventKind, LogFilter, LogQueryEvent};
use crate::domain::ids::{ConsentId, ParticipantId, RecordNumber, TimeMs};
use crate::domain::refusal::Refusal;
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane, Range};
use crate::journal::StoredRecord;
use crate::record::documents::{agency, reference};
use crate::record::facts::{Facts, Wanted};
use crate::record::rows::wire_signature;

pub(super) struct AccessLog(pub(super) Context);

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Rows that wait to be written to the caller.
const ROWS_WAITING_MAX: usize = 64;
/// Agencies of one query.
const AGENCIES_MAX: usize = 2;
/// Longest code of the catalogue in a query.
const CODE_BYTES_MAX: usize = 80;
/// Longest serial number of a certificate; RFC 5280.
const SERIAL_BYTES_MAX: usize = 20;
/// Types of one query.
const TYPES_MAX: usize = 64;
/// Rows read together.
const ROWS_AT_ONCE: usize = 256;

/// A query that was recorded and may be answered.
pub(super) struct Permitted {
    pub(super) actor: Actor,
    pub(super) wanted: Wanted,
    pub(super) range: Range,
    rows_max: u32,
    pub(super) record: RecordNumber,
    pub(super) answer: Answer,
}

/// A stated reason.
pub(super) fn reason(text: &str) -> Result<String, Failure> {
    let reason = text.trim().to_owned();
    if !(10..=500).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        return Err(invalid("reason", "10 to 500 characters, one line: why this is done"));
    }
    Ok(reason)
}

impl AccessLog {
    /// Records the query before anything is read.
    pub(super) async fn permit(
        &self,
        request: Request<v1::QueryLogRequest>,
    ) -> Result<Permitted, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let reason = reason(&request.reason)?;
        if request.max_rows > limits::LOG_ROWS_MAX {
            return Err(invalid("max_rows", "1 to 100,000, or 0 for 10,000"));
        }
        let filter = self.filter(&actor, request.filter.unwrap_or_default())?;
        // Codes are checked before the query is recorded.
        let mut wanted = Wanted::new(&filter, &self.0.engine.rules().catalogue)
            .ok_or(invalid("filter", "codes of the catalogue"))?;
        let mut range =
            Range { first: request.first_record, end: 0, from: filter.from, until: filter.until };
        let about = optional(&request.participant_reference).map(reference).transpose()?;
        let by_participant = about.is_some();
        let query = LogQueryEvent { reason, participant: None, by_participant, filter };
        let command = Command::QueryLog { actor: actor.clone(), reference: about, query };
        let answer = self.0.engine.execute(Lane::Urgent, command).await?;
        let Outcome::QueryLogged { record, participant } = answer.outcome else {
            return Err(Failure::Internal);
        };
        // A reference that means nobody: nothing but the query itself.
        range.end = record + 1;
        if participant == Some(None) {
            range.first = range.first.max(record);
        }
        wanted.participant = participant.flatten();
        let rows_max =
            if request.max_rows == 0 { limits::LOG_ROWS_DEFAULT } else { request.max_rows };
        Ok(Permitted { actor, wanted, range, rows_max, record, answer })
    }

    /// Reads a filter and checks it.
    fn filter(&self, actor: &Actor, filter: v1::LogFilter) -> Result<LogFilter, Failure> {
        if filter.agencies.len() > AGENCIES_MAX {
            return Err(invalid("filter.agencies", "at most 2 agencies"));
        }
        if filter.types.len() > TYPES_MAX {
            return Err(invalid("filter.types", "each type once"));
        }
        let agencies = filter.agencies.iter().map(|text| agency(text, "filter.agencies"));
        let types = filter.types.iter().map(|number| {
            v1::RecordType::try_from(*number)
                .ok()
                .filter(|known| *known != v1::RecordType::Unspecified)
                .and_then(|_| u8::try_from(*number).ok())
                .ok_or(invalid("filter.types", "known record types"))
        });
        let accepted = match v1::DecisionOutcome::try_from(filter.outcome) {
            Ok(v1::DecisionOutcome::Unspecified) => None,
            Ok(v1::DecisionOutcome::Accepted) => Some(true),
            Ok(v1::DecisionOutcome::Refused) => Some(false),
            Err(_) => return Err(invalid("filter.outcome", "ACCEPTED or REFUSED")),
        };
        let consent = match filter.consent_id.as_ref() {
            [] => None,
            _ if !self.0.engine.sees_findings(actor) => {
                let expected = "nothing: only a Lotse and the project's officer ask by consent";
                return Err(invalid("filter.consent_id", expected));
            }
            id => Some(ConsentId::parse(id).ok_or(invalid("filter.consent_id", "16 bytes"))?),
        };
        if filter.certificate_serial.len() > SERIAL_BYTES_MAX {
            return Err(invalid("filter.certificate_serial", "1 to 20 bytes"));
        }
        let code = |text: String, field| match text.len() {
            0 => Ok(None),
            1..=CODE_BYTES_MAX => Ok(Some(text)),
            _ => Err(invalid(field, "a code of the catalogue")),
        };
        Ok(LogFilter {
            agencies: agencies.collect::<Result<_, _>>()?,
            from: time(filter.from_ms, "filter.from_ms")?,
            until: time(filter.until_ms, "filter.until_ms")?,
            types: types.collect::<Result<_, _>>()?,
            purpose: code(filter.purpose, "filter.purpose")?,
            category: code(filter.category, "filter.category")?,
            kind: code(filter.kind, "filter.kind")?,
            accepted,
            consent,
            certificate: Some(filter.certificate_serial).filter(|serial| !serial.is_empty()),
        })
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
        let (read, proofs, commit) = self
            .0
            .blocking(move || {
                let commit = engine.reader().latest();
                let mut read = Vec::with_capacity(numbers.len());
                let mut proofs = Vec::with_capacity(numbers.len());
                for number in numbers {
                    let Some(record) = engine.own_record(&asking, number, commit.size())? else {
                        return Ok((None, proofs, commit));
                    };
                    let (stored, event) = record;
                    read.push((stored, Some(event)));
                    proofs.push(inclusion(&**engine.reader(), number, commit.size())?);
                }
                Ok((Some(read), proofs, commit))
            })
            .await?;
        // Records of others are as absent as those that nobody wrote.
        let read = read.ok_or(Refusal::NotFound { field: "record_numbers" })?;
        // Without findings, a Lotse's too: the act is its own, what decided is not.
        let rows = rows(&self.0, &actor, false, read).await?;
        Ok(v1::ReadOwnRecordsResponse { rows, proofs, checkpoint: checkpoint(&commit) })
    }
}

/// Reads the rows and sends them.
async fn send_rows(
    context: Context,
    permitted: Permitted,
    sender: &mpsc::Sender<Result<v1::QueryLogResponse, Status>>,
) -> Result<(), Failure> {
    let Permitted { actor, wanted, range, rows_max, record, answer } = permitted;
    let mut left = usize::try_from(rows_max).unwrap_or_default();
    let engine = context.engine.clone();
    let asking = actor.clone();
    let prepared = move || engine.query(&asking, wanted, range);
    let mut query = context.blocking(prepared).await?;
    let truncated = loop {
        // One more than may be sent, to know whether there is more.
        let most = ROWS_AT_ONCE.min(left + 1);
        let caller = sender.clone();
        let (read, returned) = context
            .blocking(move || {
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
        let sees_findings = context.engine.sees_findings(&actor);
        let rows = rows(&context, &actor, sees_findings, read).await?;
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

/// Records as the caller may see them: bodies, and the caller's own references of participants.
pub(super) async fn rows(
    context: &Context,
    actor: &Actor,
    sees_findings: bool,
    read: Vec<(StoredRecord, Option<Event>)>,
) -> Result<Vec<v1::LogRow>, Failure> {
    // Whether a refused message or a query was about somebody is part of what was found.
    let about = |event: &Event| {
        let facts = Facts::of(event);
        if sees_findings || facts.tells_participant() { facts.participant.copied() } else { None }
    };
    let abouts: Vec<Option<ParticipantId>> =
        read.iter().map(|(_, event)| event.as_ref().and_then(about)).collect();
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
    let rows = read.into_iter().zip(abouts).map(|((stored, event), about)| {
        let reference = about.as_ref().and_then(reference).map(|reference| reference.to_text());
        row(&stored, event.as_ref(), sees_findings, reference.unwrap_or_default())
    });
    Ok(rows.collect())
}

/// One record as a caller may see it.
pub(super) fn row(
    stored: &StoredRecord,
    event: Option<&Event>,
    sees_findings: bool,
    participant_reference: String,
) -> v1::LogRow {
    let mut row = v1::LogRow {
        record_number: stored.skeleton.number,
        skeleton: Bytes::copy_from_slice(&stored.skeleton_bytes),
        participant_reference,
        ..v1::LogRow::default()
    };
    let Some(event) = event else {
        row.erased = true;
        return row;
    };
    let [body_salt, findings_salt, _] = &stored.salts;
    row.salt = Bytes::copy_from_slice(body_salt);
    // A copy: the record's own bytes would keep its payload alive until the row is sent.
    row.body = Bytes::copy_from_slice(&stored.body);
    if sees_findings {
        row.findings = Bytes::copy_from_slice(&stored.findings);
        row.findings_salt = Bytes::copy_from_slice(findings_salt);
        if let EventKind::ConsentRecorded(consent) = &event.kind {
            row.document = Bytes::copy_from_slice(&consent.bytes);
            row.document_signature = Some(wire_signature(&consent.signature));
        }
        if let EventKind::Safeguard(event) = &event.kind {
            row.document = Bytes::copy_from_slice(&event.bytes);
            row.document_signature = Some(wire_signature(&event.signature));
        }
    }
    row
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

    async fn count_log(
        &self,
        request: Request<v1::CountLogRequest>,
    ) -> Result<Response<v1::CountLogResponse>, Status> {
        self.count(request).await.map(Response::new).map_err(failed)
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
        let context = self.0.clone();
        let pieces = futures::stream::try_unfold(first, move |next| {
            let context = context.clone();
            async move {
                let count = (end - next).min(limits::LEAF_HASHES_PER_MESSAGE);
                if count == 0 {
                    return Ok(None);
                }
                let reader = context.engine.reader().clone();
                let hashes = context.blocking(move || reader.leaf_hashes(next, count)).await;
                let leaf_hashes = hashes.map_err(failed)?.into_iter().flatten().collect();
                Ok(Some((v1::ReadLeafHashesResponse { leaf_hashes }, next + count)))
            }
        });
        Ok(Response::new(pieces.boxed()))
    }
}
