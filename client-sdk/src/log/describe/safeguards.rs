//! Releases, objections and the end of participation in plain words and as JSON.

use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use super::short_id;
use crate::ids::hex;

/// The event in plain words.
pub(super) fn text(event: &Event) -> Option<String> {
    Some(match event {
        Event::SecrecyReleaseRecorded(e) => {
            format!("release {} from professional secrecy recorded", short_id(&e.release_id))
        }
        Event::SecrecyReleaseRevoked(e) => {
            format!("release {} from professional secrecy revoked", short_id(&e.release_id))
        }
        Event::ObjectionRecorded(e) => format!("objection {} recorded", short_id(&e.objection_id)),
        Event::ObjectionWithdrawn(e) => format!("objection {} ended", short_id(&e.objection_id)),
        Event::ParticipationEnded(_) => "participation ended".to_owned(),
        _ => return None,
    })
}

/// The event as JSON.
pub(super) fn json(event: &Event) -> Option<Value> {
    Some(match event {
        Event::SecrecyReleaseRecorded(e) => {
            json!({ "release": hex(&e.release_id), "document_hash": hex(&e.document_hash) })
        }
        Event::SecrecyReleaseRevoked(e) => {
            json!({ "release": hex(&e.release_id), "document_hash": hex(&e.document_hash) })
        }
        Event::ObjectionRecorded(e) => {
            json!({ "objection": hex(&e.objection_id), "document_hash": hex(&e.document_hash) })
        }
        Event::ObjectionWithdrawn(e) => {
            json!({ "objection": hex(&e.objection_id), "document_hash": hex(&e.document_hash) })
        }
        Event::ParticipationEnded(e) => json!({ "document_hash": hex(&e.document_hash) }),
        _ => return None,
    })
}

/// The event for the participant, in German.
pub(crate) fn for_participant(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::SecrecyReleaseRecorded(_) => "Eine Schweigepflichtentbindung wurde festgehalten.",
        Event::SecrecyReleaseRevoked(_) => {
            "Eine Schweigepflichtentbindung wurde widerrufen. Was darunter fiel, wird nicht mehr weitergegeben."
        }
        Event::ObjectionRecorded(_) => {
            "Ihr Widerspruch wurde festgehalten. Was er betrifft, wird nicht weitergegeben."
        }
        Event::ObjectionWithdrawn(_) => "Ein Widerspruch wurde zurückgenommen.",
        Event::ParticipationEnded(_) => {
            "Ihre Teilnahme wurde beendet. Es wird nichts mehr weitergegeben."
        }
        _ => return None,
    })
}
