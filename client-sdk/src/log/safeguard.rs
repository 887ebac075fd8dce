//! Documents of releases, objections and the end of participation, as rows show them.

use schleuse_proto::evidence::{SafeguardDocument, decode_canonical};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

/// A signed document that stands beside the consents.
#[derive(Clone, Debug, PartialEq)]
pub enum Safeguard {
    /// A release from professional secrecy.
    Release(v1::SecrecyReleaseDocument),
    /// Its revocation.
    ReleaseRevocation(v1::SecrecyReleaseRevocationDocument),
    /// An objection.
    Objection(v1::ObjectionDocument),
    /// Its end.
    ObjectionWithdrawal(v1::ObjectionWithdrawalDocument),
    /// The end of the participation.
    ParticipationEnd(v1::ParticipationEndDocument),
}

impl Safeguard {
    /// Which document an event has, and the hash that names it.
    pub(crate) fn named(event: Option<&Event>) -> Option<(SafeguardDocument, &[u8])> {
        Some(match event {
            Some(Event::SecrecyReleaseRecorded(e)) => {
                (SafeguardDocument::Release, &e.document_hash)
            }
            Some(Event::SecrecyReleaseRevoked(e)) => {
                (SafeguardDocument::ReleaseRevocation, &e.document_hash)
            }
            Some(Event::ObjectionRecorded(e)) => (SafeguardDocument::Objection, &e.document_hash),
            Some(Event::ObjectionWithdrawn(e)) => {
                (SafeguardDocument::ObjectionWithdrawal, &e.document_hash)
            }
            Some(Event::ParticipationEnded(e)) => {
                (SafeguardDocument::ParticipationEnd, &e.document_hash)
            }
            _ => return None,
        })
    }

    /// Reads the document of an event; it must be canonical and about what the event names.
    pub(crate) fn read(event: Option<&Event>, bytes: &[u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "the document is malformed";
        const OTHER: &str = "the document is of another release or objection";
        let read = match event {
            Some(Event::SecrecyReleaseRecorded(e)) => {
                let document = decode_canonical(bytes).map_err(|_| MALFORMED)?;
                let v1::SecrecyReleaseDocument { release_id, .. } = &document;
                let fits = *release_id == e.release_id;
                fits.then_some(Self::Release(document))
            }
            Some(Event::SecrecyReleaseRevoked(e)) => {
                let document = decode_canonical(bytes).map_err(|_| MALFORMED)?;
                let v1::SecrecyReleaseRevocationDocument { release_id, .. } = &document;
                let fits = *release_id == e.release_id;
                fits.then_some(Self::ReleaseRevocation(document))
            }
            Some(Event::ObjectionRecorded(e)) => {
                let document = decode_canonical(bytes).map_err(|_| MALFORMED)?;
                let v1::ObjectionDocument { objection_id, .. } = &document;
                let fits = *objection_id == e.objection_id;
                fits.then_some(Self::Objection(document))
            }
            Some(Event::ObjectionWithdrawn(e)) => {
                let document = decode_canonical(bytes).map_err(|_| MALFORMED)?;
                let v1::ObjectionWithdrawalDocument { objection_id, .. } = &document;
                let fits = *objection_id == e.objection_id;
                fits.then_some(Self::ObjectionWithdrawal(document))
            }
            Some(Event::ParticipationEnded(_)) => {
                Some(Self::ParticipationEnd(decode_canonical(bytes).map_err(|_| MALFORMED)?))
            }
            _ => None,
        };
        read.ok_or(OTHER)
    }

    /// The Lotse's own reference of the participant, if the document names it.
    pub(crate) fn participant_reference(&self) -> Option<&str> {
        match self {
            Self::Release(document) => Some(&document.participant_reference),
            Self::Objection(document) => Some(&document.participant_reference),
            Self::ParticipationEnd(document) => Some(&document.participant_reference),
            Self::ReleaseRevocation(_) | Self::ObjectionWithdrawal(_) => None,
        }
    }
}
