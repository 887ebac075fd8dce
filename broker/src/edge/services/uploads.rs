//! `UploadService`.

use schleuse_proto::v1;
use schleuse_proto::v1::upload_service_server::UploadService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, Outcome, UploadCommand};
use crate::domain::ids::MessageId;
use crate::edge::limits;
use crate::edge::status::Failure;
use crate::engine::Lane;

pub(in crate::edge) struct Uploads(pub(super) Context);

impl Uploads {
    async fn outcomes(
        &self,
        request: Request<v1::ReadOutcomesRequest>,
    ) -> Result<v1::ReadOutcomesResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let ids = request.into_inner().message_ids;
        if !(1..=limits::OUTCOMES_MAX).contains(&ids.len()) {
            return Err(invalid("message_ids", "1 to 256 identifiers"));
        }
        let messages = ids.iter().map(|id| message_id(id, "message_ids"));
        let messages = messages.collect::<Result<_, _>>()?;
        let command = Command::Upload(UploadCommand::ReadOutcomes { actor, messages });
        let answer = self.0.engine.execute(Lane::Normal, command).await?;
        let Outcome::KnownDecisions(known) = answer.outcome else { return Err(Failure::Internal) };
        let outcomes = known.into_iter().map(|decision| match decision {
            Some(decision) => self.0.outcome(&answer.commit, decision),
            None => Ok(v1::SubmitOutcome::default()),
        });
        let outcomes = outcomes.collect::<Result<_, _>>()?;
        Ok(v1::ReadOutcomesResponse { outcomes, checkpoint: checkpoint(&answer.commit) })
    }

    async fn discard(
        &self,
        request: Request<v1::DiscardPartsRequest>,
    ) -> Result<v1::DiscardPartsResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let message = message_id(&request.into_inner().message_id, "message_id")?;
        let answer = self.0.engine.discard(UploadCommand::Discard { actor, message }).await?;
        let Outcome::UploadDiscarded { record, .. } = answer.outcome else {
            return Err(Failure::Internal);
        };
        let receipt = Some(self.0.receipt(&answer.commit, record)?);
        Ok(v1::DiscardPartsResponse { receipt, checkpoint: checkpoint(&answer.commit) })
    }
}

fn message_id(bytes: &[u8], field: &'static str) -> Result<MessageId, Failure> {
    MessageId::parse(bytes).ok_or(invalid(field, "16 bytes"))
}

#[tonic::async_trait]
impl UploadService for Uploads {
    async fn read_outcomes(
        &self,
        request: Request<v1::ReadOutcomesRequest>,
    ) -> Result<Response<v1::ReadOutcomesResponse>, Status> {
        self.outcomes(request).await.map(Response::new).map_err(failed)
    }

    async fn discard_parts(
        &self,
        request: Request<v1::DiscardPartsRequest>,
    ) -> Result<Response<v1::DiscardPartsResponse>, Status> {
        self.discard(request).await.map(Response::new).map_err(failed)
    }
}
