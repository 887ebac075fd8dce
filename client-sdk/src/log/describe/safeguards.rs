//! Releases, objections and the end of participation in plain words and as JSON.

use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use super::short_id;
use crate::ids::hex;

/// The event in plain words.
pub(super) fn text(event: Option<&Event>) -> Option<String> {
    Some(match event {
        Some(Event::SecrecyReleaseRecorded(e)) => {
            format!("release {} from professional secrecy recorded", short_id(&e.release_id))
        }
        Some(Event::SecrecyReleaseRevoked(e)) => {
            format!("release {} from professional secrecy revoked", short_id(&e.release_id))
        }
        Some(Event::ObjectionRecorded(e)) => {
            format!("objection {} recorded", short_id(&e.objection_id))
        }
        Some(Event::ObjectionWithdrawn(e)) => {
            format!("objection {} ended", short_id(&e.objection_id))
        }
        Some(Event::ParticipationEnded(_)) => "participation ended".to_owned(),
        _ => return None,
    })
}

/// The event as JSON.
pub(super) fn json(event: Option<&Event>) -> Option<Value> {
    Some(match event {
        Some(Event::SecrecyReleaseRecorded(e)) => {
            json!({ "release": hex(&e.release_id), "document_hash": hex(&e.document_hash) })
        }
        Some(Event::SecrecyReleaseRevoked(e)) => {
            json!({ "release": hex(&e.release_id), "document_hash": hex(&e.document_hash) })
        }
        Some(Event::ObjectionRecorded(e)) => {
            json!({ "objection": hex(&e.objection_id), "document_hash": hex(&e.document_hash) })
        }
        Some(Event::ObjectionWithdrawn(e)) => {
            json!({ "objection": hex(&e.objection_id), "document_hash": hex(&e.document_hash) })
        }
        Some(Event::ParticipationEnded(e)) => json!({ "document_hash": hex(&e.document_hash) }),
        _ => return None,
    })
}

/// The event for the participant, in German.
pub(crate) fn for_participant(event: Option<&Event>) -> Option<&'static str> {
    Some(match event {
        Some(Event::SecrecyReleaseRecorded(_)) => {
            "Eine Schweigepflichtentbindung wurde festgehalten."
        }
        Some(Event::SecrecyReleaseRevoked(_)) => {
            "Eine Schweigepflichtentbindung wurde widerrufen. Was darunter fiel, wird nicht mehr weitergegeben."
        }
        Some(Event::ObjectionRecorded(_)) => {
            "Ihr Widerspruch wurde festgehalten. Was er betrifft, wird nicht weitergegeben."
        }
        Some(Event::ObjectionWithdrawn(_)) => "Ein Widerspruch wurde zurückgenommen.",
        Some(Event::ParticipationEnded(_)) => {
            "Ihre Teilnahme wurde beendet. Es wird nichts mehr weitergegeben."
        }
        _ => return None,
    })
}
