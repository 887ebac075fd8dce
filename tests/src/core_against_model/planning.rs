//! Operations about planning, on both sides.

use proptest::prelude::*;
use schleuse_broker::domain::command::{
    Command, Outcome, PlanningCommand, PlanningOutcome, Task, TaskKind,
};
use schleuse_broker::domain::event::{Decision, PlanningEvent};
use schleuse_broker::domain::ids::{AgencyId, Reference};
use schleuse_broker::domain::planning::{
    Employability, Phase, PlannedMessage, RequestReason, TaskResult,
};
use schleuse_broker::domain::{Refusal, State};
use schleuse_proto::identity::Role;

use super::entries::{reason, same_refusal};
use super::ops::{CallerOp, MessageOp, OWN_LOTSE, Op, What, lotse_op, message_op};
use super::runs::{OfOp, RunOp};
use super::{DAY, HOUR, PEOPLE, Pair, actor, lotse, model_lotse};
use crate::model::{self, Entry, Error};

/// Places in the configuration: few, so that somebody waits.
pub(super) const PLACES: [(&str, usize); 2] = [("bezirk", 2), ("drv", 1)];

/// An operation about planning.
#[derive(Clone, Debug)]
pub(super) enum PlanningOp {
    /// Asks whether a message would pass; of another agency, if `foreign`.
    Ask {
        agency: usize,
        message: MessageOp,
        foreign: bool,
    },
    Request {
        agency: usize,
        message: MessageOp,
    },
    CloseTask {
        caller: usize,
        choice: usize,
        result: usize,
    },
    SetParticipation {
        caller: usize,
        participant: usize,
        phase: PhaseOp,
        jobcenter: Option<usize>,
        steps: (Option<u32>, Option<u32>),
    },
    List {
        person: usize,
    },
}

/// Which phase.
#[derive(Clone, Copy, Debug)]
pub(super) enum PhaseOp {
    Any(usize),
    /// One that may follow.
    Next(usize),
}

pub(super) fn planning_op() -> impl Strategy<Value = PlanningOp> {
    let phase = prop_oneof![
        1 => (0..11_usize).prop_map(PhaseOp::Any), 6 => (0..5_usize).prop_map(PhaseOp::Next)
    ];
    let step = || prop::option::weighted(0.2, 1..=4_u32);
    prop_oneof![
        4 => (0..4_usize, message_op(), prop::bool::weighted(0.03))
            .prop_map(|(agency, message, foreign)| PlanningOp::Ask { agency, message, foreign }),
        4 => (0..4_usize, message_op())
            .prop_map(|(agency, message)| PlanningOp::Request { agency, message }),
        2 => (lotse_op(), 0..6_usize, 0..3_usize)
            .prop_map(|(caller, choice, result)| PlanningOp::CloseTask { caller, choice, result }),
        5 => (lotse_op(), 0..4_usize, phase, prop::option::weighted(0.6, 0..3_usize), (step(), step()))
            .prop_map(|(caller, participant, phase, jobcenter, steps)|
                PlanningOp::SetParticipation { caller, participant, phase, jobcenter, steps }),
        2 => (0..OWN_LOTSE).prop_map(|person| PlanningOp::List { person }),
    ]
}

const RESULTS: [TaskResult; 3] = [TaskResult::Done, TaskResult::Declined, TaskResult::Obsolete];

impl Pair {
    pub(super) fn play_planning(&mut self, op: &PlanningOp) {
        match op {
            PlanningOp::Ask { agency, message, foreign } => self.ask(*agency, message, *foreign),
            PlanningOp::Request { agency, message } => self.request(*agency, message),
            PlanningOp::CloseTask { caller, choice, result } => {
                self.close_task(*caller, *choice, *result);
            }
            PlanningOp::SetParticipation { .. } => self.set_participation(op),
            PlanningOp::List { person } => self.compare_planning(*person),
        }
    }

    fn plan(&mut self, command: PlanningCommand) -> Result<Outcome, Refusal> {
        self.step(Command::Planning(command))
    }

    fn planned(&self, described: &model::Submission) -> PlannedMessage {
        let label = self.real_submission(described).label;
        PlannedMessage {
            sender: label.sender,
            recipient: label.recipient,
            purpose: label.purpose,
            kind: label.kind,
            categories: label.categories,
            professional_secret: label.professional_secret,
        }
    }

    /// The answer is the model's decision, and what the core says to a submission of the same instant.
    fn ask(&mut self, agency: usize, message: &MessageOp, foreign: bool) {
        let agency = self.sender(agency, message);
        let described = self.describe(message, &agency);
        let caller = if foreign { "projekt" } else { &agency };
        let (submission, planned) = (self.real_submission(&described), self.planned(&described));
        // Of purposes without participant the edge refuses such a question.
        let Some(reference) = submission.reference else { return };
        let actor = actor(caller, Role::System, None);
        let real = self.plan(PlanningCommand::AskCoverage { actor, reference, planned });
        let model = self.model.ask(caller, &described, self.now);
        match (real, model) {
            (Ok(Outcome::Planning(PlanningOutcome::Coverage { covered, record })), Ok(model)) => {
                assert_eq!((covered, record as usize), model);
            }
            (real, model) => assert!(real.is_err() && model.is_err(), "{real:?} {model:?}"),
        }
    }

    fn request(&mut self, agency: usize, message: &MessageOp) {
        let agency = self.sender(agency, message);
        let described = self.describe(message, &agency);
        let (submission, planned) = (self.real_submission(&described), self.planned(&described));
        // Of purposes without participant the edge refuses such a question.
        let Some(reference) = submission.reference else { return };
        let actor = actor(&agency, Role::System, None);
        let reason = RequestReason::PeriodRuns;
        let real = self.plan(PlanningCommand::RequestConsent { actor, reference, planned, reason });
        let model = self.model.request(&agency, &reference.to_text(), &described, self.now);
        match (real, model) {
            (Ok(Outcome::Recorded(record)), Ok(model)) => assert_eq!(record as usize, model),
            (Err(Refusal::Overloaded { .. }), Err(Error::QueueFull)) => {}
            (real, model) => panic!("{real:?} {model:?}"),
        }
    }

    fn close_task(&mut self, caller: usize, choice: usize, result: usize) {
        // Any request that was ever recorded, closed or of somebody erased too.
        let requests = self.model.log().iter().enumerate();
        let requests = requests.filter(|(_, entry)| **entry == Entry::ConsentRequested);
        let requests: Vec<usize> = requests.map(|(number, _)| number).collect();
        let Some(task) = requests.iter().rev().nth(choice).copied() else { return };
        let about = self.model.about()[task].unwrap_or(super::NOBODY);
        let caller = self.person(caller, about);
        let result = RESULTS[result];
        let command =
            PlanningCommand::CloseTask { actor: lotse(caller), task: task as u64, result };
        let real = self.plan(command);
        let model =
            self.model.close_task(&model_lotse(caller), task, &format!("{result:?}"), self.now);
        match (real, model) {
            (Ok(Outcome::Recorded(record)), Ok(model)) => assert_eq!(record as usize, model),
            (Err(Refusal::IdempotencyConflict { .. }), Err(Error::Conflict)) => {}
            (Err(real), Err(model)) => assert!(same_refusal(&real, model), "{real:?} {model:?}"),
            (real, model) => panic!("{real:?} {model:?}"),
        }
    }

    fn set_participation(&mut self, op: &PlanningOp) {
        let PlanningOp::SetParticipation { caller, participant, phase, jobcenter, steps } = op
        else {
            return;
        };
        let participant = self.whom(*participant);
        let caller = self.person(*caller, participant);
        let known = self.model.participations(&model_lotse(caller), self.now);
        let now = known.iter().find(|(known, _)| known.participant == participant);
        let now = now.and_then(|(known, _)| {
            Phase::ALL.into_iter().find(|it| format!("{it:?}") == known.phase)
        });
        let phase = match *phase {
            PhaseOp::Any(choice) => Phase::ALL[choice],
            PhaseOp::Next(choice) => {
                let next = now.map_or(Phase::FIRST, Phase::next);
                next.get(choice % next.len().max(1)).copied().unwrap_or(Phase::Contact)
            }
        };
        // The last is no Jobcenter with places.
        let jobcenter = jobcenter.map(|choice| ["bezirk", "drv", "kasse"][choice]);
        let step = |step: Option<u32>| step.map(|step| Employability::parse(step).unwrap());
        let command = PlanningCommand::SetParticipation {
            actor: lotse(caller),
            reference: self.lotse_reference(participant),
            phase,
            jobcenter: jobcenter.map(|it| AgencyId::parse(it).unwrap()),
            employability_at_start: step(steps.0),
            employability_at_end: step(steps.1),
        };
        let real = self.plan(command);
        let small = |step: Option<u32>| step.map(|step| step as u8);
        let model = self.model.set_participation(
            &model_lotse(caller),
            participant,
            &format!("{phase:?}"),
            jobcenter,
            (small(steps.0), small(steps.1)),
            self.now,
        );
        match (real, model) {
            (
                Ok(Outcome::Planning(PlanningOutcome::Participation { record, phase, position })),
                Ok(model),
            ) => {
                assert_eq!((record as usize, format!("{phase:?}"), position as usize), model);
            }
            (Err(real), Err(model)) => assert!(same_refusal(&real, model), "{real:?} {model:?}"),
            (real, model) => panic!("{real:?} {model:?}"),
        }
    }

    /// What a Lotse is told of participations, places and tasks.
    pub(super) fn compare_planning(&mut self, person: usize) {
        let (caller, by) = (lotse(person), model_lotse(person));
        let (before, logged) = (self.state.next_record(), self.model.log().len());
        let command = PlanningCommand::ListParticipation { actor: caller.clone() };
        let Ok(Outcome::Planning(PlanningOutcome::Participations(real))) = self.plan(command)
        else {
            panic!("no participations for {}", PEOPLE[person]);
        };
        let model = self.model.list_participations(&by, self.now);
        assert_eq!(real.len(), model.len());
        for (real, (model, position)) in real.iter().zip(&model) {
            let known = &real.participation;
            let step = |step: Option<Employability>| step.map(Employability::step);
            assert_eq!(real.reference, self.lotse_reference(model.participant));
            assert_eq!(known.jobcenter.as_str(), model.jobcenter);
            assert_eq!(format!("{:?}", known.phase), model.phase);
            assert_eq!((known.started, known.ended), (model.started, model.ended));
            let steps = (step(known.employability_at_start), step(known.employability_at_end));
            assert_eq!(steps, model.steps);
            assert_eq!(real.position as usize, *position);
        }
        let Ok(Outcome::Planning(PlanningOutcome::Places(real))) =
            self.plan(PlanningCommand::ShowPlaces)
        else {
            panic!("no places");
        };
        let real = real.iter().map(|it| {
            let (places, taken, waiting) = (it.places, it.taken, it.waiting);
            (it.jobcenter.to_string(), places as usize, taken as usize, waiting as usize)
        });
        let model = self.model.places();
        assert_eq!(real.collect::<Vec<_>>(), model);
        assert!(model.iter().all(|(_, places, taken, _)| taken <= places), "{model:?}");
        let command = PlanningCommand::ListTasks { actor: caller };
        let Ok(Outcome::Planning(PlanningOutcome::Tasks { tasks, .. })) = self.plan(command) else {
            panic!("no tasks");
        };
        assert_eq!(open_requests(&tasks), self.model.open_requests(&by, self.now));
        assert_eq!(grants_ending(&tasks), self.model.grants_ending(&by, self.now));
        let free = self.model.places_free(&by).into_iter();
        let free = free.map(|(of, jobcenter)| (self.lotse_reference(of), jobcenter));
        assert_eq!(places_free(&tasks), free.collect::<Vec<_>>());
        // Reviews that were missed by now are recorded before any answer, on both sides.
        let recorded = self.state.next_record() - before;
        assert_eq!(recorded as usize, self.model.log().len() - logged, "each list is a query");
    }

    pub(super) fn planning_entry(&self, event: &PlanningEvent) -> Entry {
        match event {
            PlanningEvent::CoverageAsked(asked) => {
                let (why, by) = match &asked.decision {
                    Decision::Accepted(by) => (None, Some(self.grant(by))),
                    Decision::Refused(why) => (Some(reason(*why)), None),
                };
                Entry::Asked { covered: by.is_some(), reason: why, grant: by }
            }
            PlanningEvent::ConsentRequested(_) => Entry::ConsentRequested,
            PlanningEvent::TaskClosed { task, result, .. } => {
                Entry::TaskClosed { task: *task as usize, result: format!("{result:?}") }
            }
            PlanningEvent::ParticipationSet(event) => Entry::Participation {
                participant: self.participant(&event.participant),
                phase: format!("{:?}", event.phase),
            },
        }
    }
}

fn open_requests(tasks: &[Task]) -> Vec<usize> {
    let numbers = tasks.iter().filter_map(|task| match &task.what {
        TaskKind::ConsentRequest { task, .. } => Some(*task as usize),
        _ => None,
    });
    numbers.collect()
}

/// In order of registration.
fn places_free(tasks: &[Task]) -> Vec<(Reference, String)> {
    let free = tasks.iter().filter_map(|task| match &task.what {
        TaskKind::PlaceFree { jobcenter } => Some((task.reference?, jobcenter.to_string())),
        _ => None,
    });
    free.collect()
}

fn grants_ending(tasks: &[Task]) -> Vec<(u64, String, usize)> {
    let ending = tasks.iter().filter_map(|task| match &task.what {
        TaskKind::GrantEnding { consent, grant_index } => {
            Some((task.due?, consent.bytes()[0].to_string(), *grant_index as usize))
        }
        _ => None,
    });
    let mut ending: Vec<_> = ending.collect();
    ending.sort();
    ending
}

/// Two worlds that differ only in what a sender must not learn of give it the same answers: of a participant who
/// is not covered, and of a reference that means nobody, also after a restart and when a request is repeated.
#[test]
fn requests_are_the_same_whether_or_not_the_reference_means_somebody() {
    let mut known = world(true);
    let mut unknown = world(false);
    for day in [0, 1, 29, 31, 32] {
        let answers = [&mut known, &mut unknown].map(|pair| {
            pair.now += day * DAY;
            let answers = (0..25).map(|turn| requested(pair, turn % 23)).collect::<Vec<_>>();
            let events = std::mem::take(&mut pair.log);
            let mut state = State::new();
            for ((event, time), number) in events.iter().zip(0..) {
                state.apply(event, number, *time);
            }
            pair.state = state;
            pair.log = events;
            (answers, pair.state.next_record())
        });
        assert_eq!(answers[0], answers[1], "day {day}");
        assert!(answers[0].0.iter().filter(|it| it.is_err()).count() >= 3, "the bound is reached");
    }
}

/// A world in which an agency's reference means somebody, or somebody else got it.
fn world(known: bool) -> Pair {
    let mut pair = Pair::new();
    pair.register(0, 0);
    let agency = if known { 0 } else { 1 };
    pair.play(&Op::AssignReference { caller: OWN_LOTSE, participant: 0, agency });
    pair
}

/// The answer to a request of one of many kinds.
fn requested(pair: &mut Pair, turn: usize) -> Result<u64, String> {
    let catalogue = &pair.rules.catalogue;
    let reference = pair.reference(0, "drv").unwrap_or_else(Pair::unknown_reference);
    let planned = PlannedMessage {
        sender: schleuse_broker::domain::ids::Address::parse("drv", "reha").unwrap(),
        recipient: schleuse_broker::domain::ids::Address::parse("kasse", &format!("f{turn}"))
            .unwrap(),
        purpose: catalogue.purpose("fallkonferenz").unwrap(),
        kind: catalogue.kind("fallkonferenz.request").unwrap(),
        categories: catalogue.category("termine").unwrap(),
        professional_secret: false,
    };
    let actor = actor("drv", Role::System, None);
    let reason = RequestReason::None;
    match pair.plan(PlanningCommand::RequestConsent { actor, reference, planned, reason }) {
        Ok(Outcome::Recorded(record)) => Ok(record),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// A broker that stops in the middle of an erasure forgets requests about the erased like one that goes on: the
/// registration is overwritten already, the request is not yet.
#[test]
fn a_request_is_forgotten_with_an_erasure_that_breaks_off() {
    let message = MessageOp {
        what: What::Any,
        participant: 0,
        recipient: 2,
        function: 0,
        purpose: 0,
        categories: 1,
        secret: false,
        age: 0,
        lives: HOUR,
    };
    for restarted in [false, true] {
        let mut pair = Pair::new();
        for op in super::beginning() {
            pair.play(&op);
        }
        pair.request(0, &message);
        let of = OfOp::Erasure { participant: 0 };
        pair.play_run(&RunOp::Propose { caller: CallerOp::Officer, of });
        pair.play_run(&RunOp::Approve { caller: CallerOp::SecondOfficer, choice: 0, age: None });
        pair.play(&Op::EraseRecords { first: Some(1) });
        if restarted {
            pair.play(&Op::Restart { left: 0 });
        }
        pair.request(0, &message);
    }
}
