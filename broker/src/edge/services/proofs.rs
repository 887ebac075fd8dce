//! `CheckpointService`: checkpoints and proofs that the log is one and whole. Hashes only: every role may
//! ask.

use bytes::Bytes;
use schleuse_proto::evidence::Digest;
use schleuse_proto::v1;
use schleuse_proto::v1::checkpoint_service_server::CheckpointService;
use tonic::{Request, Response, Status};

use super::log::row;
use super::{Context, checkpoint, failed, invalid};
use crate::domain::ids::RecordNumber;
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::journal::{JournalError, JournalReader};

pub(super) struct Checkpoints(pub(super) Context);

fn wire(path: &[Digest]) -> Vec<Bytes> {
    path.iter().map(|hash| Bytes::copy_from_slice(hash)).collect()
}

/// The inclusion proof of a record in the log of a size.
pub(super) fn inclusion(
    reader: &dyn JournalReader,
    number: RecordNumber,
    size: u64,
) -> Result<v1::InclusionProof, JournalError> {
    let path = reader.prove_inclusion(number, size)?;
    Ok(v1::InclusionProof { record_number: number, path: wire(&path) })
}

/// Largest checkpoint of a caller in bytes.
const NOTE_BYTES_MAX: usize = 16 * 1024;

impl Checkpoints {
    /// The newest checkpoint. The one that the caller knows is compared first: INVARIANT (anti-rollback).
    async fn latest(
        &self,
        request: v1::LatestCheckpointRequest,
    ) -> Result<v1::LatestCheckpointResponse, Failure> {
        let known = request.known_checkpoint;
        let engine = self.0.engine.clone();
        if !known.is_empty() {
            let foreign = || invalid("known_checkpoint", "a checkpoint of this log, as it gave it");
            if known.len() > NOTE_BYTES_MAX {
                return Err(foreign());
            }
            let observed = move || Ok(engine.standing().observe(&known));
            self.0.proving(observed).await?.map_err(|_| foreign())?;
        }
        Ok(v1::LatestCheckpointResponse {
            checkpoint: checkpoint(&self.0.engine.reader().latest()),
            cosigned_checkpoint: self.0.engine.standing().cosigned().unwrap_or_default(),
        })
    }

    async fn reconciliations(&self) -> Result<v1::ReadReconciliationsResponse, Failure> {
        let engine = self.0.engine.clone();
        let (rows, proofs, commit) = self
            .0
            .proving(move || {
                let commit = engine.reader().latest();
                let mut proofs = Vec::new();
                let read = engine.reconciliations()?;
                let rows = read
                    .iter()
                    .map(|(stored, event)| row(stored, Some(event), false, String::new()));
                let rows: Vec<v1::LogRow> = rows.collect();
                for row in &rows {
                    proofs.push(inclusion(&**engine.reader(), row.record_number, commit.size())?);
                }
                Ok((rows, proofs, commit))
            })
            .await?;
        Ok(v1::ReadReconciliationsResponse { rows, proofs, checkpoint: checkpoint(&commit) })
    }

    async fn inclusion_proofs(
        &self,
        request: v1::ProveInclusionRequest,
    ) -> Result<v1::ProveInclusionResponse, Failure> {
        let numbers = request.record_numbers;
        if !(1..=limits::INCLUSION_PROOFS_MAX).contains(&numbers.len()) {
            return Err(invalid("record_numbers", "1 to 1,000 numbers"));
        }
        let reader = self.0.engine.reader().clone();
        let latest = reader.latest();
        let (size, note) = match request.log_size {
            0 => (latest.size(), checkpoint(&latest)),
            size if size > latest.size() => {
                return Err(Failure::CheckpointAhead { size: latest.size() });
            }
            size => (size, Bytes::new()),
        };
        if numbers.iter().any(|number| *number >= size) {
            return Err(invalid("record_numbers", "each below log_size"));
        }
        let prove = move || numbers.iter().map(|n| inclusion(&*reader, *n, size)).collect();
        let proofs = self.0.proving(prove).await?;
        Ok(v1::ProveInclusionResponse { proofs, checkpoint: note })
    }
}

#[tonic::async_trait]
impl CheckpointService for Checkpoints {
    async fn latest_checkpoint(
        &self,
        request: Request<v1::LatestCheckpointRequest>,
    ) -> Result<Response<v1::LatestCheckpointResponse>, Status> {
        self.latest(request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn read_reconciliations(
        &self,
        _request: Request<v1::ReadReconciliationsRequest>,
    ) -> Result<Response<v1::ReadReconciliationsResponse>, Status> {
        self.reconciliations().await.map(Response::new).map_err(failed)
    }

    async fn prove_consistency(
        &self,
        request: Request<v1::ProveConsistencyRequest>,
    ) -> Result<Response<v1::ProveConsistencyResponse>, Status> {
        let v1::ProveConsistencyRequest { old_size, new_size } = request.into_inner();
        let reader = self.0.engine.reader();
        let size = reader.latest().size();
        if new_size > size {
            return Err(failed(Failure::CheckpointAhead { size }));
        }
        if old_size == 0 || old_size > new_size {
            return Err(failed(invalid("old_size", "1 to new_size")));
        }
        let path = reader.prove_consistency(old_size, new_size).map_err(failed)?;
        Ok(Response::new(v1::ProveConsistencyResponse { path: wire(&path) }))
    }

    async fn prove_inclusion(
        &self,
        request: Request<v1::ProveInclusionRequest>,
    ) -> Result<Response<v1::ProveInclusionResponse>, Status> {
        self.inclusion_proofs(request.into_inner()).await.map(Response::new).map_err(failed)
    }
}
