//! Proof that one record stands in the log at its number, fetched and checked at once.

use schleuse_proto::checkpoint::check_inclusion;
use schleuse_proto::evidence::Digest;
use schleuse_proto::v1;

use super::LogRow;
use crate::checkpoints::proof_path;
use crate::client::Client;
use crate::error::{ClientError, EvidenceFault};

/// What was proved about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Size of the log that the proof leads to.
    pub log_size: u64,
    /// Root hash of that log.
    pub root: Digest,
    /// Hashes of the proof, from the leaf up.
    pub path: Vec<Digest>,
    /// The checkpoint that the broker signed over it, a C2SP signed note.
    pub checkpoint: String,
}

impl Client {
    /// Fetches the proof that a record is in the log at its number, checks it and the signature of the checkpoint, and
    /// that this checkpoint continues the newest one known here.
    ///
    /// # Errors
    /// The proof does not hold, the log was rolled back or forked, or the broker cannot be reached.
    pub async fn prove_inclusion(&self, row: &LogRow) -> Result<Inclusion, ClientError> {
        let request =
            v1::ProveInclusionRequest { record_numbers: vec![row.record_number], log_size: 0 };
        let answer = self
            .call(|| {
                let (mut service, request) = (self.checkpoint_service(), request.clone());
                async move { service.prove_inclusion(request).await }
            })
            .await?;
        let checkpoint = self.checkpoints().observe(&answer.checkpoint)?;
        self.checkpoints().check(self).await?;
        let proof = answer.proofs.first().ok_or_else(|| ClientError::protocol("no proof"))?;
        let path = proof_path(&proof.path)?;
        let number = row.record_number;
        check_inclusion(&checkpoint, number, &row.leaf_hash(), &path).map_err(|_| {
            let why = "the proof does not show that it is in the log";
            ClientError::evidence(EvidenceFault::LogRow { number, why })
        })?;
        let note = String::from_utf8_lossy(&answer.checkpoint).into_owned();
        Ok(Inclusion { log_size: checkpoint.size, root: checkpoint.root, path, checkpoint: note })
    }
}
