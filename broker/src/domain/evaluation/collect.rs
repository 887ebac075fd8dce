//! Counts persons for one quarter, from facts as they come out of the log.
//!
//! Persons, never messages: a participant is in a cell of a pair or is not. Nothing is cumulative: what counts
//! happened in the quarter, so that two quarters side by side say nothing about one person's step between them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::meaning::Meaning;
use super::quarter::{Quarter, months_after};
use crate::domain::ids::{AgencyId, ObjectionId, ParticipantId, ThreadId, TimeMs};

/// Number of a participant within one count; says nothing outside.
pub type Person = u32;

/// How long a Zuständigkeitsklärung may take, and how long an answer is waited for.
pub const SETTLED_WITHIN_MONTHS: i32 = 12;
/// Fallkonferenzen of one person that count: at most k - 2, so that nobody dominates the sum.
pub const CONFERENCES_PER_PERSON_MAX: usize = 3;
/// Answers of one pair about one person whose days are kept, the first ones.
const ANSWERS_KEPT_MAX: usize = 64;
/// Most participants of one count.
const PERSONS_MAX: usize = 1_000_000;
/// Most requests and threads that are followed at the same time.
const FOLLOWED_MAX: usize = 1_000_000;
const DAY_MS: TimeMs = 24 * 60 * 60 * 1000;

/// More participants or requests than a count follows: nothing is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

/// An accepted message, as far as it counts.
#[derive(Clone, Debug)]
pub struct MessageFact<'a> {
    /// When it was accepted.
    pub time: TimeMs,
    /// Whom it is about.
    pub participant: ParticipantId,
    /// Its thread.
    pub thread: ThreadId,
    /// Who sent it.
    pub sender: &'a AgencyId,
    /// Who receives it.
    pub recipient: &'a AgencyId,
    /// What its kind means.
    pub meaning: Meaning,
}

/// The agency whose doing is counted, and the one that began; by their places.
pub type Pair = (usize, usize);

/// Sets of persons by pair: one set for each component of a measure.
pub type PairSets = BTreeMap<Pair, Vec<BTreeSet<Person>>>;

/// What was counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Number of agencies.
    pub agencies: usize,
    /// Persons with a Fallkonferenz.
    pub conferences: PairSets,
    /// Persons with agreements: all kept in time, or not.
    pub agreements: PairSets,
    /// Persons whose Zuständigkeitsklärung ended: all settled in time, or not.
    pub responsibility: PairSets,
    /// Days to each answer.
    pub answers: BTreeMap<Pair, BTreeMap<Person, Vec<u32>>>,
    /// Participants about whom something happened.
    pub active: BTreeSet<Person>,
    /// Threads of Fallkonferenzen, at most [`CONFERENCES_PER_PERSON_MAX`] each.
    pub conference_threads: BTreeMap<Person, BTreeSet<ThreadId>>,
    /// Who gave a consent.
    pub given: BTreeSet<Person>,
    /// Who narrowed one.
    pub narrowed: BTreeSet<Person>,
    /// Who revoked one.
    pub revoked: BTreeSet<Person>,
    /// Whose course was documented.
    pub documented: BTreeSet<Person>,
    /// Who was enabled.
    pub enabled: BTreeSet<Person>,
    /// Whose employability rose.
    pub rose: BTreeSet<Person>,
}

/// A Zuständigkeitsklärung that was asked for.
#[derive(Debug)]
struct Asked {
    pair: Pair,
    person: Person,
    until: TimeMs,
}

/// Takes facts and counts. Facts about participants who are not to be counted come first, messages ascend.
#[derive(Debug)]
pub struct Collector {
    quarter: Quarter,
    agencies: BTreeMap<AgencyId, usize>,
    persons: HashMap<ParticipantId, Person>,
    restricted: HashSet<ParticipantId>,
    erased: HashSet<ParticipantId>,
    /// Objections that hold, by whom: nobody with one is counted.
    objections: HashMap<ParticipantId, HashSet<ObjectionId>>,
    /// Requests without an answer: thread, who asked, who was asked.
    open: HashMap<(ThreadId, usize, usize), (TimeMs, Person)>,
    asked: HashMap<ThreadId, Asked>,
    /// By pair and person: whether all agreements were kept.
    kept: BTreeMap<(Pair, Person), bool>,
    /// By pair and person: whether all was settled in time.
    settled: BTreeMap<(Pair, Person), bool>,
    counts: Counts,
}

impl Collector {
    /// Begins. Pairs with an agency that is not among these do not count.
    #[must_use]
    pub fn new(quarter: Quarter, agencies: &BTreeSet<AgencyId>) -> Self {
        Self {
            quarter,
            agencies: agencies.iter().cloned().zip(0..).collect(),
            persons: HashMap::new(),
            restricted: HashSet::new(),
            erased: HashSet::new(),
            objections: HashMap::new(),
            open: HashMap::new(),
            asked: HashMap::new(),
            kept: BTreeMap::new(),
            settled: BTreeMap::new(),
            counts: Counts { agencies: agencies.len(), ..Counts::default() },
        }
    }

    /// First instant of which facts are wanted.
    #[must_use]
    pub fn since(&self) -> TimeMs {
        months_after(self.quarter.begin(), -SETTLED_WITHIN_MONTHS)
    }

    /// The quarter.
    #[must_use]
    pub fn quarter(&self) -> Quarter {
        self.quarter
    }

    /// Somebody's data may not be processed, or may again. Source: GDPR Art. 18.
    pub fn restrict(&mut self, participant: ParticipantId, restricted: bool) {
        if restricted {
            self.restricted.insert(participant);
        } else {
            self.restricted.remove(&participant);
        }
    }

    /// The erasure of somebody began.
    pub fn erase(&mut self, participant: ParticipantId) {
        self.erased.insert(participant);
    }

    /// Somebody objected to being counted. Source: GDPR Art. 21.
    pub fn object(&mut self, participant: ParticipantId, objection: ObjectionId) {
        self.objections.entry(participant).or_default().insert(objection);
    }

    /// An objection was withdrawn; another one may still hold.
    pub fn withdraw_objection(&mut self, participant: ParticipantId, objection: ObjectionId) {
        if let Some(held) = self.objections.get_mut(&participant) {
            held.remove(&objection);
            if held.is_empty() {
                self.objections.remove(&participant);
            }
        }
    }

    /// Whether a person is not to be counted, whatever happened.
    fn is_left_out(&self, participant: &ParticipantId) -> bool {
        self.restricted.contains(participant)
            || self.erased.contains(participant)
            || self.objections.contains_key(participant)
    }

    /// The person's number; none if the person is not to be counted.
    fn person(&mut self, participant: ParticipantId) -> Result<Option<Person>, TooMuch> {
        if self.is_left_out(&participant) {
            return Ok(None);
        }
        let next = self.persons.len();
        if let Some(person) = self.persons.get(&participant) {
            return Ok(Some(*person));
        }
        if next >= PERSONS_MAX {
            return Err(TooMuch);
        }
        let person = Person::try_from(next).map_err(|_| TooMuch)?;
        self.persons.insert(participant, person);
        Ok(Some(person))
    }

    /// A person whom a fact of this instant is about, counted as active if it lies in the quarter.
    fn active(
        &mut self,
        participant: ParticipantId,
        time: TimeMs,
    ) -> Result<Option<Person>, TooMuch> {
        let person = self.person(participant)?;
        if self.quarter.contains(time) {
            self.counts.active.extend(person);
        }
        Ok(person)
    }

    /// An accepted message, in the order of the log.
    ///
    /// # Errors
    /// More is to be followed than fits.
    pub fn message(&mut self, fact: &MessageFact<'_>) -> Result<(), TooMuch> {
        let Some(person) = self.active(fact.participant, fact.time)? else { return Ok(()) };
        let now = self.quarter.contains(fact.time);
        let meaning = fact.meaning;
        if now {
            if meaning.documents {
                self.counts.documented.insert(person);
            }
            if meaning.enables {
                self.counts.enabled.insert(person);
            }
            if meaning.conference {
                let threads = self.counts.conference_threads.entry(person).or_default();
                if threads.len() < CONFERENCES_PER_PERSON_MAX {
                    threads.insert(fact.thread);
                }
            }
        }
        let places = (self.agencies.get(fact.sender), self.agencies.get(fact.recipient));
        let (Some(sender), Some(recipient)) = (places.0.copied(), places.1.copied()) else {
            return Ok(());
        };
        if sender == recipient {
            return Ok(());
        }
        if now && meaning.conference {
            let sets = self.counts.conferences.entry((recipient, sender)).or_default();
            component(sets, 0).insert(person);
        }
        if let (true, Some(kept)) = (now, meaning.agreement_kept) {
            let all = self.kept.entry(((sender, recipient), person)).or_insert(true);
            *all = *all && kept;
        }
        self.follow_responsibility(fact, person, (recipient, sender))?;
        self.follow_request(fact, person, sender, recipient)
    }

    fn follow_responsibility(
        &mut self,
        fact: &MessageFact<'_>,
        person: Person,
        pair: Pair,
    ) -> Result<(), TooMuch> {
        if fact.meaning.settles
            && let Some(asked) = self.asked.remove(&fact.thread)
        {
            // What was decided too late ended when the months were over.
            let in_time = fact.time < asked.until;
            self.end_responsibility(&asked, if in_time { fact.time } else { asked.until }, in_time);
        }
        if fact.meaning.asks_responsibility && !self.asked.contains_key(&fact.thread) {
            if self.asked.len() >= FOLLOWED_MAX {
                return Err(TooMuch);
            }
            let until = months_after(fact.time, SETTLED_WITHIN_MONTHS);
            self.asked.insert(fact.thread, Asked { pair, person, until });
        }
        Ok(())
    }

    fn end_responsibility(&mut self, asked: &Asked, time: TimeMs, in_time: bool) {
        if self.quarter.contains(time) {
            let all = self.settled.entry((asked.pair, asked.person)).or_insert(true);
            *all = *all && in_time;
        }
    }

    fn follow_request(
        &mut self,
        fact: &MessageFact<'_>,
        person: Person,
        sender: usize,
        recipient: usize,
    ) -> Result<(), TooMuch> {
        // The first answer in the thread from whoever was asked.
        if let Some((asked_at, of)) = self.open.remove(&(fact.thread, recipient, sender))
            && self.quarter.contains(fact.time)
            && of == person
            && fact.time < months_after(asked_at, SETTLED_WITHIN_MONTHS)
        {
            let days = fact.time.saturating_sub(asked_at) / DAY_MS;
            let answers = self.counts.answers.entry((sender, recipient)).or_default();
            let answers = answers.entry(person).or_default();
            if answers.len() < ANSWERS_KEPT_MAX {
                answers.push(u32::try_from(days).unwrap_or(u32::MAX));
            }
        }
        if fact.meaning.asks {
            if self.open.len() >= FOLLOWED_MAX {
                return Err(TooMuch);
            }
            let key = (fact.thread, sender, recipient);
            self.open.entry(key).or_insert((fact.time, person));
        }
        Ok(())
    }

    /// A consent was given (its first revision), or narrowed by a later one.
    ///
    /// # Errors
    /// More participants than fit.
    pub fn consent(
        &mut self,
        participant: ParticipantId,
        time: TimeMs,
        is_first: bool,
        is_narrowed: bool,
    ) -> Result<(), TooMuch> {
        let person = self.active(participant, time)?.filter(|_| self.quarter.contains(time));
        if is_first {
            self.counts.given.extend(person);
        }
        if is_narrowed {
            self.counts.narrowed.extend(person);
        }
        Ok(())
    }

    /// A consent was revoked.
    ///
    /// # Errors
    /// More participants than fit.
    pub fn revocation(&mut self, participant: ParticipantId, time: TimeMs) -> Result<(), TooMuch> {
        let person = self.active(participant, time)?.filter(|_| self.quarter.contains(time));
        self.counts.revoked.extend(person);
        Ok(())
    }

    /// Employability at beginning and end, on four steps; 0: not recorded.
    ///
    /// # Errors
    /// More participants than fit.
    pub fn employability(
        &mut self,
        participant: ParticipantId,
        time: TimeMs,
        start: u32,
        end: u32,
    ) -> Result<(), TooMuch> {
        let person = self.person(participant)?.filter(|_| self.quarter.contains(time));
        let is_step = |step| (1..=4).contains(&step);
        if is_step(start) && is_step(end) {
            // The newest word counts.
            if end > start {
                self.counts.rose.extend(person);
            } else if let Some(person) = person {
                self.counts.rose.remove(&person);
            }
        }
        Ok(())
    }

    /// Ends the count.
    #[must_use]
    pub fn finish(mut self) -> Counts {
        for (_, asked) in std::mem::take(&mut self.asked) {
            self.end_responsibility(&asked, asked.until, false);
        }
        for ((pair, person), kept) in self.kept {
            let sets = self.counts.agreements.entry(pair).or_default();
            component(sets, usize::from(!kept)).insert(person);
        }
        for ((pair, person), in_time) in self.settled {
            let sets = self.counts.responsibility.entry(pair).or_default();
            component(sets, usize::from(!in_time)).insert(person);
        }
        // Shares are of those about whom something happened.
        let active = &self.counts.active;
        self.counts.rose.retain(|person| active.contains(person));
        self.counts
    }
}

/// One set of several, made if it is not there.
fn component(sets: &mut Vec<BTreeSet<Person>>, place: usize) -> &mut BTreeSet<Person> {
    while sets.len() <= place {
        sets.push(BTreeSet::new());
    }
    // The loop has just made room for it.
    let last = sets.len() - 1;
    #[expect(clippy::indexing_slicing, reason = "the place is at most the last")]
    &mut sets[place.min(last)]
}

#[cfg(test)]
mod tests;
