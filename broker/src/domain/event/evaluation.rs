//! Events of the evaluation. They are about nobody: what they hold has passed the suppression.

use bytes::Bytes;
use schleuse_proto::evidence::Digest;

use crate::domain::evaluation::Quarter;
use crate::domain::ids::RecordNumber;

/// Tables left the broker.
#[derive(Clone, Debug)]
pub enum EvaluationEvent {
    /// The tables of a quarter were released; only once for each quarter.
    Released {
        /// The quarter.
        quarter: Quarter,
        /// The tables as they are exported.
        tables: Bytes,
    },
    /// Released tables were exported again.
    Exported {
        /// The quarter.
        quarter: Quarter,
        /// Record of the release.
        release: RecordNumber,
        /// SHA-256 of the tables.
        tables_hash: Digest,
    },
}
