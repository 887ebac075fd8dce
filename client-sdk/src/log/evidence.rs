//! Evidence: records with their proofs, small enough to be filed with the case, however large the log is. Of one's own
//! acts, and of the rows that a query found.
//!
//! | field | content |
//! | --- | --- |
//! | `format` | `schleuse-evidence-1` |
//! | `log_key` | public key of the log in its C2SP form |
//! | `checkpoint` | signed note that the proofs lead to, base64 |
//! | `records` | rows as in an export, each with `path`: its RFC 9162 inclusion proof, hashes of 32 bytes one after the other, base64 |

use schleuse_proto::checkpoint::{SignedCheckpoint, check_inclusion};
use schleuse_proto::evidence::{Digest, label_digest};
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde::{Deserialize, Serialize};

use super::bundle::{BundleRow, base64_bytes};
use super::verify::{Checks, Expectations, Report, Scope, check_order, summary};
use super::{LogAnswer, LogRow, describe};
use crate::client::Client;
use crate::clock::rfc3339;
use crate::error::{ClientError, EvidenceFault};
use crate::ids::hex;

/// The only format there is.
const FORMAT: &str = "schleuse-evidence-1";
/// Most records of one request.
const RECORDS_MAX: usize = 100;
/// Most proofs of one request.
const PROOFS_MAX: usize = 1_000;

/// Records with the proofs that they are in the log.
///
/// What it shows to anybody who trusts the log's key: the broker committed to exactly these records,
/// for example to having accepted or refused a message with this label at this time. A refusal is
/// evidence without its reason: the findings are committed to and can be opened by the officer of
/// the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    format: String,
    log_key: String,
    #[serde(with = "base64_bytes")]
    checkpoint: Vec<u8>,
    records: Vec<EvidenceRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvidenceRecord {
    row: BundleRow,
    #[serde(with = "base64_bytes")]
    path: Vec<u8>,
}

impl Evidence {
    pub(crate) fn new(
        log_key: &str,
        response: v1::ReadOwnRecordsResponse,
    ) -> Result<Self, ClientError> {
        let v1::ReadOwnRecordsResponse { rows, proofs, checkpoint } = response;
        let fits = rows.len() == proofs.len()
            && rows.iter().zip(&proofs).all(|(row, p)| row.record_number == p.record_number);
        if !fits {
            return Err(ClientError::protocol("proofs of other records than asked for"));
        }
        let records = rows.iter().zip(proofs).map(|(row, proof)| EvidenceRecord {
            row: BundleRow::from_wire(row),
            path: proof.path.concat(),
        });
        Ok(Self {
            format: FORMAT.to_owned(),
            log_key: log_key.to_owned(),
            checkpoint: checkpoint.to_vec(),
            records: records.collect(),
        })
    }

    /// Reads evidence. Nothing in it is believed yet: see [`Evidence::verify`].
    ///
    /// # Errors
    /// Not evidence of this format.
    pub fn from_json(json: &[u8]) -> Result<Self, ClientError> {
        let malformed = || ClientError::evidence(EvidenceFault::Protocol("not a file of evidence"));
        let evidence: Self = serde_json::from_slice(json).map_err(|_| malformed())?;
        if evidence.format == FORMAT { Ok(evidence) } else { Err(malformed()) }
    }

    /// The evidence as JSON.
    ///
    /// # Errors
    /// Never for evidence that was read from a broker.
    pub fn to_json(&self) -> Result<Vec<u8>, ClientError> {
        serde_json::to_vec(self)
            .map_err(|_| ClientError::evidence(EvidenceFault::Protocol("not a file of evidence")))
    }

    /// The records, each checked in itself.
    ///
    /// # Errors
    /// A record does not fit its skeleton.
    pub fn rows(&self) -> Result<Vec<LogRow>, ClientError> {
        self.records.iter().map(|record| LogRow::parse(record.row.to_wire())).collect()
    }

    /// Checks the evidence against a log key that came from elsewhere. Needs no broker.
    #[must_use]
    pub fn verify(&self, log_key: &str) -> Report {
        self.check(&Expectations::new(log_key))
    }

    /// As [`Evidence::verify`], and checks the signatures inside the records against a table of trust.
    #[must_use]
    pub fn verify_signatures(&self, log_key: &str, trust: &Trust) -> Report {
        self.check(&Expectations::new(log_key).trust(trust))
    }

    /// Checks the evidence against everything that is expected of it. It is never the whole log.
    #[must_use]
    pub fn check(&self, expected: &Expectations<'_>) -> Report {
        let mut checks = Checks::default();
        let checkpoint = checks.checkpoint(&self.log_key, &self.checkpoint, expected);
        let rows = checks.records(self.records.iter().map(|record| record.row.to_wire()));
        if let Some(checkpoint) = &checkpoint {
            checks.add("inclusion", self.check_inclusion(&rows, checkpoint));
        }
        checks.add("order", check_order(&rows));
        if expected.complete {
            checks
                .add("completeness", Err("evidence of own acts is never the whole log".to_owned()));
        }
        checks.contents(&rows, expected.trust, Scope::SingleRecords);
        for row in &rows {
            checks.add("record", Ok(sentence(row)));
        }
        let log_size = checkpoint.map(|checkpoint| checkpoint.size).unwrap_or_default();
        Report { checks: checks.checks, rows: self.records.len(), log_size, complete: false }
    }

    fn check_inclusion(
        &self,
        rows: &[LogRow],
        checkpoint: &SignedCheckpoint,
    ) -> Result<String, String> {
        if rows.len() != self.records.len() || rows.is_empty() {
            return Err("there is nothing that could be included".to_owned());
        }
        let faults = rows.iter().zip(&self.records).filter_map(|(row, record)| {
            let (path, rest) = record.path.as_chunks::<32>();
            let path: Vec<Digest> = path.to_vec();
            if !rest.is_empty() {
                return Some(format!("record {}: a malformed proof", row.record_number));
            }
            let shown = check_inclusion(checkpoint, row.record_number, &row.leaf_hash(), &path);
            shown.err().map(|error| error.to_string())
        });
        let faults: Vec<String> = faults.collect();
        summary(&faults, "every record is in the log at its number".to_owned())
    }
}

/// What a record says, in plain words.
fn sentence(row: &LogRow) -> String {
    let time = rfc3339(row.time_ms());
    let (number, by, what) = (row.record_number, row.actor(), describe::summary(row));
    let text = format!("{number}, {time}, {by}: {what}");
    match row.event() {
        Some(Event::MessageDecided(decided)) => format!(
            "{text}; label {}, payload {}, catalogue {}",
            hex(&label_digest(&decided.label)),
            hex(&decided.payload_digest),
            decided.catalogue_version
        ),
        _ => text,
    }
}

impl Client {
    /// Fetches evidence of our own acts by their record numbers: decisions on messages that we sent,
    /// hand-outs that we received, consents that we recorded. Each once, in ascending order.
    ///
    /// # Errors
    /// One of the records is not ours, or the broker cannot be reached or was rolled back.
    pub async fn evidence(&self, record_numbers: &[u64]) -> Result<Evidence, ClientError> {
        if !(1..=RECORDS_MAX).contains(&record_numbers.len()) {
            return Err(ClientError::argument("records", "1 to 100 record numbers"));
        }
        let mut record_numbers = record_numbers.to_vec();
        record_numbers.sort_unstable();
        record_numbers.dedup();
        let request = v1::ReadOwnRecordsRequest { record_numbers: record_numbers.clone() };
        let response = self
            .call(|| {
                let (mut service, request) = (self.access_log(), request.clone());
                async move { service.read_own_records(request).await }
            })
            .await?;
        self.settle(&response.checkpoint).await?;
        let asked = response.rows.iter().map(|row| row.record_number);
        if !asked.eq(record_numbers) {
            return Err(ClientError::protocol("other records than asked for"));
        }
        let evidence = Evidence::new(self.log_key(), response)?;
        let report = evidence.verify(self.log_key());
        match report.checks.iter().find(|check| !check.passed) {
            None => Ok(evidence),
            Some(_) => Err(ClientError::protocol("evidence that does not hold")),
        }
    }

    /// The rows of an answer, each with the proof that it is in the log: some hundred bytes for each row. Nothing of it
    /// is checked yet: see [`Evidence::check`]. An answer without rows gives evidence of nothing, which does not hold.
    ///
    /// # Errors
    /// The broker gives other proofs than asked for, or cannot be reached.
    pub async fn evidence_of(&self, answer: &LogAnswer) -> Result<Evidence, ClientError> {
        let log_size = self.checkpoints().observe(&answer.checkpoint)?.size;
        let mut proofs = Vec::with_capacity(answer.rows.len());
        for rows in answer.rows.chunks(PROOFS_MAX) {
            let record_numbers = rows.iter().map(|row| row.record_number).collect();
            let request = v1::ProveInclusionRequest { record_numbers, log_size };
            let part = self
                .call(|| {
                    let (mut service, request) = (self.checkpoint_service(), request.clone());
                    async move { service.prove_inclusion(request).await }
                })
                .await?;
            proofs.extend(part.proofs);
        }
        let rows = answer.rows.iter().map(|row| row.wire.clone()).collect();
        let checkpoint = answer.checkpoint.clone();
        Evidence::new(self.log_key(), v1::ReadOwnRecordsResponse { rows, proofs, checkpoint })
    }
}

#[cfg(test)]
mod tests;
