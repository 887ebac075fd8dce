//! Runs: the part of the model that proposes, approves and withdraws an erasure or a run of the retention, and begins
//! erasures.
//!
//! Source: the texts of `rights.proto` and `access_log.proto`; the invariants second-person and erasure.

use super::rights::Caller;
use super::{DAY_MS, Entry, Error, Model, StopReason};

/// How long a run can be approved.
const OPEN_MS: u64 = 14 * DAY_MS;

/// A run that waits for the word of a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub number: usize,
    /// Whom it erases; without one it is of the retention.
    pub participant: Option<usize>,
    pub reason: String,
    pub proposed_by: String,
    pub proposed_at: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    /// Neither approved nor withdrawn; some have lapsed.
    proposed: Vec<Run>,
    /// The newest run of the retention that was approved.
    pub(super) retaining: Option<usize>,
}

/// What a run takes: participants, and how many messages it stops.
pub type Plan = (Vec<usize>, usize);

/// What became of a run that was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// The erasure of a participant began; so many messages were stopped.
    Erasure { participant: usize, stopped: usize },
    /// These participants are outdated.
    Retention(Vec<usize>),
}

impl Model {
    /// What a run would take. The question is a query.
    ///
    /// # Errors
    /// The caller is not the officer of the project, there is no such participant, or nothing may be erased.
    pub fn plan_run(
        &mut self,
        caller: &Caller,
        participant: Option<usize>,
        before: Option<u64>,
        now: u64,
    ) -> Result<Plan, Error> {
        self.check_officer(caller)?;
        let plan = self.takes(participant, before, now)?;
        self.write(participant, Entry::Queried);
        Ok(plan)
    }

    /// Proposes a run.
    ///
    /// # Errors
    /// As [`Model::plan_run`]; the caller has no name; the same is proposed already.
    pub fn propose_run(
        &mut self,
        caller: &Caller,
        participant: Option<usize>,
        before: Option<u64>,
        reason: &str,
        now: u64,
    ) -> Result<Plan, Error> {
        let proposed_by = self.person(caller)?;
        let plan = self.takes(participant, before, now)?;
        if self.open(now).any(|run| run.participant == participant) {
            return Err(Error::AlreadyOpen);
        }
        let number = self.log.len();
        let reason = reason.to_owned();
        self.write(participant, Entry::RunProposed { participant });
        let run = Run { number, participant, reason, proposed_by, proposed_at: now };
        self.runs.proposed.push(run);
        Ok(plan)
    }

    /// Approves a run. The erasure of a participant begins at once.
    ///
    /// # Errors
    /// The caller is not the officer of the project or has no name; there is no such run, or not any more; the caller
    /// proposed it; nothing may be erased.
    pub fn approve_run(
        &mut self,
        caller: &Caller,
        number: usize,
        before: Option<u64>,
        now: u64,
    ) -> Result<Approved, Error> {
        let person = self.person(caller)?;
        let run = self.open(now).find(|run| run.number == number).cloned();
        let run = run.ok_or(Error::NotFound)?;
        if run.proposed_by == person {
            return Err(Error::SamePerson);
        }
        let (outdated, _) = self.takes(run.participant, before, now)?;
        self.runs.proposed.retain(|other| other.number != number);
        self.write(None, Entry::RunApproved { run: number, proposed_by: run.proposed_by });
        if let Some(participant) = run.participant {
            let stopped = self.begin_erasure(participant, number, now);
            return Ok(Approved::Erasure { participant, stopped });
        }
        self.runs.retaining = Some(number);
        Ok(Approved::Retention(outdated))
    }

    /// Withdraws a run.
    ///
    /// # Errors
    /// The caller is not the officer of the project, or there is no such run, or not any more.
    pub fn withdraw_run(&mut self, caller: &Caller, number: usize, now: u64) -> Result<(), Error> {
        self.check_officer(caller)?;
        let run = self.open(now).find(|run| run.number == number).cloned();
        let run = run.ok_or(Error::NotFound)?;
        self.runs.proposed.retain(|other| other.number != number);
        self.write(run.participant, Entry::RunWithdrawn { run: number });
        Ok(())
    }

    /// The runs that can be approved, oldest first. The question is a query.
    ///
    /// # Errors
    /// The caller is not the officer of the project.
    pub fn list_runs(&mut self, caller: &Caller, now: u64) -> Result<Vec<Run>, Error> {
        self.check_officer(caller)?;
        self.write(None, Entry::Queried);
        Ok(self.open(now).cloned().collect())
    }

    /// The erasure of a participant begins whom a run of the retention found: only if it is over still.
    ///
    /// # Errors
    /// The run does not erase now; there is no such participant any more if something has changed; it is held.
    pub fn begin_outdated(
        &mut self,
        run: usize,
        participant: usize,
        before: u64,
        now: u64,
    ) -> Result<usize, Error> {
        if self.runs.retaining != Some(run) {
            return Err(Error::NotFound);
        }
        self.check_known(participant)?;
        if !self.is_over(participant, before, now) {
            return Err(Error::NotFound);
        }
        if self.is_held(participant) {
            return Err(Error::OnHold);
        }
        Ok(self.begin_erasure(participant, run, now))
    }

    /// Stops all messages of a participant, then forgets them, the consents and the participant. How many messages
    /// that were.
    fn begin_erasure(&mut self, participant: usize, run: usize, now: u64) -> usize {
        let unfinished = self.unfinished_about(participant);
        for number in &unfinished {
            self.stop(*number, StopReason::Erased, None, now);
        }
        self.erasing.push((self.log.len(), participant, run));
        let undeleted = self.undeleted(participant);
        self.write(Some(participant), Entry::ErasureBegun { participant, run });
        self.forget_delivery(participant);
        self.add_duties(None, undeleted, now);
        self.messages.retain(|message| message.submission.participant != Some(participant));
        self.consents.retain(|consent| consent.newest.participant != participant);
        self.forget_safeguards(participant);
        self.erasure_holds.retain(|hold| hold.participant != Some(participant));
        self.runs.proposed.retain(|run| run.participant != Some(participant));
        self.planning.forget(participant);
        if let Some(known) = self.participants.get_mut(participant) {
            known.erased = true;
        }
        unfinished.len()
    }

    /// What a run takes: of the retention the participants who have not changed since before an instant and about whom
    /// nothing can pass any more; without an instant none.
    fn takes(
        &self,
        participant: Option<usize>,
        before: Option<u64>,
        now: u64,
    ) -> Result<Plan, Error> {
        if let Some(participant) = participant {
            self.check_known(participant)?;
            if self.is_held(participant) {
                return Err(Error::OnHold);
            }
            return Ok((vec![participant], self.unfinished_about(participant).len()));
        }
        if self.all_held() {
            return Err(Error::OnHold);
        }
        let Some(before) = before else { return Ok((Vec::new(), 0)) };
        let mut outdated = Vec::new();
        for (participant, known) in self.participants.iter().enumerate() {
            let is_over = self.is_over(participant, before, now);
            if is_over && !known.erased && !self.is_held(participant) {
                outdated.push(participant);
            }
        }
        Ok((outdated, 0))
    }

    fn open(&self, now: u64) -> impl Iterator<Item = &Run> {
        self.runs.proposed.iter().filter(move |run| now < run.proposed_at + OPEN_MS)
    }

    /// The person of an officer of the project.
    fn person(&self, caller: &Caller) -> Result<String, Error> {
        self.check_officer(caller)?;
        match caller {
            Caller::Officer { person: Some(person), .. } => Ok(person.clone()),
            Caller::Officer { person: None, .. } | Caller::Lotse(_) | Caller::System(_) => {
                Err(Error::Nameless)
            }
        }
    }
}
