//! What a collector keeps on disk beside the parts themselves.
//!
//! | file | content |
//! | --- | --- |
//! | `<attachment id>.part` | the bytes that have come, each part at its place |
//! | `<attachment id>.state` | JSON: what the parts and the message say of the attachment, and which parts are in |
//! | `<message id>.message` | JSON: attachments that a message names |
//! | `collector.lock` | locked by the one collector of the folder |

use std::path::Path;

use schleuse_proto::v1;
use serde::{Deserialize, Serialize};

use super::{AttachmentError, Parts};
use crate::content::{Content, chunk_bytes};
use crate::error::ClientError;
use crate::files;
use crate::ids::{Address, AttachmentId, MessageId, ThreadId, from_hex, hex};
use crate::receive::Received;

/// What a collector needs of a received message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) message_id: MessageId,
    pub(super) part_of: Option<MessageId>,
    pub(super) thread_id: ThreadId,
    pub(super) sender: &'a Address,
    pub(super) recipient: &'a Address,
    pub(super) categories: &'a [String],
    pub(super) content: &'a Content,
}

impl<'a> From<&'a Received> for Arrival<'a> {
    fn from(received: &'a Received) -> Self {
        Self {
            message_id: received.message_id,
            part_of: received.part_of,
            thread_id: received.thread_id,
            sender: &received.sender,
            recipient: &received.recipient,
            categories: &received.categories,
            content: &received.content,
        }
    }
}

/// One attachment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct State {
    /// Where it comes from and what it belongs to; the same for all parts and the message.
    pub(super) origin: Origin,
    /// Size of all parts but the last; known from the first part on.
    pub(super) chunk_bytes: Option<u64>,
    /// Parts that are safe on disk, one bit each.
    parts: String,
    /// Name and media type, once the message has come.
    pub(super) announced: Option<Announced>,
    /// Name of the finished file.
    pub(super) saved_as: Option<String>,
    /// The whole was not what was announced.
    pub(super) failed: bool,
}

/// See [`State::origin`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Origin {
    pub(super) message: String,
    sender: String,
    recipient: String,
    thread: String,
    categories: Vec<String>,
    count: u32,
    pub(super) bytes: u64,
    sha256: String,
}

/// See [`State::announced`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Announced {
    pub(super) name: String,
    pub(super) media_type: String,
}

impl Origin {
    pub(super) fn of_chunk(
        main: MessageId,
        arrival: &Arrival<'_>,
        chunk: &v1::AttachmentChunk,
    ) -> Self {
        Self {
            message: main.to_string(),
            sender: arrival.sender.to_string(),
            recipient: arrival.recipient.to_string(),
            thread: arrival.thread_id.to_string(),
            categories: arrival.categories.to_vec(),
            count: chunk.count,
            bytes: chunk.total_bytes,
            sha256: hex(&chunk.sha256),
        }
    }

    pub(super) fn of_message(arrival: &Arrival<'_>, reference: &v1::AttachmentReference) -> Self {
        Self {
            message: arrival.message_id.to_string(),
            sender: arrival.sender.to_string(),
            recipient: arrival.recipient.to_string(),
            thread: arrival.thread_id.to_string(),
            categories: reference.categories.clone(),
            count: reference.chunk_count,
            bytes: reference.size_bytes,
            sha256: hex(&reference.sha256),
        }
    }

    pub(super) fn sha256(&self) -> Option<Vec<u8>> {
        from_hex(&self.sha256)
    }

    /// What differs, if something does.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let differences = [
            (self.message != other.message, "message"),
            (self.sender != other.sender, "sender"),
            (self.recipient != other.recipient, "recipient"),
            (self.thread != other.thread, "thread"),
            (self.categories != other.categories, "categories"),
            (self.count != other.count, "number of parts"),
            (self.bytes != other.bytes, "size"),
            (self.sha256 != other.sha256, "hash"),
        ];
        differences.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

impl State {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            chunk_bytes: None,
            parts: Parts::default().to_text(),
            announced: None,
            saved_as: None,
            failed: false,
        }
    }

    pub(super) fn parts(&self) -> Parts {
        Parts::parse(&self.parts).unwrap_or_default()
    }

    pub(super) fn add_part(&mut self, index: u32) {
        let mut parts = self.parts();
        parts.add(index);
        self.parts = parts.to_text();
    }

    pub(super) fn is_whole(&self) -> bool {
        self.parts().count() == self.origin.count
    }

    pub(super) fn is_open(&self) -> bool {
        self.saved_as.is_none() && !self.failed
    }

    /// Whether something else says the same of this attachment; `index` is the part that it stands in.
    pub(super) fn check(
        &self,
        attachment: AttachmentId,
        index: u32,
        other: &Origin,
    ) -> Result<(), AttachmentError> {
        match self.origin.difference(other) {
            Some(what) => Err(AttachmentError::Foreign { attachment, index, what }),
            None => Ok(()),
        }
    }

    /// Takes the size of the parts from one of them, and returns its place in the file.
    pub(super) fn place(
        &mut self,
        attachment: AttachmentId,
        chunk: &v1::AttachmentChunk,
    ) -> Result<u64, AttachmentError> {
        let told = chunk_bytes(chunk);
        let known = self.chunk_bytes.or(told);
        if told.is_none() || told != known {
            let (index, what) = (chunk.index, "size of parts");
            return Err(AttachmentError::Foreign { attachment, index, what });
        }
        self.chunk_bytes = known;
        Ok(known.unwrap_or_default().saturating_mul(u64::from(chunk.index)))
    }

    pub(super) fn save(&self, path: &Path) -> Result<(), ClientError> {
        save(path, self)
    }
}

/// Attachments that a message names.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Named {
    pub(super) attachments: Vec<String>,
}

pub(super) fn save(path: &Path, value: &impl Serialize) -> Result<(), ClientError> {
    let text = serde_json::to_vec(value).map_err(|error| ClientError::file(path, error))?;
    files::replace(path, &text)
}

/// Reads a file of this folder; none if there is none.
pub(super) fn load<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, ClientError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = files::read_small(path)?;
    let broken = |error| {
        let why =
            format!("not a file of a collector ({error}); move it away and have it sent again");
        ClientError::file(path, why)
    };
    serde_json::from_slice(&text).map(Some).map_err(broken)
}
