//! `RightsService`: runs of an erasure or the retention, restriction, holds.

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::rights_service_server::RightsService;
use tonic::{Request, Response, Status};

use super::log::reason;
use super::{Context, checkpoint, failed, invalid, peer};
use crate::domain::command::{Command, Outcome, RunCommand};
use crate::domain::event::Actor;
use crate::domain::ids::{HoldId, RecordNumber, TimeMs};
use crate::domain::runs::RunKind;
use crate::edge::status::Failure;
use crate::engine::{Answer, ErasureError, Lane, RunResult, RunSubject, Taken};
use crate::record::documents::reference;
use crate::record::runs::kind;

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

    async fn preview(
        &self,
        actor: Actor,
        request: v1::PreviewRunRequest,
    ) -> Result<v1::PreviewRunResponse, Failure> {
        let subject = subject(request.kind(), &request.participant_reference)?;
        let planned =
            self.detached(move |engine| async move { engine.preview_run(&actor, subject).await });
        let planned = planned.await?;
        let (receipt, checkpoint) = self.proof(&planned)?;
        let counts = Some(counts(&planned.taken));
        Ok(v1::PreviewRunResponse { counts, receipt: Some(receipt), checkpoint })
    }

    async fn propose(
        &self,
        actor: Actor,
        request: v1::ProposeRunRequest,
    ) -> Result<v1::ProposeRunResponse, Failure> {
        let subject = subject(request.kind(), &request.participant_reference)?;
        let reason = reason(&request.reason)?;
        let proposed = self.detached(move |engine| async move {
            engine.propose_run(&actor, subject, reason).await
        });
        let proposed = proposed.await?;
        let (receipt, checkpoint) = self.proof(&proposed)?;
        Ok(v1::ProposeRunResponse {
            run_number: proposed.record,
            counts: Some(counts(&proposed.taken)),
            receipt: Some(receipt),
            checkpoint,
        })
    }

    async fn approve(
        &self,
        actor: Actor,
        run: RecordNumber,
    ) -> Result<v1::ApproveRunResponse, Failure> {
        let done =
            self.detached(move |engine| async move { engine.approve_run(&actor, run).await });
        let done = done.await?;
        let (receipt, checkpoint) = self.proof(&done)?;
        let of = match &done.taken {
            Taken::Erasure { .. } => RunKind::Erasure,
            Taken::Retention(_) => RunKind::Retention,
        };
        Ok(v1::ApproveRunResponse {
            kind: kind(of).into(),
            counts: Some(counts(&done.taken)),
            receipt: Some(receipt),
            checkpoint,
        })
    }

    async fn withdraw(
        &self,
        actor: Actor,
        run: RecordNumber,
    ) -> Result<v1::WithdrawRunResponse, Failure> {
        let answer = self.execute(Command::Run(RunCommand::Withdraw { actor, run })).await?;
        let (receipt, checkpoint) = self.receipt(&answer)?;
        Ok(v1::WithdrawRunResponse { receipt: Some(receipt), checkpoint })
    }

    async fn list_open(&self, actor: Actor) -> Result<v1::ListRunsResponse, Failure> {
        let answer = self.execute(Command::Run(RunCommand::List { actor })).await?;
        let Outcome::Runs(runs) = answer.outcome else { return Err(Failure::Internal) };
        let runs = runs.into_iter().map(|(run, reference)| v1::Run {
            run_number: run.number,
            kind: kind(run.of.kind()).into(),
            participant_reference: reference.map(|r| r.to_text()).unwrap_or_default(),
            proposed_by: run.proposed_by.person.as_deref().unwrap_or_default().to_owned(),
            proposed_ms: ms(run.proposed_at),
            until_ms: ms(run.until()),
            reason: run.reason,
        });
        Ok(v1::ListRunsResponse { runs: runs.collect() })
    }

    fn proof(&self, done: &RunResult) -> Result<(v1::Receipt, Bytes), Failure> {
        Ok((self.0.receipt(&done.commit, done.record)?, checkpoint(&done.commit)))
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
            placed_ms: ms(hold.placed),
        });
        Ok(v1::ListHoldsResponse { holds: holds.collect() })
    }
}

/// What a run is about: an erasure names a participant, the retention none.
fn subject(of: v1::RunKind, participant: &str) -> Result<RunSubject, Failure> {
    match of {
        v1::RunKind::Erasure => Ok(RunSubject::Erasure(reference(participant)?)),
        v1::RunKind::Retention if participant.is_empty() => Ok(RunSubject::Retention),
        v1::RunKind::Retention => {
            Err(invalid("participant_reference", "empty: the retention is about nobody"))
        }
        v1::RunKind::Unspecified => Err(invalid("kind", "an erasure or the retention")),
    }
}

fn counts(taken: &Taken) -> v1::RunCounts {
    match taken {
        Taken::Erasure { records, stopped } => v1::RunCounts {
            records: *records,
            stopped_messages: *stopped,
            ..v1::RunCounts::default()
        },
        Taken::Retention(outdated) => {
            let counts = outdated.counts.iter();
            let counts = counts.map(|(of, (before, records))| v1::RetentionCount {
                r#type: i32::from(*of),
                before_ms: ms(*before),
                records: *records,
            });
            v1::RunCounts {
                counts: counts.collect(),
                participants: outdated.participants,
                more: outdated.more,
                ..v1::RunCounts::default()
            }
        }
    }
}

fn ms(time: TimeMs) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

#[tonic::async_trait]
impl RightsService for Rights {
    async fn preview_run(
        &self,
        request: Request<v1::PreviewRunRequest>,
    ) -> Result<Response<v1::PreviewRunResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.preview(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn propose_run(
        &self,
        request: Request<v1::ProposeRunRequest>,
    ) -> Result<Response<v1::ProposeRunResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.propose(actor, request.into_inner()).await.map(Response::new).map_err(failed)
    }

    async fn approve_run(
        &self,
        request: Request<v1::ApproveRunRequest>,
    ) -> Result<Response<v1::ApproveRunResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.approve(actor, request.get_ref().run_number).await.map(Response::new).map_err(failed)
    }

    async fn withdraw_run(
        &self,
        request: Request<v1::WithdrawRunRequest>,
    ) -> Result<Response<v1::WithdrawRunResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.withdraw(actor, request.get_ref().run_number).await.map(Response::new).map_err(failed)
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let actor = actor(&request).map_err(failed)?;
        self.list_open(actor).await.map(Response::new).map_err(failed)
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
