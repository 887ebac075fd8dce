//! Commands of the evaluation.

use bytes::Bytes;

use crate::domain::evaluation::Quarter;
use crate::domain::event::Actor;
use crate::domain::ids::RecordNumber;

/// What the evaluation asks of the core.
#[derive(Debug)]
pub enum EvaluationCommand {
    /// Looks whether a quarter was released. Leaves no record.
    Find {
        /// The quarter.
        quarter: Quarter,
    },
    /// Exports a quarter: releases these tables, or those that were released before.
    Export {
        /// Who.
        actor: Actor,
        /// The quarter.
        quarter: Quarter,
        /// The tables, if they had to be computed.
        tables: Option<Bytes>,
    },
}

/// What the core answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationOutcome {
    /// Record of the release, if there is one.
    Found(Option<RecordNumber>),
    /// Tables may go out.
    Exported {
        /// Record of the release: the tables in it go out, and no others.
        release: RecordNumber,
        /// Record of this export.
        record: RecordNumber,
    },
}
