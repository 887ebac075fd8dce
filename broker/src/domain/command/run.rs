//! Commands about runs, see [`crate::domain::runs`].

use super::ErasureOf;
use crate::domain::event::Actor;
use crate::domain::ids::{RecordNumber, TimeMs};

/// What officers of the project do with runs.
#[derive(Debug)]
pub enum RunCommand {
    /// Asks what a run would take.
    Plan {
        /// Who.
        actor: Actor,
        /// What it would erase.
        of: ErasureOf,
    },
    /// Proposes a run.
    Propose {
        /// Who.
        actor: Actor,
        /// What it erases.
        of: ErasureOf,
        /// Why.
        reason: String,
    },
    /// Approves a run. The erasure of a participant begins in the same step.
    Approve {
        /// Who.
        actor: Actor,
        /// The run.
        run: RecordNumber,
        /// Of the retention: participants whose last change was before this instant; none: no participants.
        before: Option<TimeMs>,
    },
    /// Withdraws a run.
    Withdraw {
        /// Who.
        actor: Actor,
        /// The run.
        run: RecordNumber,
    },
    /// Lists the open runs.
    List {
        /// Who.
        actor: Actor,
    },
}
