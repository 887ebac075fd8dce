//! Events about uploads.

use crate::domain::ids::MessageId;

/// What happens to an upload besides its messages. It names no participant: the identifier is random, and what
/// tells whom its parts are about stands in their own records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadEvent {
    /// The sender gave an upload up: its unfinished parts are stopped, later ones refused.
    Discarded {
        /// Identifier of the main message.
        message: MessageId,
    },
}
