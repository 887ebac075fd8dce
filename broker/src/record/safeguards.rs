//! Records of releases, objections, and the end of participation: the body has a number and a hash, the document lies
//! in the private section, and only the Lotse and the officer of the project are shown it.

use bytes::Bytes;
use schleuse_proto::evidence::{SafeguardDocument, sha256};
use schleuse_proto::v1::{self, log_entry};

use super::documents::parse_safeguard;
use crate::domain::Catalogue;
use crate::domain::consent::Suspension;
use crate::domain::event::{SafeguardEvent, Signature};
use crate::domain::ids::ParticipantId;
use crate::domain::safeguards::SafeguardAct;

/// Type of the record of an act.
pub(super) fn record_type(act: &SafeguardAct) -> v1::RecordType {
    match act.document() {
        SafeguardDocument::Release => v1::RecordType::SecrecyReleaseRecorded,
        SafeguardDocument::ReleaseRevocation => v1::RecordType::SecrecyReleaseRevoked,
        SafeguardDocument::Objection => v1::RecordType::ObjectionRecorded,
        SafeguardDocument::ObjectionWithdrawal => v1::RecordType::ObjectionWithdrawn,
        SafeguardDocument::ParticipationEnd => v1::RecordType::ParticipationEnded,
    }
}

/// Body of an event; its document goes into the private section.
pub(super) fn encode(event: &SafeguardEvent, private: &mut v1::PrivateSection) -> log_entry::Event {
    private.participant = Bytes::copy_from_slice(event.participant.bytes());
    private.document = event.bytes.clone();
    private.signature = Some(super::encode::signature(&event.signature));
    let document_hash = Bytes::copy_from_slice(&event.document_hash);
    match &event.act {
        SafeguardAct::Release(document) => {
            let release_id = Bytes::copy_from_slice(document.release_id.bytes());
            let recorded = v1::SecrecyReleaseRecorded { release_id, document_hash };
            log_entry::Event::SecrecyReleaseRecorded(recorded)
        }
        SafeguardAct::ReleaseRevocation { release, .. } => {
            let release_id = Bytes::copy_from_slice(release.bytes());
            let revoked = v1::SecrecyReleaseRevoked { release_id, document_hash };
            log_entry::Event::SecrecyReleaseRevoked(revoked)
        }
        SafeguardAct::Objection(document) => {
            let objection_id = Bytes::copy_from_slice(document.objection_id.bytes());
            let recorded = v1::ObjectionRecorded { objection_id, document_hash };
            log_entry::Event::ObjectionRecorded(recorded)
        }
        SafeguardAct::ObjectionWithdrawal { objection, .. } => {
            let objection_id = Bytes::copy_from_slice(objection.bytes());
            let withdrawn = v1::ObjectionWithdrawn { objection_id, document_hash };
            log_entry::Event::ObjectionWithdrawn(withdrawn)
        }
        SafeguardAct::ParticipationEnd { .. } => {
            log_entry::Event::ParticipationEnded(v1::ParticipationEnded { document_hash })
        }
    }
}

/// An event as it was recorded.
pub(super) fn decode(
    document: SafeguardDocument,
    participant: ParticipantId,
    bytes: Bytes,
    signature: Signature,
    catalogue: &Catalogue,
) -> Result<SafeguardEvent, String> {
    let act = parse_safeguard(document, &bytes, catalogue).map_err(|error| error.to_string())?;
    Ok(SafeguardEvent { participant, act, document_hash: sha256(&[&bytes]), bytes, signature })
}

/// Why a consent is suspended, as the log says it.
pub(super) fn suspension(reason: Suspension) -> v1::SuspensionReason {
    match reason {
        Suspension::RecordsLost => v1::SuspensionReason::RecordsLost,
        Suspension::ReviewMissed => v1::SuspensionReason::ReviewMissed,
    }
}
