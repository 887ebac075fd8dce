//! Events about uploads ⇄ sections of their records.

use bytes::Bytes;
use schleuse_proto::v1::{self, log_entry};

use crate::domain::event::UploadEvent;
use crate::domain::ids::MessageId;

/// Type of the record of an event.
pub(super) fn record_type(event: &UploadEvent) -> v1::RecordType {
    match event {
        UploadEvent::Discarded { .. } => v1::RecordType::UploadDiscarded,
    }
}

/// Body of the record of an event; these have no private section.
pub(super) fn body(event: &UploadEvent) -> log_entry::Event {
    match event {
        UploadEvent::Discarded { message } => {
            let message_id = Bytes::copy_from_slice(message.bytes());
            log_entry::Event::UploadDiscarded(v1::UploadDiscarded { message_id })
        }
    }
}

/// The event of a body.
pub(super) fn discarded(event: &v1::UploadDiscarded) -> Result<UploadEvent, String> {
    let message = MessageId::parse(&event.message_id).ok_or("a message id has 16 bytes")?;
    Ok(UploadEvent::Discarded { message })
}
