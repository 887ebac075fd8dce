//! Operations about runs, on both sides: one person proposes, another one approves.

use proptest::prelude::*;
use schleuse_broker::domain::command::{Command, ErasureOf, Outcome, RunCommand};
use schleuse_broker::domain::event::{Actor, ErasureGround};
use schleuse_broker::domain::ids::{ParticipantId, RecordNumber, Reference, RegistrationKey};
use schleuse_broker::domain::refusal::Refusal;
use schleuse_broker::domain::runs::{OPEN_RUNS_MAX, RUN_OPEN_MS};

use super::ops::{CallerOp, caller_op};
use super::rights::both;
use super::{DAY, HOUR, NOBODY, Pair, lotse};
use crate::model::Error;
use crate::model::runs::{Approved, Plan, Run};

const REASON: &str = "nobody needs it any more";

/// One step about runs.
#[derive(Clone, Debug)]
pub(super) enum RunOp {
    Plan {
        caller: CallerOp,
        of: OfOp,
    },
    Propose {
        caller: CallerOp,
        of: OfOp,
    },
    Approve {
        caller: CallerOp,
        choice: usize,
        age: Option<u64>,
    },
    Withdraw {
        caller: CallerOp,
        choice: usize,
    },
    List {
        caller: CallerOp,
    },
    /// Time goes by until a run lapses, or until just before.
    WaitForLapse {
        choice: usize,
        before: bool,
    },
}

/// What a run is about; of the retention what has not changed for so long.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfOp {
    Erasure { participant: usize },
    Retention { age: Option<u64> },
}

/// A run of the retention that was approved, and whom it found.
#[derive(Clone, Debug)]
pub(super) struct Retaining {
    run: RecordNumber,
    before: Option<u64>,
    found: Vec<ParticipantId>,
}

fn age_op() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.9, prop_oneof![Just(0), Just(2 * HOUR), Just(DAY)])
}

fn of_op() -> impl Strategy<Value = OfOp> {
    prop_oneof![
        3 => (0..4_usize).prop_map(|participant| OfOp::Erasure { participant }),
        1 => age_op().prop_map(|age| OfOp::Retention { age }),
    ]
}

pub(super) fn run_op() -> impl Strategy<Value = RunOp> {
    let second = || {
        prop_oneof![
            12 => Just(CallerOp::SecondOfficer),
            2 => Just(CallerOp::RenewedOfficer),
            1 => Just(CallerOp::NamelessOfficer),
            3 => caller_op(),
        ]
    };
    let first = prop_oneof![6 => caller_op(), 1 => second()];
    let choice = || prop_oneof![6 => 0..3_usize, 1 => 0..40_usize];
    prop_oneof![
        2 => (caller_op(), of_op()).prop_map(|(caller, of)| RunOp::Plan { caller, of }),
        6 => (first, of_op()).prop_map(|(caller, of)| RunOp::Propose { caller, of }),
        8 => (second(), choice(), age_op())
            .prop_map(|(caller, choice, age)| RunOp::Approve { caller, choice, age }),
        1 => (second(), choice()).prop_map(|(caller, choice)| RunOp::Withdraw { caller, choice }),
        1 => caller_op().prop_map(|caller| RunOp::List { caller }),
        1 => (choice(), prop::bool::weighted(0.6))
            .prop_map(|(choice, before)| RunOp::WaitForLapse { choice, before }),
    ]
}

impl Pair {
    pub(super) fn play_run(&mut self, op: &RunOp) {
        match *op {
            RunOp::Plan { caller, of } => {
                let (actor, caller) = self.caller(caller, NOBODY);
                let (real_of, participant, before) = self.run_of(&actor, of);
                let real = self.step(Command::Run(RunCommand::Plan { actor, of: real_of }));
                let model = self.model.plan_run(&caller, participant, before, self.now);
                self.compare_plan(real, model);
            }
            RunOp::Propose { caller, of } => {
                let (actor, caller) = self.caller(caller, NOBODY);
                let (real_of, participant, before) = self.run_of(&actor, of);
                let reason = REASON.to_owned();
                let command = RunCommand::Propose { actor, of: real_of, reason };
                let real = self.step(Command::Run(command));
                let model = self.model.propose_run(&caller, participant, before, REASON, self.now);
                if let Some(record) = self.compare_plan(real, model) {
                    self.runs.push((record, self.now));
                }
            }
            RunOp::Approve { caller, choice, age } => self.approve(caller, choice, age),
            RunOp::Withdraw { caller, choice } => {
                let run = self.run(choice);
                let (actor, caller) = self.caller(caller, NOBODY);
                let real = self.step(Command::Run(RunCommand::Withdraw { actor, run }));
                let model = self.model.withdraw_run(&caller, run as usize, self.now);
                self.compare_recorded(real, model);
            }
            RunOp::List { caller } => self.list_runs(caller),
            RunOp::WaitForLapse { choice, before } => {
                let proposed = self.runs.iter().rev().nth(choice).map(|(_, at)| *at);
                let lapse = proposed.map(|at| at + RUN_OPEN_MS - u64::from(before));
                self.now = self.now.max(lapse.unwrap_or_default());
            }
        }
    }

    /// What both sides are told about what a run is about.
    fn run_of(&self, actor: &Actor, of: OfOp) -> (ErasureOf, Option<usize>, Option<u64>) {
        match of {
            OfOp::Erasure { participant } => {
                let participant = self.whom(participant);
                let reference = self.reference_of(actor, participant);
                (ErasureOf::Reference(reference), Some(participant), None)
            }
            OfOp::Retention { age } => {
                let before = age.map(|age| self.now - age);
                (ErasureOf::Retention(before), None, before)
            }
        }
    }

    /// One of the newest runs, or one that never was.
    fn run(&self, choice: usize) -> RecordNumber {
        let never = self.model.log().len() as RecordNumber;
        self.runs.iter().rev().nth(choice).map_or(never, |(run, _)| *run)
    }

    /// The record, if both sides did it.
    fn compare_plan(
        &self,
        real: Result<Outcome, Refusal>,
        model: Result<Plan, Error>,
    ) -> Option<RecordNumber> {
        let (real, model) = both(real, model)?;
        let Outcome::ErasurePlanned { record, participants, held, waiting } = real else {
            panic!("{real:?}")
        };
        let participants = participants.iter().map(|id| self.participant(id)).collect();
        assert_eq!(record, self.last_record());
        assert_eq!(self.held(&held), self.model_held());
        assert_eq!((participants, waiting as usize), model);
        Some(record)
    }

    fn approve(&mut self, caller: CallerOp, choice: usize, age: Option<u64>) {
        let (run, before) = (self.run(choice), age.map(|age| self.now - age));
        let (actor, caller) = self.caller(caller, NOBODY);
        let real = self.step(Command::Run(RunCommand::Approve { actor, run, before }));
        let model = self.model.approve_run(&caller, run as usize, before, self.now);
        let Some((real, model)) = both(real, model) else { return };
        match model {
            Approved::Erasure { participant, stopped } => {
                self.compare_begun(Ok(real), Ok(stopped), participant);
            }
            Approved::Retention(outdated) => {
                let Outcome::ErasurePlanned { participants: found, .. } = &real else {
                    panic!("{real:?}")
                };
                self.retaining = Some(Retaining { run, before, found: found.clone() });
                self.compare_plan(Ok(real), Ok((outdated, 0)));
            }
        }
    }

    pub(super) fn list_runs(&mut self, caller: CallerOp) {
        let (actor, caller) = self.caller(caller, NOBODY);
        let real = self.step(Command::Run(RunCommand::List { actor: actor.clone() }));
        let model = self.model.list_runs(&caller, self.now);
        let Some((Outcome::Runs(real), model)) = both(real, model) else { return };
        let real = real.into_iter().map(|(run, reference)| {
            let participant = run.of.participant().map(|id| self.participant(id));
            assert_eq!(reference, participant.map(|it| self.reference_of(&actor, it)));
            Run {
                number: run.number as usize,
                participant,
                reason: run.reason,
                proposed_by: run.proposed_by.person.unwrap().to_string(),
                proposed_at: run.proposed_at,
            }
        });
        assert_eq!(real.collect::<Vec<_>>(), model);
    }

    /// The newest run of the retention goes on. Its records are erased even if a hold came meanwhile: what it is about
    /// stays.
    pub(super) fn retain(&mut self, most: usize, participants: bool) {
        let never = self.model.log().len() as RecordNumber;
        let retaining = self.retaining.clone();
        let run = retaining.as_ref().map_or(never, |retaining| retaining.run);
        let mut outdated = self.model.outdated_entries();
        outdated.truncate(most);
        self.erase_records(ErasureGround::Retention, run, &outdated);
        let Some(Retaining { before: Some(before), found, .. }) = retaining else { return };
        for participant in found.into_iter().filter(|_| participants) {
            let (actor, _) = self.caller(CallerOp::SecondOfficer, NOBODY);
            let real = self.step(Command::EraseOutdated { actor, run, participant, before });
            let number = self.participant(&participant);
            let model = self.model.begin_outdated(run as usize, number, before, self.now);
            self.compare_begun(real, model, number);
        }
    }
}

/// The bound of open runs says what to do, and withdrawing one, or time, makes room.
#[test]
fn so_many_runs_are_open_at_most() {
    let mut pair = Pair::new();
    let (first, _) = pair.caller(CallerOp::Officer, NOBODY);
    let propose = |pair: &mut Pair, number: u16| {
        let entropy = [pair.entropy(), pair.entropy(), pair.entropy()];
        let mut key = [0; 16];
        key[..2].copy_from_slice(&number.to_be_bytes());
        let key = RegistrationKey::from_bytes(key);
        let register = Command::RegisterParticipant { actor: lotse(0), key, entropy };
        pair.state.step(&pair.rules, pair.now, register).unwrap();
        let of = ErasureOf::Reference(Reference::from_bytes(entropy[2]));
        let (actor, reason) = (first.clone(), REASON.to_owned());
        let command = Command::Run(RunCommand::Propose { actor, of, reason });
        pair.state.step(&pair.rules, pair.now, command)
    };
    let mut last = 0;
    for number in 0..OPEN_RUNS_MAX {
        let outcome = propose(&mut pair, number as u16).unwrap();
        let Outcome::ErasurePlanned { record, .. } = outcome else { panic!("{outcome:?}") };
        last = record;
    }
    let full = propose(&mut pair, 1000).unwrap_err();
    assert_eq!(full, Refusal::RunsFull { max: OPEN_RUNS_MAX });
    assert!(full.to_string().contains("withdraw one"), "{full}");
    let (actor, _) = pair.caller(CallerOp::Officer, NOBODY);
    let withdraw = Command::Run(RunCommand::Withdraw { actor, run: last });
    pair.state.step(&pair.rules, pair.now, withdraw).unwrap();
    propose(&mut pair, 1001).unwrap();
    assert!(propose(&mut pair, 1002).is_err());
    pair.now += RUN_OPEN_MS;
    propose(&mut pair, 1003).unwrap();
}
