//! A log that was reconciled after it had lost records: what a client checks before it follows it.

use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint, check_inclusion};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::proof_path;
use crate::client::Client;
use crate::error::{ClientError, EvidenceFault};
use crate::log::LogRow;

/// A reconciliation that was accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Checkpoint that is followed no more.
    pub abandoned: SignedCheckpoint,
    /// Checkpoint that is followed from now on.
    pub followed: SignedCheckpoint,
    /// Record of the reconciliation.
    pub record_number: u64,
    /// Records that were found then.
    pub found_size: u64,
    /// Records that were lost.
    pub lost_records: u64,
}

impl Client {
    /// Follows a log that was reconciled: only if it says so itself, in a record that is proven to be in it, and
    /// names a checkpoint that is at least as large as the one that is kept here. For somebody who has asked the
    /// operator what happened; see [`ClientBuilder::connect_unchecked`](crate::ClientBuilder).
    ///
    /// # Errors
    /// Nothing is kept here, the log was not reconciled, or the broker cannot be reached.
    pub async fn accept_reconciliation(&self) -> Result<Accepted, ClientError> {
        let nothing = || ClientError::argument("state", "a folder in which a checkpoint is kept");
        let known = self.checkpoints().newest().ok_or_else(nothing)?;
        let answer = self
            .call(|| {
                let mut service = self.checkpoint_service();
                async move { service.read_reconciliations(v1::ReadReconciliationsRequest {}).await }
            })
            .await?;
        let verifier = CheckpointVerifier::new(self.log_key())
            .map_err(|error| ClientError::evidence(error.into()))?;
        let newest = verifier
            .verify(&answer.checkpoint)
            .map_err(|error| ClientError::evidence(error.into()))?;
        if answer.rows.len() != answer.proofs.len() {
            return Err(ClientError::protocol("proofs of other records than asked for"));
        }
        for (row, proof) in answer.rows.into_iter().zip(&answer.proofs).rev() {
            let row = proven(row, proof, &newest)?;
            let Some(Event::LogReconciled(event)) =
                row.entry.as_ref().and_then(|entry| entry.event.as_ref())
            else {
                return Err(ClientError::protocol("a record that is no reconciliation"));
            };
            let shown = verifier.verify(&event.shown_checkpoint);
            let covers = shown.is_ok_and(|shown| shown.size >= known.size);
            if covers && newest.size >= known.size {
                let accepted = Accepted {
                    abandoned: known,
                    followed: newest,
                    record_number: row.record_number,
                    found_size: event.found_size,
                    lost_records: event.lost_records,
                };
                self.checkpoints().accept(&answer.checkpoint).await?;
                return Ok(accepted);
            }
        }
        Err(ClientError::Forked { older: known.size, newer: newest.size })
    }
}

fn proven(
    row: v1::LogRow,
    proof: &v1::InclusionProof,
    checkpoint: &SignedCheckpoint,
) -> Result<LogRow, ClientError> {
    let row = LogRow::parse(row)?;
    let path = proof_path(&proof.path)?;
    check_inclusion(checkpoint, row.record_number, &row.leaf_hash(), &path)
        .map_err(|error| ClientError::evidence(EvidenceFault::from(error)))?;
    Ok(row)
}
