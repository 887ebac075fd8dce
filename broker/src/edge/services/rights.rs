//! `RightsService`: erasure, retention, restriction, holds.

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::rights_service_server::RightsService;
use tonic::{Request, Response, Status};

use super::log::reason;
use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, ErasureOf, Outcome};
use crate::domain::event::Actor;
use crate::domain::ids::HoldId;
use crate::edge::status::Failure;
use crate::engine::{Answer, ErasureError, Lane};
use crate::record::documents::reference;

pub(super) struct Rights(pub(super) Context);

fn actor<T>(request: &Request<T>) -> Result<Actor, Failure> {
    Ok(peer(request)?.actor.clone())
}

impl From<ErasureError> for Failure {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Refused(refusal) => Self::Refused(refusal),
            ErasureError::Journal(error) => Self::from(error),
            ErasureError::Interrupted => Self::Internal,
        }
    }
}

impl Rights {
    async fn execute(&self, command: Command) -> Result<Answer, Failure> {
        Ok(self.0.engine.execute(Lane::Normal, command).await?)
    }

    fn receipt(&self, answer: &Answer) -> Result<(v1::Receipt, Bytes), Failure> {
        let (Outcome::Recorded(record) | Outcome::Restricted { record, .. }) = answer.outcome
        else {
            return Err(Failure::Internal);
        };
        Ok((self.0.receipt(&answer.commit, record)?, checkpoint(&answer.commit)))
    }

    async fn erase(
        &self,
        actor: Actor,
        request: v1::EraseParticipantRequest,
    ) -> Result<v1::EraseParticipantResponse, Failure> {
        let of = ErasureOf::Reference(reference(&request.participant_reference)?);
        let erased = self.detached(move |engine| async move {
            engine.erase_participant(&actor, of, request.dry_run).await
        });
        let erased = erased.await?;
        Ok(v1::EraseParticipantResponse {
            records: erased.records,
            stopped_messages: erased.stopped,
            receipt: Some(self.0.receipt(&erased.commit, erased.record)?),
            checkpoint: checkpoint(&erased.commit),
        })
    }

    async fn retain(
        &self,
        actor: Actor,
        request: v1::ApplyRetentionRequest,
    ) -> Result<v1::ApplyRetentionResponse, Failure> {
        let retained = self.detached(move |engine| async move {
            engine.apply_retention(&actor, request.dry_run).await
        });
        let retained = retained.await?;
        let counts = retained.counts.iter().map(|(of, (before, records))| v1::RetentionCount {
            r#type: i32::from(*of),
            before_ms: i64::try_from(*before).unwrap_or(i64::MAX),
            records: *records,
        });
        Ok(v1::ApplyRetentionResponse {
            counts: counts.collect(),
            participants: retained.participants,
            receipt: Some(self.0.receipt(&retained.commit, retained.record)?),
            checkpoint: checkpoint(&retained.commit),
            more: retained.more,
        })
    }

    /// What was begun is finished also if the caller hangs up.
    async fn detached<T, F, Work>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(crate::engine::Engine) -> Work,
        Work: Future<Output = Result<T, ErasureError>> + Send + 'static,
    {
        let done = tokio::spawn(work(self.0.engine.clone())).await;
        Ok(done.map_err(|_| Failure::Internal)??)
    }

    async fn restrict(
        &self,
        actor: Actor,
        request: v1::RestrictParticipantRequest,
    ) -> Result<v1::RestrictParticipantResponse, Failure> {
        let reference = reference(&request.participant_reference)?;
        let command = Command::Restrict { actor, reference, restricted: request.restricted };
        let lane = if request.restricted { Lane::Urgent } else { Lane::Normal };
        let answer = self.0.engine.change_consent(lane, command).await?;
        let (receipt, checkpoint) = self.receipt(&answer)?;
        Ok(v1::RestrictParticipantResponse { receipt: Some(receipt), checkpoint })
    }

    async fn place(
        &self,
        actor: Actor,
        request: v1::PlaceHoldRequest,
    ) -> Result<v1::PlaceHoldResponse, Failure> {
        let reason = reason(&request.reason)?;
        let about = Some(request.participant_reference.as_str()).filter(|text| !text.is_empty());
        let hold = super::participants::entropy()?;
        let command = Command::PlaceHold {
            actor,
            hold: HoldId::from_bytes(hold),
            reason,
            reference: about.map(reference).transpose()?,
        };
        let answer = self.execute(command).await?;
        let (receipt, checkpoint) = self.receipt(&answer)?;
        let hold_id = Bytes::copy_from_slice(&hold);
        Ok(v1::PlaceHoldResponse { hold_id, receipt: Some(receipt), checkpoint })
    }

    async fn release(
        &self,
        actor: Actor,
        request: &v1::ReleaseHoldRequest,
    ) -> Result<v1::ReleaseHoldResponse, Failure> {
        let hold = HoldId::parse(&request.hold_id).ok_or(invalid("hold_id", "16 bytes"))?;
        let answer = self.execute(Command::ReleaseHold { actor, hold }).await?;
        let (receipt, checkpoint) = self.receipt(&answer)?;
        Ok(v1::ReleaseHoldResponse { receipt: Some(receipt), checkpoint })
    }

    async fn list(&self, actor: Actor) -> Result<v1::ListHoldsResponse, Failure> {
        let answer = self.execute(Command::ListHolds { actor }).await?;
        let Outcome::Holds(holds) = answer.outcome else { return Err(Failure::Internal) };
        let holds = holds.into_iter().map(|(hold, reference)| v1::Hold {
            hold_id: Bytes::copy_from_slice(hold.id.bytes()),
            reason: hold.reason,
            participant_reference: reference.map(|r| r.to_text()).unwrap_or_default(),
            placed_ms: i64::try_from(hold.placed).unwrap_or(i64::MAX),
        });
        Ok(v1::ListHoldsResponse { holds: holds.collect() })
    }
}

#[tonic::async_trait]
impl RightsService for Rights {
    async fn erase_participant(
        &self,
        request: Request<v1::EraseParticipantRequest>,
    ) -> Result<Response<v1::EraseParticipantResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.erase(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn apply_retention(
        &self,
        request: Request<v1::ApplyRetentionRequest>,
    ) -> Result<Response<v1::ApplyRetentionResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.retain(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn restrict_participant(
        &self,
        request: Request<v1::RestrictParticipantRequest>,
    ) -> Result<Response<v1::RestrictParticipantResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.restrict(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn place_hold(
        &self,
        request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.place(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn release_hold(
        &self,
        request: Request<v1::ReleaseHoldRequest>,
    ) -> Result<Response<v1::ReleaseHoldResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.release(actor, request.get_ref()).await.map(Response::new).map_err(failed)
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.list(actor).await.map(Response::new).map_err(failed)
    }
}
