//! What is kept of an upload while it goes on, so that the same command, run again after the program ended,
//! goes on where it was. Random identifiers and hashes only: nothing that says what it is about.

use std::path::{Path, PathBuf};

use schleuse_proto::Message as _;
use schleuse_proto::evidence::{Digest, sha256};
use serde::{Deserialize, Serialize};

use super::source::Source;
use super::upload::Attachment;
use crate::content::Content;
use crate::error::ClientError;
use crate::files;
use crate::ids::{AttachmentId, MessageId, ThreadId, hex};
use crate::send::Draft;

/// How long an upload may be taken up again: well below the 24 hours for which the broker keeps parts.
const RESUMED_WITHIN_MS: i64 = 20 * 3600 * 1000;

/// Identifiers of an upload.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) message_id: MessageId,
    pub(super) thread_id: ThreadId,
    /// Of each attachment, in order.
    pub(super) attachments: Vec<AttachmentId>,
    begun_at_ms: i64,
    path: Option<PathBuf>,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    message: String,
    thread: String,
    attachments: Vec<String>,
    begun_at_ms: i64,
}

impl Plan {
    /// Takes up an upload of exactly this, or begins one. Without a folder nothing is kept.
    pub(super) fn take_up(
        folder: Option<&Path>,
        draft: &Draft,
        attachments: &[Attachment],
        sources: &[Source],
        now_ms: i64,
    ) -> Result<Self, ClientError> {
        let name = hex(&digest(draft, attachments, sources)?);
        let path = folder.map(|folder| folder.join("uploads").join(format!("{name}.json")));
        if let Some(folder) = folder {
            forget_old(&folder.join("uploads"), now_ms);
        }
        let kept = path.as_ref().and_then(|path| Self::load(path, draft, sources.len(), now_ms));
        if let Some(kept) = kept {
            return Ok(Self { path, ..kept });
        }
        let ids = sources.iter().map(|_| AttachmentId::generate());
        let plan = Self {
            message_id: MessageId::generate()?,
            thread_id: draft.thread_id.map_or_else(ThreadId::generate, Ok)?,
            attachments: ids.collect::<Result<_, _>>()?,
            begun_at_ms: now_ms,
            path,
        };
        plan.save()?;
        Ok(plan)
    }

    /// A file that cannot be read, or is of another time, only means a new beginning.
    fn load(path: &Path, draft: &Draft, count: usize, now_ms: i64) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(&files::read_small(path).ok()?).ok()?;
        let thread_id = kept.thread.parse().ok()?;
        let ids = kept.attachments.iter().map(|id| id.parse().ok());
        let plan = Self {
            message_id: kept.message.parse().ok()?,
            thread_id,
            attachments: ids.collect::<Option<_>>()?,
            begun_at_ms: kept.begun_at_ms,
            path: None,
        };
        let fits = plan.attachments.len() == count
            && draft.thread_id.is_none_or(|thread| thread == thread_id)
            && plan.may_go_on(now_ms);
        fits.then_some(plan)
    }

    fn save(&self) -> Result<(), ClientError> {
        let Some(path) = &self.path else { return Ok(()) };
        let kept = Kept {
            message: self.message_id.to_string(),
            thread: self.thread_id.to_string(),
            attachments: self.attachments.iter().map(ToString::to_string).collect(),
            begun_at_ms: self.begun_at_ms,
        };
        let text = serde_json::to_vec(&kept).map_err(|error| ClientError::file(path, error))?;
        files::replace(path, &text)
    }

    /// Whether the broker surely still has what was sent first.
    pub(super) fn may_go_on(&self, now_ms: i64) -> bool {
        (self.begun_at_ms..self.begun_at_ms.saturating_add(RESUMED_WITHIN_MS)).contains(&now_ms)
    }

    /// Forgets the upload: it is done or given up.
    pub(super) fn forget(&self) {
        if let Some(path) = &self.path {
            // What stays behind is of no use after a day.
            let _gone = std::fs::remove_file(path);
        }
    }
}

/// Removes what can no longer be taken up.
fn forget_old(folder: &Path, now_ms: i64) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let text = files::read_small(&entry.path()).ok();
        let kept = text.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        let end = kept.map(|kept| kept.begun_at_ms.saturating_add(RESUMED_WITHIN_MS));
        if end.is_some_and(|end| end <= now_ms) {
            // Of no use to anybody; the next upload tries again.
            let _gone = std::fs::remove_file(entry.path());
        }
    }
}

/// What makes an upload the same one: everything that is sent, and whom it is about.
fn digest(
    draft: &Draft,
    attachments: &[Attachment],
    sources: &[Source],
) -> Result<Digest, ClientError> {
    let mut parts: Vec<Vec<u8>> = vec![
        draft.participant_reference.as_text().as_bytes().to_vec(),
        draft.recipient.to_string().into_bytes(),
        draft.sender_function.clone().into_bytes(),
        draft.kind.clone().into_bytes(),
        draft.purpose.clone().into_bytes(),
        draft.categories.join(",").into_bytes(),
        Content::to_plaintext(&draft.content)?,
    ];
    for (attachment, source) in attachments.iter().zip(sources) {
        let reference = attachment.reference(AttachmentId::parse(&[0; 16])?, source);
        parts.push(reference.encode_to_vec());
    }
    let hashed: Vec<Digest> = parts.iter().map(|part| sha256(&[part])).collect();
    let hashed: Vec<&[u8]> = hashed.iter().map(<[u8; 32]>::as_slice).collect();
    Ok(sha256(&hashed))
}
