//! Rows of the index: what of a record can be searched for.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::v1;

use crate::domain::event::{BatchSignature, Event, EventKind, Signature};
use crate::domain::ids::{AgencyId, ParticipantId};
use crate::index::Row;
use crate::journal::StoredRecord;

/// The row of one event.
#[must_use]
pub fn row(event: &Event) -> Row {
    let actor = event.actor.iter().map(|actor| actor.agency.clone());
    let (participant, named) = parties(&event.kind);
    let mut agencies: Vec<AgencyId> = actor.chain(named).collect();
    agencies.sort_unstable();
    agencies.dedup();
    Row { participant: participant.map(|id| *id.bytes()), agencies }
}

/// Whom an event is about, and the agencies that took part beside the actor's.
fn parties(kind: &EventKind) -> (Option<&ParticipantId>, Vec<AgencyId>) {
    match kind {
        EventKind::BrokerStarted { .. } | EventKind::CallRefused { .. } => (None, Vec::new()),
        EventKind::DirectoryPublished(entry) => (None, vec![entry.agency.clone()]),
        EventKind::LogQueried(query) => (query.participant.as_ref(), Vec::new()),
        EventKind::ParticipantRegistered { participant, .. }
        | EventKind::LotseAssigned { participant, .. } => (Some(participant), Vec::new()),
        EventKind::ReferenceAssigned { participant, agency, .. } => {
            (Some(participant), vec![agency.clone()])
        }
        // A consent is the participant's and the Lotse's: the agencies that it names took no part,
        // and an agency that could sanction must not read from the log that one was given or ended.
        EventKind::ConsentRecorded(consent) => (Some(&consent.participant), Vec::new()),
        EventKind::ConsentRevoked(revocation) => (Some(&revocation.participant), Vec::new()),
        EventKind::MessageDecided(decided) => {
            let label = &decided.submission.label;
            let mut agencies = vec![label.sender.agency.clone()];
            if matches!(decided.decision, crate::domain::event::Decision::Accepted(_)) {
                agencies.push(label.recipient.agency.clone());
            }
            (decided.participant.as_ref(), agencies)
        }
        EventKind::HandedOut(event) => (
            Some(&event.participant),
            vec![event.sender.agency.clone(), event.recipient.agency.clone()],
        ),
        EventKind::StageReported { participant, sender, recipient, .. }
        | EventKind::MessageStopped { participant, sender, recipient, .. } => {
            (Some(participant), vec![sender.clone(), recipient.clone()])
        }
    }
}

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
