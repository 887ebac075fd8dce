//! Runs: an erasure or a run of the retention is proposed by one person and approved by another.
//!
//! INVARIANT (second-person): an erasure begins here alone. Holds and restrictions are looked at when a run is proposed
//! and again when it is approved: they win.

use super::rights::check_officer;
use crate::domain::command::{ErasureOf, Outcome, RunCommand};
use crate::domain::event::{Actor, EventKind, LogQueryEvent, RunEvent, UpkeepEvent};
use crate::domain::ids::{ParticipantId, RecordNumber, TimeMs};
use crate::domain::message::StopReason;
use crate::domain::refusal::Refusal;
use crate::domain::runs::{OPEN_RUNS_MAX, RunOf, person_of};
use crate::domain::state::{ParticipantIx, Rules, State};

/// There is no such run: it never was, was approved, withdrawn, or has lapsed.
const NO_RUN: Refusal = Refusal::NotFound { field: "run_number" };
const NO_PARTICIPANT: Refusal = Refusal::NotFound { field: "participant_reference" };

/// A participant that may be erased, and what waits about it.
struct Erasable {
    ix: ParticipantIx,
    id: ParticipantId,
    waiting: Vec<RecordNumber>,
}

/// What a run takes, as far as the state knows.
struct Plan {
    of: RunOf,
    participants: Vec<ParticipantId>,
    waiting: usize,
}

impl State {
    pub(super) fn run_command(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        command: RunCommand,
    ) -> Result<Outcome, Refusal> {
        match command {
            RunCommand::Plan { actor, of } => {
                check_officer(rules, &actor)?;
                self.plan_run(now, actor, of)
            }
            RunCommand::Propose { actor, of, reason } => {
                check_officer(rules, &actor)?;
                self.propose_run(now, actor, of, reason)
            }
            RunCommand::Approve { actor, run, before } => {
                check_officer(rules, &actor)?;
                self.approve_run(now, actor, run, before)
            }
            RunCommand::Withdraw { actor, run } => {
                check_officer(rules, &actor)?;
                self.withdraw_run(now, actor, run)
            }
            RunCommand::List { actor } => {
                check_officer(rules, &actor)?;
                Ok(self.list_runs(now, actor))
            }
        }
    }

    fn plan_run(&mut self, now: TimeMs, actor: Actor, of: ErasureOf) -> Result<Outcome, Refusal> {
        let plan = self.takes(&actor, of, now)?;
        let query = LogQueryEvent {
            reason: "erasure planned".to_owned(),
            participant: plan.of.participant().copied(),
            by_participant: plan.of.participant().is_some(),
            ..LogQueryEvent::default()
        };
        let record = self.emit(Some(actor), EventKind::LogQueried(query), now);
        Ok(self.planned(record, plan))
    }

    fn propose_run(
        &mut self,
        now: TimeMs,
        actor: Actor,
        of: ErasureOf,
        reason: String,
    ) -> Result<Outcome, Refusal> {
        person_of(&actor)?;
        let plan = self.takes(&actor, of, now)?;
        if let Some(open) = self.runs.open(now).find(|run| run.of == plan.of) {
            return Err(Refusal::RunOpen { run: open.number });
        }
        if self.runs.open(now).count() >= OPEN_RUNS_MAX {
            return Err(Refusal::RunsFull { max: OPEN_RUNS_MAX });
        }
        let event = RunEvent::Proposed { of: plan.of, reason };
        let record = self.emit(Some(actor), EventKind::Run(event), now);
        Ok(self.planned(record, plan))
    }

    fn approve_run(
        &mut self,
        now: TimeMs,
        actor: Actor,
        number: RecordNumber,
        before: Option<TimeMs>,
    ) -> Result<Outcome, Refusal> {
        person_of(&actor)?;
        let run = self.runs.find(number, now).ok_or(NO_RUN)?;
        run.check_second_person(&actor)?;
        let (of, proposed_by) = (run.of, run.proposed_by.clone());
        let approved = RunEvent::Approved { run: number, kind: of.kind(), proposed_by };
        match of {
            RunOf::Erasure(participant) => {
                let erasable = self.erasable(&participant, NO_RUN)?;
                self.emit(Some(actor.clone()), EventKind::Run(approved), now);
                Ok(self.begin_erasure(now, actor, number, erasable))
            }
            RunOf::Retention => {
                let plan = self.takes(&actor, ErasureOf::Retention(before), now)?;
                let record = self.emit(Some(actor), EventKind::Run(approved), now);
                Ok(self.planned(record, plan))
            }
        }
    }

    fn withdraw_run(
        &mut self,
        now: TimeMs,
        actor: Actor,
        number: RecordNumber,
    ) -> Result<Outcome, Refusal> {
        let run = self.runs.find(number, now).ok_or(NO_RUN)?;
        let participant = run.of.participant().copied();
        let event = RunEvent::Withdrawn { run: number, participant };
        Ok(Outcome::Recorded(self.emit(Some(actor), EventKind::Run(event), now)))
    }

    fn list_runs(&mut self, now: TimeMs, actor: Actor) -> Outcome {
        let runs = self.runs.open(now).map(|run| {
            let participant = run.of.participant();
            let reference = participant.and_then(|id| self.reference_for(id, &actor.agency));
            (run.clone(), reference)
        });
        let runs = runs.collect();
        self.query(actor, "open runs listed by the project's officer", now);
        Outcome::Runs(runs)
    }

    /// What a run would take, if nothing holds it.
    fn takes(&self, actor: &Actor, of: ErasureOf, now: TimeMs) -> Result<Plan, Refusal> {
        match of {
            ErasureOf::Retention(before) => {
                if self.is_all_held() {
                    return Err(Refusal::OnHold { hold: "everything" });
                }
                let outdated = before.map(|before| self.outdated_participants(before, now));
                let participants = outdated.unwrap_or_default();
                Ok(Plan { of: RunOf::Retention, participants, waiting: 0 })
            }
            ErasureOf::Reference(reference) => {
                let id = self.participant_of(actor, &reference)?.1.id;
                let waiting = self.erasable(&id, NO_PARTICIPANT)?.waiting.len();
                Ok(Plan { of: RunOf::Erasure(id), participants: vec![id], waiting })
            }
        }
    }

    fn planned(&self, record: RecordNumber, plan: Plan) -> Outcome {
        Outcome::ErasurePlanned {
            record,
            participants: plan.participants,
            held: self.held_participants(),
            waiting: u32::try_from(plan.waiting).unwrap_or(u32::MAX),
        }
    }

    /// The participant of an erasure, unless something holds it; or that there is none.
    fn erasable(&self, id: &ParticipantId, none: Refusal) -> Result<Erasable, Refusal> {
        let found = self.participant_ix(id).and_then(|ix| Some((ix, self.participant(ix)?)));
        let (ix, participant) = found.ok_or(none)?;
        if participant.safeguards.restricted {
            return Err(Refusal::OnHold { hold: "restriction" });
        }
        if self.is_held(participant) {
            return Err(Refusal::OnHold { hold: "hold" });
        }
        let waiting = participant.messages.iter().copied().collect();
        Ok(Erasable { ix, id: *id, waiting })
    }

    /// The erasure of a participant whom a run of the retention found begins, if it is still outdated.
    pub(super) fn erase_outdated(
        &mut self,
        now: TimeMs,
        actor: Actor,
        run: RecordNumber,
        id: &ParticipantId,
        before: TimeMs,
    ) -> Result<Outcome, Refusal> {
        if !self.runs.is_retaining(run) {
            return Err(NO_RUN);
        }
        let found = self.participant_ix(id).and_then(|ix| self.participant(ix));
        if !found.is_some_and(|one| one.is_outdated(before, now)) {
            return Err(NO_PARTICIPANT);
        }
        let erasable = self.erasable(id, NO_PARTICIPANT)?;
        Ok(self.begin_erasure(now, actor, run, erasable))
    }

    /// Ends everything about a participant in one step, so that no later step can make another record
    /// about it.
    ///
    /// INVARIANT (erasure): the state holds nothing of the participant any more; the record of the
    /// beginning is the last one about it, and is erased with the others. What recipients are told
    /// in the same step is about nobody.
    fn begin_erasure(
        &mut self,
        now: TimeMs,
        actor: Actor,
        run: RecordNumber,
        Erasable { ix, id, waiting }: Erasable,
    ) -> Outcome {
        for number in &waiting {
            self.stop(*number, StopReason::Erased, None, now);
        }
        let undeleted = self.undeleted(ix);
        let event = UpkeepEvent::ErasureBegun { participant: id, run };
        let record = self.upkeep(Some(actor), event, now);
        self.tell_erasure(undeleted, now);
        Outcome::ErasureBegun {
            record,
            run,
            participant: id,
            participant_ix: ix,
            stopped: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
        }
    }
}
