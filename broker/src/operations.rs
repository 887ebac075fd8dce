//! What operators do while the broker is stopped, or beside it: reconcile a log that lost records, back up,
//! restore.

pub mod backup;
pub mod reconcile;
pub mod revocations;
