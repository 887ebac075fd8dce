//! Events of runs, see [`crate::domain::runs`].

use super::Actor;
use crate::domain::ids::{ParticipantId, RecordNumber};
use crate::domain::runs::{RunKind, RunOf};

/// What becomes of a run.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// It was proposed; its number is that of this record.
    Proposed {
        /// What it erases.
        of: RunOf,
        /// Why.
        reason: String,
    },
    /// Another person approved it: it is carried out. It is about nobody, so that it outlives the erasure.
    Approved {
        /// The run.
        run: RecordNumber,
        /// What it erases.
        kind: RunKind,
        /// Who proposed it.
        proposed_by: Actor,
    },
    /// It was withdrawn.
    Withdrawn {
        /// The run.
        run: RecordNumber,
        /// Whom it was about.
        participant: Option<ParticipantId>,
    },
}
