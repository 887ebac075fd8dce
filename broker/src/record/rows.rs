//! Parts of records in the forms of the wire.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::v1;

use crate::domain::event::{BatchSignature, Signature};
use crate::journal::StoredRecord;

/// Document in the private section of a record, if it has one.
#[must_use]
pub fn private_document(stored: &StoredRecord) -> Option<Bytes> {
    let private = v1::PrivateSection::decode(stored.private.clone()).ok()?;
    (!private.document.is_empty()).then_some(private.document)
}

/// A signature as it stands on the wire.
#[must_use]
pub fn wire_signature(signature: &Signature) -> v1::Signature {
    super::encode::signature(signature)
}

/// A signature from the wire.
#[must_use]
pub fn domain_signature(signature: Option<v1::Signature>) -> Signature {
    super::decode::signature(signature)
}

/// A batch signature from the wire.
#[must_use]
pub fn domain_batch_signature(batch: Option<v1::BatchSignature>) -> BatchSignature {
    super::decode::batch_signature(batch)
}

pub use super::decode::{dead_letter_reason, deletion_answer, taken_up_by};
pub use super::encode::{
    dead_letter_reason as wire_dead_letter_reason, deletion_answer as wire_deletion_answer,
    taken_up_by as wire_taken_up_by,
};

/// The parts of an accepted message that its recipient gets, without the payload.
#[derive(Debug)]
pub struct SealedParts {
    /// Label bytes as signed.
    pub label: Bytes,
    /// The sender's signature.
    pub signature: Option<v1::BatchSignature>,
    encapsulated_key_bytes: u32,
}

impl SealedParts {
    /// Reads them off the record of the acceptance; none if it is another kind of record.
    #[must_use]
    pub fn of(stored: &StoredRecord) -> Option<Self> {
        let entry = v1::LogEntry::decode(stored.body.clone()).ok()?;
        let Some(v1::log_entry::Event::MessageDecided(decided)) = entry.event else { return None };
        Some(Self {
            label: decided.label,
            signature: decided.signature,
            encapsulated_key_bytes: decided.encapsulated_key_bytes,
        })
    }

    /// Puts an opened payload to them.
    #[must_use]
    pub fn with(self, payload: &Bytes) -> v1::SealedMessage {
        let at = usize::try_from(self.encapsulated_key_bytes).unwrap_or_default();
        let at = at.min(payload.len());
        v1::SealedMessage {
            label: self.label,
            encapsulated_key: payload.slice(..at),
            ciphertext: payload.slice(at..),
            signature: self.signature,
        }
    }
}
