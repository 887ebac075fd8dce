//! Attachments: files of up to 100 MiB beside a message, in sealed parts that are messages of their own.
//!
//! A sender uploads the parts first ([`Upload`]); the broker keeps them until the message that they belong to
//! comes, and hands out nothing of an upload that is not finished. After an interruption only what is missing
//! is sent again. A recipient collects the parts in a folder ([`AttachmentCollector`]), each safe on disk before
//! it is acknowledged, and gets a file only when it is whole. Neither side ever holds a whole attachment in
//! memory. The broker decides each part by itself, under the categories of its attachment.

mod collect;
mod collect_state;
mod source;
mod upload;
mod upload_state;

pub use collect::{AttachmentCollector, Saved, Taken};
pub use upload::{Attachment, Progress, Upload, UploadOutcome};

use crate::content::CHUNKS_MAX;
use crate::ids::{AttachmentId, MessageId};

/// Kind code of the parts.
pub(crate) const CHUNK_KIND: &str = "anhang.teil";

/// Why an attachment, or a part of one, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// The file changed while it was sent.
    #[error("attachment {name}: the file changed while it was sent; send it again")]
    SourceChanged {
        /// Its name.
        name: String,
    },
    /// A part does not belong to what is known of its attachment.
    #[error("attachment {attachment}: part {index} is foreign: other {what} than before")]
    Foreign {
        /// The attachment.
        attachment: AttachmentId,
        /// Position of the part.
        index: u32,
        /// What differs.
        what: &'static str,
    },
    /// A part came again with other content.
    #[error("attachment {attachment}: part {index} came again with other content")]
    Changed {
        /// The attachment.
        attachment: AttachmentId,
        /// Position of the part.
        index: u32,
    },
    /// The message that a part belongs to does not name its attachment.
    #[error("attachment {attachment}: its message {message} has no such attachment")]
    Surplus {
        /// The attachment.
        attachment: AttachmentId,
        /// The message.
        message: MessageId,
    },
    /// The parts together are not what the sender stated.
    #[error("attachment {attachment}: the parts together are not the file that was announced")]
    WholeDiffers {
        /// The attachment.
        attachment: AttachmentId,
    },
    /// Too much is unfinished in the folder of a collector.
    #[error(
        "attachment {attachment}: more than {bytes_max} bytes or {count_max} attachments would be unfinished in \
         the folder; finish or remove some"
    )]
    FolderFull {
        /// The attachment.
        attachment: AttachmentId,
        /// Most bytes.
        bytes_max: u64,
        /// Most attachments.
        count_max: usize,
    },
}

impl AttachmentError {
    /// Whether a sender must be asked what it did: something came that it cannot have meant.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::Foreign { .. }
            | Self::Changed { .. }
            | Self::Surplus { .. }
            | Self::WholeDiffers { .. } => true,
            Self::SourceChanged { .. } | Self::FolderFull { .. } => false,
        }
    }
}

/// Which parts of an attachment are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts(u128);

impl Parts {
    fn bit(index: u32) -> u128 {
        1_u128.checked_shl(index).unwrap_or_default()
    }

    pub(crate) fn has(self, index: u32) -> bool {
        self.0 & Self::bit(index) != 0
    }

    pub(crate) fn add(&mut self, index: u32) {
        self.0 |= Self::bit(index);
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// As hexadecimal digits.
    pub(crate) fn to_text(self) -> String {
        format!("{:032x}", self.0)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

const _: () = assert!(CHUNKS_MAX == u128::BITS, "one bit for each part");
