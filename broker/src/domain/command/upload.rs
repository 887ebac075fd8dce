//! What can be asked about uploads, and what is answered.

use super::SubmitDecision;
use crate::domain::event::Actor;
use crate::domain::ids::MessageId;

/// A request about an upload.
#[derive(Debug)]
pub enum UploadCommand {
    /// A sender asks what was decided on messages of its agency.
    ReadOutcomes {
        /// The sender.
        actor: Actor,
        /// Which.
        messages: Vec<MessageId>,
    },
    /// A sender gives an upload up.
    Discard {
        /// The sender.
        actor: Actor,
        /// Identifier of the main message.
        message: MessageId,
    },
}

/// What was decided on messages, in the order asked for; none: not decided, or too long ago.
pub type KnownDecisions = Vec<Option<SubmitDecision>>;
