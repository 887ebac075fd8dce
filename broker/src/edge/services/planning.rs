//! `PlanningService`: questions before sending, consent requests, tasks, participations, places.

use bytes::Bytes;
use schleuse_proto::v1;
use schleuse_proto::v1::planning_service_server::PlanningService;
use tonic::{Request, Response, Status};

use super::{Context, checkpoint, failed, invalid, peer, rates};
use crate::domain::command::{
    Command, ListedParticipation, Outcome, PlanningCommand, PlanningOutcome, Task, TaskKind,
};
use crate::domain::event::Actor;
use crate::domain::ids::{Reference, TimeMs};
use crate::domain::planning::{Employability, PlannedMessage};
use crate::edge::status::Failure;
use crate::engine::{Answer, Lane};
use crate::record::documents::{agency, reference};
use crate::record::planning::{
    domain_phase, domain_reason, domain_result, parse_planned, wire_phase, wire_planned,
    wire_reason,
};

pub(super) struct Planning(pub(super) Context);

fn ms(time: TimeMs) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn actor<T>(request: &Request<T>) -> Result<Actor, Failure> {
    Ok(peer(request)?.actor.clone())
}

/// A step of employability, or none for 0.
fn step(step: u32, field: &'static str) -> Result<Option<Employability>, Failure> {
    match step {
        0 => Ok(None),
        step => Employability::parse(step).map(Some).ok_or(invalid(field, "1 to 4, or 0")),
    }
}

impl Planning {
    async fn plan(&self, command: PlanningCommand) -> Result<Answer, Failure> {
        Ok(self.0.engine.execute(Lane::Normal, Command::Planning(command)).await?)
    }

    /// A command whose answer is one record.
    async fn record(&self, command: PlanningCommand) -> Result<(v1::Receipt, Bytes), Failure> {
        let answer = self.plan(command).await?;
        let Outcome::Recorded(record) = answer.outcome else { return Err(Failure::Internal) };
        Ok((self.0.receipt(&answer.commit, record)?, checkpoint(&answer.commit)))
    }

    /// Counts a question of the caller's agency and reads what it is about. What is wrong in its form is
    /// refused before anything is looked up.
    fn question<T>(
        &self,
        request: &Request<T>,
        participant: &str,
        planned: Option<&v1::PlannedMessage>,
    ) -> Result<(Actor, Reference, PlannedMessage), Failure> {
        rates(request)?.question()?;
        let planned = parse_planned(planned, &self.0.engine.rules().catalogue)?;
        Ok((actor(request)?, reference(participant)?, planned))
    }

    async fn ask(
        &self,
        request: Request<v1::AskCoverageRequest>,
    ) -> Result<v1::AskCoverageResponse, Failure> {
        let asked = request.get_ref();
        let (actor, reference, planned) =
            self.question(&request, &asked.participant_reference, asked.planned.as_ref())?;
        let command = PlanningCommand::AskCoverage { actor, reference, planned };
        let answer = self.plan(command).await?;
        let Outcome::Planning(PlanningOutcome::Coverage { covered, record }) = answer.outcome
        else {
            return Err(Failure::Internal);
        };
        let receipt = Some(self.0.receipt(&answer.commit, record)?);
        Ok(v1::AskCoverageResponse { covered, receipt, checkpoint: checkpoint(&answer.commit) })
    }

    async fn request(
        &self,
        request: Request<v1::RequestConsentRequest>,
    ) -> Result<v1::RequestConsentResponse, Failure> {
        let asked = request.get_ref();
        let reason = v1::RequestReason::try_from(asked.reason)
            .map_err(|_| invalid("reason", "a known reason, or none"))?;
        let reason = domain_reason(reason);
        let (actor, reference, planned) =
            self.question(&request, &asked.participant_reference, asked.planned.as_ref())?;
        let command = PlanningCommand::RequestConsent { actor, reference, planned, reason };
        let (receipt, checkpoint) = self.record(command).await?;
        Ok(v1::RequestConsentResponse { receipt: Some(receipt), checkpoint })
    }

    async fn tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<v1::ListTasksResponse, Failure> {
        let command = PlanningCommand::ListTasks { actor: actor(&request)? };
        let Outcome::Planning(PlanningOutcome::Tasks { tasks, truncated }) =
            self.plan(command).await?.outcome
        else {
            return Err(Failure::Internal);
        };
        let tasks = tasks.into_iter().map(|task| self.task(task)).collect();
        Ok(v1::ListTasksResponse { tasks, truncated })
    }

    fn task(&self, task: Task) -> v1::Task {
        use v1::task::What;
        let bytes = |id: &[u8; 16]| Bytes::copy_from_slice(id);
        let what = match task.what {
            TaskKind::ConsentRequest { task, planned, reason, asked_at } => {
                What::ConsentRequest(v1::ConsentRequestTask {
                    task_number: task,
                    planned: Some(wire_planned(&planned, &self.0.engine.rules().catalogue)),
                    reason: wire_reason(reason).into(),
                    asked_at_ms: ms(asked_at),
                })
            }
            TaskKind::GrantEnding { consent, grant_index } => {
                let consent_id = bytes(consent.bytes());
                What::GrantEnding(v1::GrantEndingTask { consent_id, grant_index })
            }
            TaskKind::Review { consent } => {
                What::Review(v1::ReviewTask { consent_id: bytes(consent.bytes()) })
            }
            TaskKind::ParticipationEnding { started } => {
                let started_at_ms = ms(started);
                What::ParticipationEnding(v1::ParticipationEndingTask { started_at_ms })
            }
            TaskKind::PlaceFree { jobcenter } => {
                What::PlaceFree(v1::PlaceFreeTask { jobcenter: jobcenter.to_string() })
            }
            TaskKind::EntryRenewal { agency } => {
                What::EntryRenewal(v1::EntryRenewalTask { agency: agency.to_string() })
            }
        };
        v1::Task {
            participant_reference: task.reference.map(Reference::to_text).unwrap_or_default(),
            due_ms: task.due.map(ms).unwrap_or_default(),
            what: Some(what),
        }
    }

    async fn close(
        &self,
        request: Request<v1::CloseTaskRequest>,
    ) -> Result<v1::CloseTaskResponse, Failure> {
        let actor = actor(&request)?;
        let v1::CloseTaskRequest { task_number: task, result } = request.into_inner();
        let result = v1::TaskResult::try_from(result).ok().and_then(domain_result);
        let result = result.ok_or(invalid("result", "DONE, DECLINED or OBSOLETE"))?;
        let command = PlanningCommand::CloseTask { actor, task, result };
        let (receipt, checkpoint) = self.record(command).await?;
        Ok(v1::CloseTaskResponse { receipt: Some(receipt), checkpoint })
    }

    async fn set(
        &self,
        request: Request<v1::SetParticipationRequest>,
    ) -> Result<v1::SetParticipationResponse, Failure> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let phase = v1::ParticipationPhase::try_from(request.phase).ok().and_then(domain_phase);
        let jobcenter = Some(request.jobcenter.as_str()).filter(|text| !text.is_empty());
        let command = PlanningCommand::SetParticipation {
            actor,
            reference: reference(&request.participant_reference)?,
            phase: phase.ok_or(invalid("phase", "a known phase"))?,
            jobcenter: jobcenter.map(|text| agency(text, "jobcenter")).transpose()?,
            employability_at_start: step(request.employability_at_start, "employability_at_start")?,
            employability_at_end: step(request.employability_at_end, "employability_at_end")?,
        };
        let answer = self.plan(command).await?;
        let Outcome::Planning(PlanningOutcome::Participation { record, phase, position }) =
            answer.outcome
        else {
            return Err(Failure::Internal);
        };
        Ok(v1::SetParticipationResponse {
            receipt: Some(self.0.receipt(&answer.commit, record)?),
            checkpoint: checkpoint(&answer.commit),
            phase: wire_phase(phase).into(),
            waiting_position: position,
        })
    }

    async fn participations(
        &self,
        request: Request<v1::ListParticipationRequest>,
    ) -> Result<v1::ListParticipationResponse, Failure> {
        let command = PlanningCommand::ListParticipation { actor: actor(&request)? };
        let Outcome::Planning(PlanningOutcome::Participations(listed)) =
            self.plan(command).await?.outcome
        else {
            return Err(Failure::Internal);
        };
        let participations = listed.iter().map(participation).collect();
        Ok(v1::ListParticipationResponse { participations })
    }

    async fn places(&self) -> Result<v1::ShowPlacesResponse, Failure> {
        let Outcome::Planning(PlanningOutcome::Places(counts)) =
            self.plan(PlanningCommand::ShowPlaces).await?.outcome
        else {
            return Err(Failure::Internal);
        };
        let jobcenters = counts.into_iter().map(|count| v1::JobcenterPlaces {
            jobcenter: count.jobcenter.to_string(),
            places: count.places,
            taken: count.taken,
            waiting: count.waiting,
        });
        Ok(v1::ShowPlacesResponse { jobcenters: jobcenters.collect() })
    }
}

fn participation(listed: &ListedParticipation) -> v1::Participation {
    let known = &listed.participation;
    let step = |step: Option<Employability>| step.map_or(0, |step| u32::from(step.step()));
    let phases = known.phases.iter().map(|(phase, began)| v1::PhaseBegun {
        phase: wire_phase(*phase).into(),
        began_at_ms: ms(*began),
    });
    v1::Participation {
        participant_reference: listed.reference.to_text(),
        phase: wire_phase(known.phase).into(),
        jobcenter: known.jobcenter.to_string(),
        waiting_position: listed.position,
        started_at_ms: known.started.map(ms).unwrap_or_default(),
        ends_by_ms: known.ends_by().map(ms).unwrap_or_default(),
        ended_at_ms: known.ended.map(ms).unwrap_or_default(),
        employability_at_start: step(known.employability_at_start),
        employability_at_end: step(known.employability_at_end),
        phases: phases.collect(),
    }
}

#[tonic::async_trait]
impl PlanningService for Planning {
    async fn ask_coverage(
        &self,
        request: Request<v1::AskCoverageRequest>,
    ) -> Result<Response<v1::AskCoverageResponse>, Status> {
        self.ask(request).await.map(Response::new).map_err(failed)
    }

    async fn request_consent(
        &self,
        request: Request<v1::RequestConsentRequest>,
    ) -> Result<Response<v1::RequestConsentResponse>, Status> {
        self.request(request).await.map(Response::new).map_err(failed)
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        self.tasks(request).await.map(Response::new).map_err(failed)
    }

    async fn close_task(
        &self,
        request: Request<v1::CloseTaskRequest>,
    ) -> Result<Response<v1::CloseTaskResponse>, Status> {
        self.close(request).await.map(Response::new).map_err(failed)
    }

    async fn set_participation(
        &self,
        request: Request<v1::SetParticipationRequest>,
    ) -> Result<Response<v1::SetParticipationResponse>, Status> {
        self.set(request).await.map(Response::new).map_err(failed)
    }

    async fn list_participation(
        &self,
        request: Request<v1::ListParticipationRequest>,
    ) -> Result<Response<v1::ListParticipationResponse>, Status> {
        self.participations(request).await.map(Response::new).map_err(failed)
    }

    async fn show_places(
        &self,
        _request: Request<v1::ShowPlacesRequest>,
    ) -> Result<Response<v1::ShowPlacesResponse>, Status> {
        self.places().await.map(Response::new).map_err(failed)
    }
}
