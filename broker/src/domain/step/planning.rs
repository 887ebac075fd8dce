//! Planning: questions before sending, consent requests, tasks, participations and places.

use bytes::Bytes;
use rustc_hash::FxHashMap;
use schleuse_proto::identity::Role;

use crate::domain::catalogue::Purpose;
use crate::domain::command::{
    ListedParticipation, Outcome, PlacesCount, PlanningCommand, PlanningOutcome, TASKS_LISTED_MAX,
    Task, TaskKind,
};
use crate::domain::consent::Consent;
use crate::domain::event::{
    Actor, Basis, BatchSignature, CoverageEvent, Decision, EventKind, Label, ParticipationEvent,
    PlanningEvent, RequestEvent, Submission,
};
use crate::domain::ids::{AgencyId, MessageId, RecordNumber, Reference, ThreadId, TimeMs};
use crate::domain::planning::{
    Employability, Phase, PlannedMessage, ReferencePrint, RequestReason, TaskResult,
};
use crate::domain::refusal::Refusal;
use crate::domain::state::{Participant, ParticipantIx, Rules, State};

/// Requests of one agency about one reference that are known at the same time: more than the purposes that
/// exist, so that each may be asked for.
const REQUESTS_PER_REFERENCE_MAX: usize = 20;
/// Requests of one agency that are known at the same time: its whole caseload with several each.
const REQUESTS_PER_AGENCY_MAX: usize = 2_000;
/// How long before it ends something becomes a task: a talk is weekly, a new consent needs some.
const TASK_AHEAD_MS: TimeMs = 30 * 24 * 3600 * 1000;
/// Changes of one participation: a weekly talk for 24 months changes it less often.
const PHASES_MAX: usize = 200;
/// Most participations of one answer.
const PARTICIPATIONS_LISTED_MAX: usize = 10_000;
/// A phase alone stops nothing, so it cannot say that the participation has ended.
const END_IS_SIGNED: &str =
    "EndParticipation, which stops everything; then this records the last employability step";

impl State {
    pub(super) fn step_planning(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        command: PlanningCommand,
    ) -> Result<Outcome, Refusal> {
        let outcome = match command {
            PlanningCommand::AskCoverage { actor, reference, planned } => {
                self.ask_coverage(rules, now, actor, reference, planned)?
            }
            PlanningCommand::RequestConsent { actor, reference, planned, reason } => {
                return self.request_consent(now, actor, &reference, planned, reason);
            }
            PlanningCommand::ListTasks { actor } => self.list_tasks(rules, now, actor),
            PlanningCommand::CloseTask { actor, task, result } => {
                return self.close_task(rules, now, actor, task, result);
            }
            PlanningCommand::SetParticipation {
                actor,
                reference,
                phase,
                jobcenter,
                employability_at_start,
                employability_at_end,
            } => {
                let steps = (employability_at_start, employability_at_end);
                self.set_participation(rules, now, actor, &reference, phase, jobcenter, steps)?
            }
            PlanningCommand::ListParticipation { actor } => {
                self.list_participation(rules, now, actor)
            }
            PlanningCommand::ShowPlaces => self.show_places(rules),
        };
        Ok(Outcome::Planning(outcome))
    }

    fn plan(&mut self, actor: Actor, event: PlanningEvent, now: TimeMs) -> RecordNumber {
        self.emit(Some(actor), EventKind::Planning(event), now)
    }

    /// Decides about a message that there is not.
    ///
    /// INVARIANT (uniform-refusal): it is the decision of a submission, made in the same place with the same
    /// work, and all that is not covered leaves as the same answer.
    fn ask_coverage(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: Reference,
        planned: PlannedMessage,
    ) -> Result<PlanningOutcome, Refusal> {
        check_sender(&actor, &planned)?;
        let submission = as_submission(reference, &planned, now);
        let (participant, decision) = self.decide_submission(rules, &actor, &submission, now);
        let decision = match decision {
            Ok(passage) => Decision::Accepted(Basis::from(&passage)),
            Err(reason) => Decision::Refused(reason),
        };
        let covered = matches!(decision, Decision::Accepted(_));
        let event = CoverageEvent { participant, planned, decision };
        let record = self.plan(actor, PlanningEvent::CoverageAsked(Box::new(event)), now);
        Ok(PlanningOutcome::Coverage { covered, record })
    }

    /// Records a request. Bounds and repetitions are counted by print, so that they are the same whether or
    /// not the reference means somebody.
    fn request_consent(
        &mut self,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
        planned: PlannedMessage,
        reason: RequestReason,
    ) -> Result<Outcome, Refusal> {
        check_sender(&actor, &planned)?;
        let print = ReferencePrint::of(&actor.agency, reference);
        if let Some(own) = self.names.known_agency(&actor.agency) {
            let known = || self.planning.requests_of(own, print, now);
            if let Some(first) = known().find(|request| request.planned == planned) {
                return Ok(Outcome::Recorded(first.record));
            }
            if known().count() >= REQUESTS_PER_REFERENCE_MAX {
                return Err(Refusal::Overloaded { limit: "consent_requests_per_reference_max" });
            }
            if self.planning.request_count(own) >= REQUESTS_PER_AGENCY_MAX {
                return Err(Refusal::Overloaded { limit: "consent_requests_per_agency_max" });
            }
        }
        let participant = self.by_reference(&actor.agency, reference).map(|(_, known)| known.id);
        let event = RequestEvent { participant, print, planned, reason };
        let event = PlanningEvent::ConsentRequested(Box::new(event));
        Ok(Outcome::Recorded(self.plan(actor, event, now)))
    }

    fn close_task(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        task: RecordNumber,
        result: TaskResult,
    ) -> Result<Outcome, Refusal> {
        let known = self.planning.tasks.get(&task);
        let own = known.and_then(|known| {
            let participant = self.participant(known.participant)?;
            let is_entrusted = self.is_entrusted(rules, now, &actor, participant);
            is_entrusted.then_some((participant.id, known.closed))
        });
        match own.ok_or(Refusal::NotFound { field: "task_number" })? {
            (_, Some((before, record))) if before == result => Ok(Outcome::Recorded(record)),
            (_, Some(_)) => Err(Refusal::IdempotencyConflict { field: "task_number" }),
            (participant, None) => {
                let event = PlanningEvent::TaskClosed { participant, task, result };
                Ok(Outcome::Recorded(self.plan(actor, event, now)))
            }
        }
    }

    fn list_tasks(&mut self, rules: &Rules, now: TimeMs, actor: Actor) -> PlanningOutcome {
        let mut requests = Vec::new();
        let mut due = Vec::new();
        if actor.role == Role::Lotse {
            let entrusted = self.entrusted(rules, now, &actor);
            let own = |ix: ParticipantIx| {
                let known = self.participant(ix)?;
                let own = self.own_reference(&actor, known);
                own.filter(|_| entrusted.has(known))
            };
            let open = self.planning.tasks.iter().filter(|(_, known)| known.closed.is_none());
            for (task, known) in open {
                if let Some(reference) = own(known.participant) {
                    let what = TaskKind::ConsentRequest {
                        task: *task,
                        planned: known.planned.clone(),
                        reason: known.reason,
                        asked_at: known.at,
                    };
                    requests.push(Task { reference: Some(reference), due: None, what });
                }
            }
            let positions = self.planning.positions();
            let appoints = rules.catalogue.deputy_purpose();
            for (ix, participant) in self.numbered_participants() {
                let Some(reference) = own(ix) else { continue };
                // Deputies are appointed, and a place is taken, by the Lotse in person.
                let is_deputy = !self.is_lotse_of(&actor, participant);
                let not_theirs = appoints.filter(|_| is_deputy);
                self.add_due(now, ix, participant, reference, not_theirs, &mut due);
                let place = self.free_place(rules, ix, &positions);
                if let Some(jobcenter) = place.filter(|_| !is_deputy) {
                    let what = TaskKind::PlaceFree { jobcenter };
                    due.push(Task { reference: Some(reference), due: None, what });
                }
            }
        }
        for (agency, entry) in &self.directory {
            let renew_by = entry.renewal.due(&rules.planning);
            let is_theirs = *agency == actor.agency || actor.role == Role::Operator;
            if is_theirs && is_near(renew_by, now) {
                let what = TaskKind::EntryRenewal { agency: agency.clone() };
                due.push(Task { reference: None, due: Some(renew_by), what });
            }
        }
        due.sort_by_key(|task| task.due);
        requests.append(&mut due);
        let truncated = requests.len() > TASKS_LISTED_MAX;
        requests.truncate(TASKS_LISTED_MAX);
        if actor.role == Role::Lotse {
            self.query(actor, "tasks listed by the Lotse", now);
        }
        PlanningOutcome::Tasks { tasks: requests, truncated }
    }

    /// The Jobcenter that has a place for somebody who waits for it.
    fn free_place(
        &self,
        rules: &Rules,
        ix: ParticipantIx,
        positions: &FxHashMap<ParticipantIx, u32>,
    ) -> Option<AgencyId> {
        let known = self.planning.participation(ix).filter(|it| it.phase == Phase::Waiting)?;
        let before = positions.get(&ix)?.saturating_sub(1);
        self.has_places(rules, &known.jobcenter, before).then(|| known.jobcenter.clone())
    }

    /// What is to be done about one participant because of the time. Consents with a grant for a purpose that is not
    /// the caller's to grant are not theirs to renew.
    fn add_due(
        &self,
        now: TimeMs,
        ix: ParticipantIx,
        participant: &Participant,
        reference: Reference,
        not_theirs: Option<Purpose>,
        due: &mut Vec<Task>,
    ) {
        let mut add = |at: Option<TimeMs>, what| {
            due.push(Task { reference: Some(reference), due: at, what });
        };
        // After the end nothing can be renewed or reviewed, and nothing passes.
        let is_over = participant.safeguards.ended.is_some();
        let holding = participant.consents.iter().filter(|one| !is_over && one.may_hold(now));
        for consent in holding {
            let is_theirs = !consent.grants.iter().any(|it| Some(it.purpose) == not_theirs);
            for (ends_at, grant_index) in ends(consent) {
                if is_theirs && ends_at > now && is_near(ends_at, now) {
                    let what = TaskKind::GrantEnding { consent: consent.id, grant_index };
                    add(Some(ends_at), what);
                }
            }
            if is_near(consent.review_by, now) {
                add(Some(consent.review_by), TaskKind::Review { consent: consent.id });
            }
        }
        let Some(known) = self.planning.participation(ix) else { return };
        if let (Some(started), Some(ends_by)) = (known.started, known.ends_by())
            && known.phase.has_place()
            && is_near(ends_by, now)
        {
            add(Some(ends_by), TaskKind::ParticipationEnding { started });
        }
    }

    /// The caller's own reference of a participant.
    fn own_reference(&self, actor: &Actor, participant: &Participant) -> Option<Reference> {
        let agency = self.names.known_agency(&actor.agency)?;
        participant.references.iter().find(|(of, ..)| *of == agency).map(|(_, own, _)| *own)
    }

    /// Whether a place is free that nobody waits for longer.
    fn has_place_for(&self, rules: &Rules, jobcenter: &AgencyId, ix: ParticipantIx) -> bool {
        self.has_places(rules, jobcenter, self.planning.waiting_before(jobcenter, ix))
    }

    /// Whether more places are free than so many wait for.
    fn has_places(&self, rules: &Rules, jobcenter: &AgencyId, waiting: u32) -> bool {
        let places = rules.planning.places.get(jobcenter).copied().unwrap_or_default();
        let (taken, _) = self.planning.counts(jobcenter);
        places.saturating_sub(taken) > waiting
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one command")]
    fn set_participation(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
        wanted: Phase,
        jobcenter: Option<AgencyId>,
        (at_start, at_end): (Option<Employability>, Option<Employability>),
    ) -> Result<PlanningOutcome, Refusal> {
        let act = "record phases and places";
        let (ix, participant) = self.in_person(rules, now, &actor, reference, act)?;
        let known = self.planning.participation(ix);
        let from = known.map(|known| known.phase);
        if from.is_none() {
            // Who has left gets no place.
            participant.check_not_ended()?;
        }
        let participant = participant.id;
        let recorded = known.map(|known| known.jobcenter.clone());
        let jobcenter = self.jobcenter_for(rules, from, recorded.as_ref(), jobcenter)?;
        let follows = from.map_or(Phase::FIRST, Phase::next);
        if wanted == Phase::Ended && from != Some(Phase::Ended) {
            return Err(Refusal::InvalidField { field: "phase", expected: END_IS_SIGNED });
        }
        if from != Some(wanted) && !follows.contains(&wanted) {
            let expected = Phase::next_in_words(from);
            return Err(Refusal::InvalidField { field: "phase", expected });
        }
        let takes_place = wanted.has_place() && !from.is_some_and(Phase::has_place);
        let phase = if takes_place && !self.has_place_for(rules, &jobcenter, ix) {
            Phase::Waiting
        } else {
            wanted
        };
        let before = known.map(|known| {
            (known.employability_at_start, known.employability_at_end, known.phases.len())
        });
        let (start_before, end_before, changes) = before.unwrap_or_default();
        let steps = (at_start.or(start_before), at_end.or(end_before));
        let is_same = from == Some(phase)
            && recorded.as_ref() == Some(&jobcenter)
            && steps == (start_before, end_before);
        if !is_same {
            // What the end leaves to be recorded is never over the bound.
            if changes >= PHASES_MAX && phase != Phase::Ended {
                return Err(Refusal::Overloaded { limit: "participation_changes_max" });
            }
            let event = ParticipationEvent {
                participant,
                phase,
                jobcenter,
                employability_at_start: steps.0,
                employability_at_end: steps.1,
            };
            self.plan(actor, PlanningEvent::ParticipationSet(Box::new(event)), now);
        }
        let record = self.planning.participation(ix).map(|known| known.record);
        let record = record.ok_or(Refusal::NotFound { field: "participant_reference" })?;
        Ok(PlanningOutcome::Participation { record, phase, position: self.planning.position(ix) })
    }

    /// Whose place it is: as recorded, or as it is said now, while no place is taken.
    fn jobcenter_for(
        &self,
        rules: &Rules,
        from: Option<Phase>,
        recorded: Option<&AgencyId>,
        said: Option<AgencyId>,
    ) -> Result<AgencyId, Refusal> {
        let invalid = |expected| Refusal::InvalidField { field: "jobcenter", expected };
        match (recorded, said) {
            (Some(recorded), None) => Ok(recorded.clone()),
            (Some(recorded), Some(said)) if *recorded == said => Ok(said),
            (Some(_), Some(_)) if !matches!(from, Some(Phase::Proposed | Phase::Waiting)) => {
                Err(invalid("the one that is recorded: it changes only before a place is taken"))
            }
            (_, Some(said)) if rules.planning.places.contains_key(&said) => Ok(said),
            (_, Some(_)) => Err(invalid("one that [[places]] of the configuration names")),
            (None, None) => Err(invalid("a Jobcenter, when a participation begins")),
        }
    }

    fn list_participation(&mut self, rules: &Rules, now: TimeMs, actor: Actor) -> PlanningOutcome {
        let positions = self.planning.positions();
        let entrusted = self.entrusted(rules, now, &actor);
        let own = self.numbered_participants().filter_map(|(ix, participant)| {
            let participation = self.planning.participation(ix)?.clone();
            let reference = self.own_reference(&actor, participant);
            let reference = reference.filter(|_| entrusted.has(participant))?;
            let position = positions.get(&ix).copied().unwrap_or_default();
            Some(ListedParticipation { reference, participation, position })
        });
        let own = own.take(PARTICIPATIONS_LISTED_MAX).collect();
        self.query(actor, "participations listed by the Lotse", now);
        PlanningOutcome::Participations(own)
    }

    fn show_places(&self, rules: &Rules) -> PlanningOutcome {
        let counts = rules.planning.places.iter().map(|(jobcenter, places)| {
            let (taken, waiting) = self.planning.counts(jobcenter);
            PlacesCount { jobcenter: jobcenter.clone(), places: *places, taken, waiting }
        });
        PlanningOutcome::Places(counts.collect())
    }
}

/// A question names no sender but the caller, as a label does.
fn check_sender(actor: &Actor, planned: &PlannedMessage) -> Result<(), Refusal> {
    if planned.sender.agency == actor.agency {
        return Ok(());
    }
    let expected = "the agency of the caller's certificate";
    Err(Refusal::InvalidField { field: "planned.sender", expected })
}

/// The submission whose decision answers a question; it is never accepted nor kept.
fn as_submission(reference: Reference, planned: &PlannedMessage, now: TimeMs) -> Submission {
    let label = Label {
        message_id: MessageId::from_bytes([0; 16]),
        participant_commitment: Some([0; 32]),
        kind: planned.kind,
        purpose: planned.purpose,
        categories: planned.categories,
        sender: planned.sender.clone(),
        recipient: planned.recipient.clone(),
        thread_id: ThreadId::from_bytes([0; 16]),
        created_at: now,
        expires_at: now,
        part_of: None,
        professional_secret: planned.professional_secret,
    };
    Submission {
        reference: Some(reference),
        nonce: [0; 16],
        label,
        label_bytes: Bytes::new(),
        payload: Bytes::new(),
        payload_bytes: 0,
        has_payload: false,
        encapsulated_key_bytes: 0,
        payload_digest: [0; 32],
        signature: BatchSignature::default(),
        fingerprint: [0; 16],
    }
}

fn is_near(instant: TimeMs, now: TimeMs) -> bool {
    instant <= now.saturating_add(TASK_AHEAD_MS)
}

/// Ends of the grants of a consent with their indexes.
fn ends(consent: &Consent) -> impl Iterator<Item = (TimeMs, u32)> {
    consent.grants.iter().map(|grant| grant.not_after).zip(0..)
}
