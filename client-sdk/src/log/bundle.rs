//! An export of the log: rows, all leaf hashes, the signed checkpoint, as one JSON document.
//!
//! | field | content |
//! | --- | --- |
//! | `format` | `schleuse-log-export-1` |
//! | `log_key` | public key of the log in its C2SP form |
//! | `checkpoint` | signed note that covers all leaf hashes, base64 |
//! | `query_record` | number of the record of the query itself |
//! | `truncated` | whether the limit of the query cut the rows |
//! | `rows` | `record_number`, and `skeleton`, `salt`, `body`, `findings`, `findings_salt`, `document` in base64, `document_signature` with `certificate` and `value` in base64, `participant_reference`, `erased` |
//! | `leaf_hashes` | all leaf hashes from record 0 on, 32 bytes each, base64 |

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schleuse_proto::v1;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{LogAnswer, LogRow};
use crate::error::{ClientError, EvidenceFault};

/// The only format there is.
const FORMAT: &str = "schleuse-log-export-1";

/// Rows of the log with everything that is needed to check them without the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    format: String,
    log_key: String,
    #[serde(with = "base64_bytes")]
    pub(super) checkpoint: Vec<u8>,
    query_record: u64,
    truncated: bool,
    rows: Vec<BundleRow>,
    #[serde(with = "base64_bytes")]
    pub(super) leaf_hashes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleRow {
    record_number: u64,
    #[serde(with = "base64_bytes")]
    skeleton: Bytes,
    #[serde(with = "base64_bytes")]
    salt: Bytes,
    #[serde(with = "base64_bytes")]
    body: Bytes,
    #[serde(with = "base64_bytes")]
    findings: Bytes,
    #[serde(with = "base64_bytes")]
    findings_salt: Bytes,
    participant_reference: String,
    #[serde(with = "base64_bytes")]
    document: Bytes,
    document_signature: BundleSignature,
    erased: bool,
}

/// Both parts are empty if there is no signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BundleSignature {
    #[serde(with = "base64_bytes")]
    certificate: Bytes,
    #[serde(with = "base64_bytes")]
    value: Bytes,
}

pub(super) mod base64_bytes {
    use super::*;

    pub(in crate::log) fn serialize<S: Serializer>(
        bytes: &impl AsRef<[u8]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in crate::log) fn deserialize<'de, D: Deserializer<'de>, B: From<Vec<u8>>>(
        from: D,
    ) -> Result<B, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD.decode(text).map_err(|_| serde::de::Error::custom("expected base64"));
        bytes.map(B::from)
    }
}

impl BundleRow {
    pub(super) fn from_wire(row: &v1::LogRow) -> Self {
        let signature = row.document_signature.clone().unwrap_or_default();
        Self {
            record_number: row.record_number,
            skeleton: row.skeleton.clone(),
            salt: row.salt.clone(),
            body: row.body.clone(),
            findings: row.findings.clone(),
            findings_salt: row.findings_salt.clone(),
            participant_reference: row.participant_reference.clone(),
            document: row.document.clone(),
            document_signature: BundleSignature {
                certificate: signature.certificate,
                value: signature.value,
            },
            erased: row.erased,
        }
    }

    /// The row as it came. Its bytes are shared, not copied.
    pub(super) fn to_wire(&self) -> v1::LogRow {
        let BundleSignature { certificate, value } = self.document_signature.clone();
        let is_signed = !certificate.is_empty() || !value.is_empty();
        v1::LogRow {
            record_number: self.record_number,
            skeleton: self.skeleton.clone(),
            salt: self.salt.clone(),
            body: self.body.clone(),
            participant_reference: self.participant_reference.clone(),
            findings: self.findings.clone(),
            findings_salt: self.findings_salt.clone(),
            document: self.document.clone(),
            document_signature: is_signed.then_some(v1::Signature { certificate, value }),
            erased: self.erased,
        }
    }
}

impl Bundle {
    pub(crate) fn new(log_key: &str, answer: &LogAnswer, leaf_hashes: Vec<u8>) -> Self {
        let rows = answer.rows.iter().map(|row| BundleRow::from_wire(&row.wire));
        Self {
            format: FORMAT.to_owned(),
            log_key: log_key.to_owned(),
            checkpoint: answer.checkpoint.to_vec(),
            query_record: answer.receipt.record_number,
            truncated: answer.truncated,
            rows: rows.collect(),
            leaf_hashes,
        }
    }

    /// Reads a bundle. Nothing in it is believed yet: see [`Bundle::verify`].
    ///
    /// # Errors
    /// Not a bundle of this format.
    pub fn from_json(json: &[u8]) -> Result<Self, ClientError> {
        let malformed = || ClientError::evidence(EvidenceFault::Protocol("not a log export"));
        let bundle: Self = serde_json::from_slice(json).map_err(|_| malformed())?;
        if bundle.format == FORMAT { Ok(bundle) } else { Err(malformed()) }
    }

    /// The bundle as JSON.
    ///
    /// # Errors
    /// Never for a bundle that was exported.
    pub fn to_json(&self) -> Result<Vec<u8>, ClientError> {
        serde_json::to_vec(self)
            .map_err(|_| ClientError::evidence(EvidenceFault::Protocol("not a log export")))
    }

    /// The log key that stands in the bundle. Compare it with one from elsewhere.
    #[must_use]
    pub fn log_key(&self) -> &str {
        &self.log_key
    }

    /// Number of rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Whether the limit of the query cut the rows.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Number of the record of the query itself.
    #[must_use]
    pub fn query_record(&self) -> u64 {
        self.query_record
    }

    /// The rows, each checked in itself.
    ///
    /// # Errors
    /// A row does not fit its skeleton.
    pub fn parse_rows(&self) -> Result<Vec<LogRow>, ClientError> {
        self.wire_rows().map(LogRow::parse).collect()
    }

    /// The rows as they stand in the bundle, unchecked.
    pub(super) fn wire_rows(&self) -> impl Iterator<Item = v1::LogRow> {
        self.rows.iter().map(BundleRow::to_wire)
    }
}
