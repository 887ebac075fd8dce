//! Planning: questions before sending, consent requests as tasks, participations and places.
//!
//! Source: the texts of `planning.proto`; the invariant uniform-refusal.

use super::{Entry, Error, GrantRef, Lotse, Model, Reason, Submission, entrusted};

/// How long a repeated request is known.
const REQUEST_MS: u64 = 30 * 24 * 3600 * 1000;
/// How long before it is due something is a task.
const AHEAD_MS: u64 = 30 * 24 * 3600 * 1000;
const REQUESTS_PER_REFERENCE_MAX: usize = 20;

/// What a model knows of planning.
#[derive(Debug, Clone, Default)]
pub struct Planning {
    /// Places of each Jobcenter.
    places: Vec<(String, usize)>,
    requests: Vec<Request>,
    tasks: Vec<Task>,
    participations: Vec<Participation>,
    /// Who waits for which Jobcenter, in the order of coming.
    waiting: Vec<(String, usize)>,
}

/// A request: under which reference, whether or not it means somebody.
#[derive(Debug, Clone)]
struct Request {
    agency: String,
    reference: String,
    about: Option<usize>,
    planned: Submission,
    entry: usize,
    at: u64,
}

#[derive(Debug, Clone)]
struct Task {
    entry: usize,
    participant: usize,
    /// What became of it, and the entry that says so.
    closed: Option<(String, usize)>,
}

/// A participation, as its Lotse sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participation {
    pub participant: usize,
    pub jobcenter: String,
    pub phase: String,
    pub started: Option<u64>,
    pub ended: Option<u64>,
    /// Employability at the beginning and at the end.
    pub steps: (Option<u8>, Option<u8>),
    entry: usize,
    changes: usize,
}

/// What is recorded now: the entry of the last change, the phase, the position on the waiting list.
pub type Recorded = (usize, String, usize);

/// The phases in which a participant has a place.
const WITH_PLACE: [&str; 7] = [
    "Contact",
    "Assessment",
    "Goals",
    "SupportPlanning",
    "Implementation",
    "Reflection",
    "Transition",
];

/// What may follow a phase; nothing stands for the beginning. Every phase with a place may go on to the hand-over.
fn may_follow(from: Option<&str>, to: &str) -> bool {
    let Some(from) = from else { return ["Proposed", "Waiting", "Contact"].contains(&to) };
    let place = |phase: &str| WITH_PLACE.iter().position(|known| *known == phase);
    if to == "Ended" {
        return from != "Ended";
    }
    match (from, to) {
        ("Proposed", "Waiting" | "Contact") | ("Waiting", "Proposed" | "Contact") => true,
        ("Transition", "FollowUp" | "Implementation" | "Reflection") => true,
        ("Transition", _) => false,
        (_, "Transition") => place(from).is_some(),
        ("Implementation", "Goals") | ("Reflection", "Goals" | "SupportPlanning") => true,
        _ => match (place(from), place(to)) {
            // One step forward or back.
            (Some(from), Some(to)) => from.abs_diff(to) == 1,
            _ => false,
        },
    }
}

impl Model {
    /// Says how many places each Jobcenter has.
    pub fn set_places(&mut self, places: &[(&str, usize)]) {
        self.planning.places =
            places.iter().map(|(of, count)| ((*of).to_owned(), *count)).collect();
    }

    /// Whether a message would pass: as [`Model::decide`], and an entry.
    ///
    /// # Errors
    /// Another agency's message.
    pub fn ask(
        &mut self,
        agency: &str,
        planned: &Submission,
        now: u64,
    ) -> Result<(bool, usize), Error> {
        if planned.sender.agency != agency {
            return Err(Error::Invalid);
        }
        let decided: Result<GrantRef, Reason> = self.decide(planned, now);
        let (covered, entry) = (decided.is_ok(), self.log.len());
        let (reason, grant) = (decided.as_ref().err().copied(), decided.ok());
        self.write(self.addressed(planned), Entry::Asked { covered, reason, grant });
        Ok((covered, entry))
    }

    /// Asks the Lotse for a consent, under a reference that may mean nobody; the same once more is the first.
    ///
    /// # Errors
    /// Another agency's message, or too much under one reference.
    pub fn request(
        &mut self,
        agency: &str,
        reference: &str,
        planned: &Submission,
        now: u64,
    ) -> Result<usize, Error> {
        if planned.sender.agency != agency {
            return Err(Error::Invalid);
        }
        let known = self.planning.requests.iter().filter(|it| {
            it.agency == agency && it.reference == reference && now < it.at + REQUEST_MS
        });
        let known: Vec<&Request> = known.collect();
        if let Some(first) = known.iter().find(|it| same_terms(&it.planned, planned)) {
            return Ok(first.entry);
        }
        if known.len() >= REQUESTS_PER_REFERENCE_MAX {
            return Err(Error::QueueFull);
        }
        let (entry, about) = (self.log.len(), self.addressed(planned));
        self.planning.requests.push(Request {
            agency: agency.to_owned(),
            reference: reference.to_owned(),
            about,
            planned: planned.clone(),
            entry,
            at: now,
        });
        if let Some(participant) = about {
            self.planning.tasks.push(Task { entry, participant, closed: None });
        }
        self.write(about, Entry::ConsentRequested);
        Ok(entry)
    }

    /// Closes a request about a participant of the Lotse.
    ///
    /// # Errors
    /// No such request of the Lotse's participants, or it was closed otherwise.
    pub fn close_task(
        &mut self,
        caller: &Lotse,
        task: usize,
        result: &str,
        now: u64,
    ) -> Result<usize, Error> {
        let known =
            self.planning.tasks.iter().find(|it| it.entry == task).ok_or(Error::NotFound)?;
        let participant = known.participant;
        let closed = known.closed.clone();
        self.check_entrusted(caller, participant, now)?;
        if let Some((before, entry)) = closed {
            return if before == result { Ok(entry) } else { Err(Error::Conflict) };
        }
        let entry = self.log.len();
        for known in self.planning.tasks.iter_mut().filter(|it| it.entry == task) {
            known.closed = Some((result.to_owned(), entry));
        }
        self.write(Some(participant), Entry::TaskClosed { task, result: result.to_owned() });
        Ok(entry)
    }

    /// Open requests about participants of a Lotse or deputy, oldest first. The question is a query.
    pub fn open_requests(&mut self, caller: &Lotse, now: u64) -> Vec<usize> {
        self.write(None, Entry::Queried);
        let open = self.planning.tasks.iter().filter(|it| it.closed.is_none());
        let own = open.filter(|it| self.check_entrusted(caller, it.participant, now).is_ok());
        own.map(|it| it.entry).collect()
    }

    /// Grants of participants of a Lotse or deputy that end soon: consent and index, in the order in which they end.
    /// Of somebody whose participation ended none is to be renewed, and no deputy renews what appoints deputies.
    pub fn grants_ending(&self, caller: &Lotse, now: u64) -> Vec<(u64, String, usize)> {
        let mut ending = Vec::new();
        for consent in self.consents.iter().filter(|it| it.revoked_at.is_none()) {
            let participant = consent.newest.participant;
            let is_over = self.ended_at(participant).is_some();
            let appoints = consent.newest.grants.iter().any(|it| it.purpose == "vertretung");
            let is_theirs = !appoints || self.is_lotse(caller, participant);
            if !is_over && is_theirs && self.check_entrusted(caller, participant, now).is_ok() {
                for (index, grant) in consent.newest.grants.iter().enumerate() {
                    if (now + 1..=now + AHEAD_MS).contains(&grant.not_after) {
                        ending.push((grant.not_after, consent.newest.id.clone(), index));
                    }
                }
            }
        }
        ending.sort();
        ending
    }

    /// Participants of a Lotse who wait and could have a place, with its Jobcenter. A deputy gives nobody a place.
    pub fn places_free(&self, caller: &Lotse) -> Vec<(usize, String)> {
        let own = self.planning.waiting.iter().filter(|(_, it)| self.is_lotse(caller, *it));
        let free = own.filter(|(jobcenter, it)| self.planning.is_free(jobcenter, *it));
        let mut free: Vec<_> = free.map(|(jobcenter, it)| (*it, jobcenter.clone())).collect();
        free.sort();
        free
    }

    fn is_lotse(&self, caller: &Lotse, participant: usize) -> bool {
        self.participants.get(participant).is_some_and(|it| !it.erased && it.lotse == *caller)
    }

    /// Records a phase. Who needs a place and finds none waits.
    ///
    /// # Errors
    /// Not the Lotse's participant, no Jobcenter with places, or a phase that does not follow.
    pub fn set_participation(
        &mut self,
        caller: &Lotse,
        participant: usize,
        wanted: &str,
        jobcenter: Option<&str>,
        steps: (Option<u8>, Option<u8>),
        now: u64,
    ) -> Result<Recorded, Error> {
        entrusted(&mut self.participants, caller, participant)?;
        let before = self.participation(participant).cloned();
        if before.is_none() {
            self.check_not_ended(participant)?;
        }
        let recorded = before.as_ref().map(|it| it.jobcenter.clone());
        let jobcenter = jobcenter.map(str::to_owned).or(recorded.clone()).ok_or(Error::Invalid)?;
        let from = before.as_ref().map(|it| it.phase.as_str());
        if recorded.as_ref() != Some(&jobcenter) {
            let may_move = from.is_none_or(|from| from == "Proposed" || from == "Waiting");
            if !may_move || !self.planning.places.iter().any(|(of, _)| *of == jobcenter) {
                return Err(Error::Invalid);
            }
        }
        // Only the signed end ends.
        if from != Some(wanted) && (wanted == "Ended" || !may_follow(from, wanted)) {
            return Err(Error::Invalid);
        }
        let has_place = |phase: &str| WITH_PLACE.contains(&phase);
        let needs = has_place(wanted) && !from.is_some_and(has_place);
        let phase = if needs && !self.planning.is_free(&jobcenter, participant) {
            "Waiting"
        } else {
            wanted
        };
        let had = before.as_ref().map_or((None, None), |it| it.steps);
        let steps = (steps.0.or(had.0), steps.1.or(had.1));
        if let Some(before) = &before
            && before.phase == phase
            && before.jobcenter == jobcenter
            && before.steps == steps
        {
            return Ok((before.entry, phase.to_owned(), self.planning.position(participant)));
        }
        let entry = self.log.len();
        let old = before.as_ref();
        let set = Participation {
            participant,
            jobcenter: jobcenter.clone(),
            phase: phase.to_owned(),
            started: old.and_then(|it| it.started).or(has_place(phase).then_some(now)),
            ended: old.and_then(|it| it.ended).or((phase == "Ended").then_some(now)),
            steps,
            entry,
            changes: old.map_or(0, |it| it.changes) + usize::from(from != Some(phase)),
        };
        let stays =
            phase == "Waiting" && recorded.as_ref() == Some(&jobcenter) && from == Some(phase);
        if !stays {
            self.planning.waiting.retain(|(_, it)| *it != participant);
            if phase == "Waiting" {
                self.planning.waiting.push((jobcenter, participant));
            }
        }
        self.planning.participations.retain(|it| it.participant != participant);
        self.planning.participations.push(set);
        let phase = phase.to_owned();
        self.write(Some(participant), Entry::Participation { participant, phase: phase.clone() });
        self.changed(participant, now);
        Ok((entry, phase, self.planning.position(participant)))
    }

    /// The participation ended, by the entry that says so; whoever waited longest can have the place.
    pub(super) fn end_planned(&mut self, participant: usize, entry: usize, now: u64) {
        self.planning.waiting.retain(|(_, it)| *it != participant);
        let mut known = self.planning.participations.iter_mut();
        if let Some(it) = known.find(|it| it.participant == participant) {
            it.phase = "Ended".to_owned();
            it.ended = Some(now);
            it.entry = entry;
            it.changes += 1;
        }
    }

    fn participation(&self, participant: usize) -> Option<&Participation> {
        self.planning.participations.iter().find(|it| it.participant == participant)
    }

    /// The same as a question of the Lotse, which is a query.
    pub fn list_participations(&mut self, caller: &Lotse, now: u64) -> Vec<(Participation, usize)> {
        self.write(None, Entry::Queried);
        self.participations(caller, now)
    }

    /// Participations of the participants of a Lotse or deputy in order of registration, with their positions.
    pub fn participations(&self, caller: &Lotse, now: u64) -> Vec<(Participation, usize)> {
        let entrusted = |it: &usize| self.check_entrusted(caller, *it, now).is_ok();
        let own = (0..self.participants.len()).filter(entrusted);
        let known = own.filter_map(|it| self.participation(it));
        known.map(|it| (it.clone(), self.planning.position(it.participant))).collect()
    }

    /// For each Jobcenter its places, those that are taken, and who waits.
    pub fn places(&self) -> Vec<(String, usize, usize, usize)> {
        let count = |(of, places): &(String, usize)| {
            let waiting = self.planning.waiting.iter().filter(|(jobcenter, _)| jobcenter == of);
            (of.clone(), *places, self.planning.taken(of), waiting.count())
        };
        self.planning.places.iter().map(count).collect()
    }
}

impl Planning {
    fn taken(&self, jobcenter: &str) -> usize {
        let there = self.participations.iter().filter(|it| it.jobcenter == jobcenter);
        there.filter(|it| WITH_PLACE.contains(&it.phase.as_str())).count()
    }

    /// First come, first served.
    fn is_free(&self, jobcenter: &str, participant: usize) -> bool {
        let places = self.places.iter().find(|(of, _)| of == jobcenter).map_or(0, |(_, it)| *it);
        let waiting = self.waiting.iter().filter(|(of, _)| of == jobcenter);
        let ahead = waiting.take_while(|(_, it)| *it != participant).count();
        places.saturating_sub(self.taken(jobcenter)) > ahead
    }

    fn position(&self, participant: usize) -> usize {
        let Some((jobcenter, _)) = self.waiting.iter().find(|(_, it)| *it == participant) else {
            return 0;
        };
        let there = self.waiting.iter().filter(|(of, _)| of == jobcenter);
        there.take_while(|(_, it)| *it != participant).count() + 1
    }

    /// A participant is erased.
    pub(super) fn forget(&mut self, participant: usize) {
        self.requests.retain(|it| it.about != Some(participant));
        self.tasks.retain(|it| it.participant != participant);
        self.participations.retain(|it| it.participant != participant);
        self.waiting.retain(|(_, it)| *it != participant);
    }

    /// Entries are erased.
    pub(super) fn forget_entries(&mut self, entries: &[usize]) {
        self.requests.retain(|it| !entries.contains(&it.entry));
        self.tasks.retain(|it| !entries.contains(&it.entry));
    }
}

/// Whether two messages would be the same but for their ids and times.
fn same_terms(one: &Submission, other: &Submission) -> bool {
    one.sender == other.sender
        && one.recipient == other.recipient
        && one.purpose == other.purpose
        && one.categories == other.categories
        && one.professional_secret == other.professional_secret
}
