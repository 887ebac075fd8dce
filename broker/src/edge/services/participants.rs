//! `ParticipantService`.

use ring::rand::{SecureRandom, SystemRandom};
use schleuse_proto::v1;
use schleuse_proto::v1::participant_service_server::ParticipantService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, Outcome};
use crate::domain::ids::RegistrationKey;
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane};
use crate::record::documents::{agency, reference};

pub(super) struct Participants(pub(super) Context);

pub(super) fn entropy() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::Internal)?;
    Ok(bytes)
}

impl Participants {
    async fn execute(&self, command: Command) -> Result<Answer, Failure> {
        Ok(self.0.engine.execute(Lane::Normal, command).await?)
    }

    async fn register(
        &self,
        request: Request<v1::RegisterParticipantRequest>,
    ) -> Result<v1::RegisterParticipantResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let key = RegistrationKey::parse(&request.get_ref().idempotency_key)
            .ok_or(invalid("idempotency_key", "16 bytes"))?;
        let entropy = [entropy()?, entropy()?, entropy()?];
        let answer = self.execute(Command::RegisterParticipant { actor, key, entropy }).await?;
        let Outcome::Registered { reference, record } = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok(v1::RegisterParticipantResponse {
            participant_reference: reference.to_text(),
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn assign_lotse_to(
        &self,
        request: Request<v1::AssignLotseRequest>,
    ) -> Result<v1::AssignLotseResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let reference = reference(&request.participant_reference)?;
        let command = Command::AssignLotse { actor, reference, lotse: request.lotse };
        let answer = self.execute(command).await?;
        let Outcome::Recorded(record) = answer.outcome else { return Err(Failure::Internal) };
        let receipt = Some(self.0.receipt(&answer.commit, record)?);
        Ok(v1::AssignLotseResponse { receipt, checkpoint: checkpoint(&answer.commit) })
    }

    async fn assign(
        &self,
        request: Request<v1::AssignReferenceRequest>,
    ) -> Result<v1::AssignReferenceResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let request = request.into_inner();
        let reference = reference(&request.participant_reference)?;
        let agency = agency(&request.agency, "agency")?;
        let entropy = entropy()?;
        let command = Command::AssignReference { actor, reference, agency, entropy };
        let answer = self.execute(command).await?;
        let Outcome::Assigned { reference, record } = answer.outcome else {
            return Err(Failure::Internal);
        };
        Ok(v1::AssignReferenceResponse {
            agency_reference: reference.to_text(),
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
        })
    }

    async fn list(
        &self,
        request: Request<v1::ListParticipantsRequest>,
    ) -> Result<v1::ListParticipantsResponse, Failure> {
        let actor = peer(&request)?.actor.clone();
        let answer = self.execute(Command::ListParticipants { actor }).await?;
        let Outcome::Participants(references) = answer.outcome else {
            return Err(Failure::Internal);
        };
        let participant_references = references.into_iter().map(|r| r.to_text()).collect();
        Ok(v1::ListParticipantsResponse { participant_references })
    }
}

#[tonic::async_trait]
impl ParticipantService for Participants {
    async fn register_participant(
        &self,
        request: Request<v1::RegisterParticipantRequest>,
    ) -> Result<Response<v1::RegisterParticipantResponse>, Status> {
        self.register(request).await.map(Response::new).map_err(failed)
    }

    async fn assign_lotse(
        &self,
        request: Request<v1::AssignLotseRequest>,
    ) -> Result<Response<v1::AssignLotseResponse>, Status> {
        self.assign_lotse_to(request).await.map(Response::new).map_err(failed)
    }

    async fn assign_reference(
        &self,
        request: Request<v1::AssignReferenceRequest>,
    ) -> Result<Response<v1::AssignReferenceResponse>, Status> {
        self.assign(request).await.map(Response::new).map_err(failed)
    }

    async fn list_participants(
        &self,
        request: Request<v1::ListParticipantsRequest>,
    ) -> Result<Response<v1::ListParticipantsResponse>, Status> {
        self.list(request).await.map(Response::new).map_err(failed)
    }
}
