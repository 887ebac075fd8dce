//! The access log as a data-protection officer or Lotse may see it: queries, exports, proofs.
//!
//! Every query states its reason and is itself a record before the first row comes. Each row is
//! checked against its skeleton when it arrives; an export can be checked without the broker.

mod bundle;
mod count;
pub(crate) mod describe;
mod evidence;
mod incident;
mod inclusion;
mod row;
mod safeguard;
mod spreadsheet;
mod verify;

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::query_log_response::Response as Answer;

pub use bundle::Bundle;
pub use count::{LogCount, LogCounts, LogGrouping};
#[cfg(test)]
pub(crate) use describe::record_type;
pub use describe::{
    all_if_empty, days_name, evaluation_tables_json, event_name, figure_name, has_reached,
    measure_name,
};
pub use evidence::Evidence;
pub use incident::{
    Disclosure, Incident, IncidentScope, NOTIFY_WITHIN_MS, RecipientSummary, by_recipient,
};
pub use inclusion::Inclusion;
pub use row::LogRow;
pub use safeguard::Safeguard;
pub use spreadsheet::{cells_csv, counts_csv, rows_csv, rows_json_lines};
#[cfg(test)]
pub(crate) use verify::tree_root;
pub use verify::{Check, Expectations, Report};

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{ConsentId, ParticipantReference, Receipt};

/// Rows of one page of a query that names no number.
const PAGE_ROWS: u32 = 10_000;
/// Most leaf hashes of one request.
const LEAF_HASHES_MAX: u64 = 10_000_000;

/// A query of the log. All filters given must match.
#[derive(Clone, Debug)]
#[must_use]
pub struct LogQuery {
    request: v1::QueryLogRequest,
}

impl LogQuery {
    /// All that we may see. The reason (10 to 500 characters) is kept in the log.
    pub fn new(reason: &str) -> Self {
        let request = v1::QueryLogRequest { reason: reason.to_owned(), ..Default::default() };
        Self { request }
    }

    /// Only about this participant.
    pub fn participant(mut self, reference: &ParticipantReference) -> Self {
        self.request.participant_reference = reference.as_text().to_owned();
        self
    }

    fn filter(&mut self) -> &mut v1::LogFilter {
        self.request.filter.get_or_insert_default()
    }

    /// Only with this agency as a party. A second one: only what both took part in.
    pub fn agency(mut self, agency: &str) -> Self {
        self.filter().agencies.push(agency.to_owned());
        self
    }

    /// Only from this instant on.
    pub fn since(mut self, time_ms: i64) -> Self {
        self.filter().from_ms = time_ms;
        self
    }

    /// Only before this instant.
    pub fn until(mut self, time_ms: i64) -> Self {
        self.filter().until_ms = time_ms;
        self
    }

    /// Only records of these types.
    pub fn types(mut self, types: &[v1::RecordType]) -> Self {
        self.filter().types = types.iter().map(|&one| one.into()).collect();
        self
    }

    /// Only decisions and hand-outs of this purpose.
    pub fn purpose(mut self, code: &str) -> Self {
        code.clone_into(&mut self.filter().purpose);
        self
    }

    /// Only decisions and hand-outs with this category.
    pub fn category(mut self, code: &str) -> Self {
        code.clone_into(&mut self.filter().category);
        self
    }

    /// Only decisions and hand-outs of this kind.
    pub fn kind(mut self, code: &str) -> Self {
        code.clone_into(&mut self.filter().kind);
        self
    }

    /// Only decisions that accepted, or that refused.
    pub fn accepted(mut self, accepted: bool) -> Self {
        let outcome =
            if accepted { v1::DecisionOutcome::Accepted } else { v1::DecisionOutcome::Refused };
        self.filter().set_outcome(outcome);
        self
    }

    /// Only this consent and what it covered. For a Lotse and the officer of the project.
    pub fn consent(mut self, consent: ConsentId) -> Self {
        self.filter().consent_id = consent.to_bytes();
        self
    }

    /// Only what was caused with the certificate of this serial number.
    pub fn certificate(mut self, serial: &[u8]) -> Self {
        self.filter().certificate_serial = Bytes::copy_from_slice(serial);
        self
    }

    /// Only from this record number on: the next page begins one after the last row of a page that
    /// was truncated.
    pub fn first_record(mut self, number: u64) -> Self {
        self.request.first_record = number;
        self
    }

    /// At most that many rows, 1 to 100,000; without it 10,000.
    pub fn max_rows(mut self, rows: u32) -> Self {
        self.request.max_rows = rows;
        self
    }

    /// The same with no more rows than are still wanted.
    fn up_to(self, rows: usize) -> Self {
        let page = match self.request.max_rows {
            0 => PAGE_ROWS,
            rows => rows,
        };
        let wanted = u32::try_from(rows).map_or(page, |rows| rows.clamp(1, page));
        self.max_rows(wanted)
    }
}

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct LogAnswer {
    /// Rows, oldest first.
    pub rows: Vec<LogRow>,
    /// The record of the query itself.
    pub receipt: Receipt,
    /// Signed checkpoint that covers all rows and the query.
    pub checkpoint: Bytes,
    /// Whether the limit cut the result.
    pub truncated: bool,
}

impl Client {
    /// Queries the log. A query is never repeated by itself: each one is a record.
    ///
    /// # Errors
    /// The broker refuses the query, cannot be reached, was rolled back, or a row does not fit its
    /// skeleton.
    pub async fn query_log(&self, query: &LogQuery) -> Result<LogAnswer, ClientError> {
        let answer = self.access_log().query_log(query.request.clone()).await;
        let mut answers = answer.map_err(|status| self.failed(&status))?.into_inner();
        let mut rows: Vec<LogRow> = Vec::new();
        while let Some(answer) = answers.message().await.map_err(|e| self.failed(&e))? {
            match answer.response {
                Some(Answer::Row(row)) => {
                    let row = LogRow::parse(row)?;
                    if rows.last().is_some_and(|last| last.record_number >= row.record_number) {
                        return Err(ClientError::protocol("rows out of order"));
                    }
                    rows.push(row);
                }
                Some(Answer::End(end)) => {
                    self.settle(&end.checkpoint).await?;
                    return Ok(LogAnswer {
                        rows,
                        receipt: Receipt::from_wire(end.receipt.as_ref())?,
                        checkpoint: end.checkpoint,
                        truncated: end.truncated,
                    });
                }
                None => return Err(ClientError::protocol("an empty answer of a log query")),
            }
        }
        Err(ClientError::Connection {
            endpoint: "log query".to_owned(),
            why: "the answer ended before its end".to_owned(),
        })
    }

    /// As [`Client::query_log`], page after page until all rows are there. Each page is a record.
    ///
    /// # Errors
    /// As there.
    pub async fn query_all(&self, query: &LogQuery) -> Result<LogAnswer, ClientError> {
        self.query_up_to(query, usize::MAX).await
    }

    /// As [`Client::query_all`], up to a number of rows: whether there are more is told as that the answer is truncated.
    ///
    /// # Errors
    /// As there.
    pub async fn query_up_to(
        &self,
        query: &LogQuery,
        rows_max: usize,
    ) -> Result<LogAnswer, ClientError> {
        let mut rows: Vec<LogRow> = Vec::new();
        let mut next = query.clone();
        loop {
            let left = rows_max.saturating_sub(rows.len());
            let page = self.query_log(&next.up_to(left)).await?;
            let is_last = !page.truncated || page.rows.is_empty();
            rows.extend(page.rows);
            if is_last || rows.len() >= rows_max {
                return Ok(LogAnswer { rows, ..page });
            }
            let first = rows.last().map_or(0, |row| row.record_number + 1);
            next = query.clone().first_record(first);
        }
    }

    /// Queries the log and fetches what is needed to check the rows without the broker. Calls
    /// `progress` with the leaf hashes read and the leaf hashes to read.
    ///
    /// # Errors
    /// As [`Client::query_log`].
    pub async fn export_with(
        &self,
        query: &LogQuery,
        progress: impl FnMut(u64, u64),
    ) -> Result<Bundle, ClientError> {
        let answer = self.query_log(query).await?;
        self.export_of(&answer, progress).await
    }

    /// As [`Client::export_with`], with the rows of all pages.
    ///
    /// # Errors
    /// As there.
    pub async fn export_all(
        &self,
        query: &LogQuery,
        progress: impl FnMut(u64, u64),
    ) -> Result<Bundle, ClientError> {
        let answer = self.query_all(query).await?;
        self.export_of(&answer, progress).await
    }

    /// An answer with the leaf hashes of all records that its checkpoint covers: 32 bytes for each record of the log,
    /// however few rows the answer has. Small even of a large log: [`Client::evidence_of`].
    ///
    /// # Errors
    /// The broker gives other hashes than asked for, or cannot be reached.
    pub async fn export_of(
        &self,
        answer: &LogAnswer,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Bundle, ClientError> {
        let size = self.checkpoints().observe(&answer.checkpoint)?.size;
        let mut hashes: Vec<u8> = Vec::new();
        let mut first = 0;
        while first < size {
            let count = (size - first).min(LEAF_HASHES_MAX);
            let request = v1::ReadLeafHashesRequest { first, count };
            let parts = self.access_log().read_leaf_hashes(request).await;
            let mut parts = parts.map_err(|status| self.failed(&status))?.into_inner();
            let before = hashes.len();
            while let Some(part) = parts.message().await.map_err(|e| self.failed(&e))? {
                hashes.extend_from_slice(&part.leaf_hashes);
                progress(u64::try_from(hashes.len() / 32).unwrap_or(size), size);
            }
            if u64::try_from(hashes.len() - before).ok() != count.checked_mul(32) {
                return Err(ClientError::protocol("other leaf hashes than asked for"));
            }
            first += count;
        }
        Ok(Bundle::new(self.log_key(), answer, hashes))
    }

    /// As [`Client::export_with`], silently.
    ///
    /// # Errors
    /// As there.
    pub async fn export(&self, query: &LogQuery) -> Result<Bundle, ClientError> {
        self.export_with(query, |_, _| ()).await
    }
}
