//! Persons are counted, in the quarter in which something happened.

use super::*;

const AGENCIES: [&str; 3] = ["bezirk", "drv", "jobcenter"];
const BEZIRK: usize = 0;
const DRV: usize = 1;
const JOBCENTER: usize = 2;

struct Log {
    collector: Collector,
    names: Vec<AgencyId>,
}

fn quarter() -> Quarter {
    Quarter::parse("2026-Q4").unwrap()
}

/// A day of the quarter, counted from 0; before it if negative.
fn day(day: i64) -> TimeMs {
    let begin = i64::try_from(quarter().begin()).unwrap();
    TimeMs::try_from(begin + day * i64::try_from(DAY_MS).unwrap()).unwrap()
}

fn id(number: u8) -> ParticipantId {
    ParticipantId::from_bytes([number; 16])
}

impl Log {
    fn new() -> Self {
        let names: Vec<AgencyId> = AGENCIES.map(|name| AgencyId::parse(name).unwrap()).into();
        let agencies = names.iter().cloned().collect();
        Self { collector: Collector::new(quarter(), &agencies), names }
    }

    fn message(
        &mut self,
        person: u8,
        thread: u8,
        from: usize,
        to: usize,
        kind: &str,
        time: TimeMs,
    ) {
        let fact = MessageFact {
            time,
            participant: id(person),
            thread: ThreadId::from_bytes([thread; 16]),
            sender: &self.names[from],
            recipient: &self.names[to],
            meaning: Meaning::of(kind),
        };
        self.collector.message(&fact).unwrap();
    }
}

fn sizes(sets: &PairSets) -> Vec<(Pair, Vec<usize>)> {
    sets.iter().map(|(pair, sets)| (*pair, sets.iter().map(BTreeSet::len).collect())).collect()
}

#[test]
fn one_person_behind_many_messages_is_one_person() {
    let mut log = Log::new();
    for thread in 0..20 {
        log.message(1, thread, JOBCENTER, DRV, "fallkonferenz.fix", day(1));
        log.message(1, thread, JOBCENTER, DRV, "fallkonferenz.minutes", day(2));
    }
    log.message(2, 100, JOBCENTER, DRV, "fallkonferenz.fix", day(3));
    // Before and after the quarter, and with an agency that is none of the installation.
    log.message(3, 101, JOBCENTER, DRV, "fallkonferenz.fix", day(-1));
    log.message(4, 102, JOBCENTER, DRV, "fallkonferenz.fix", quarter().end());
    let counts = log.collector.finish();
    assert_eq!(sizes(&counts.conferences), [((DRV, JOBCENTER), vec![2])]);
    let held: Vec<usize> = counts.conference_threads.values().map(BTreeSet::len).collect();
    assert_eq!(held, [CONFERENCES_PER_PERSON_MAX, 1]);
    assert_eq!(counts.active.len(), 2);
}

#[test]
fn one_late_agreement_makes_a_person_late() {
    let mut log = Log::new();
    log.message(1, 1, DRV, JOBCENTER, "fallkonferenz.agreement-kept", day(1));
    log.message(2, 2, DRV, JOBCENTER, "fallkonferenz.agreement-kept", day(1));
    log.message(2, 2, DRV, JOBCENTER, "fallkonferenz.agreement-late", day(2));
    log.message(2, 2, DRV, JOBCENTER, "fallkonferenz.agreement-kept", day(3));
    let counts = log.collector.finish();
    assert_eq!(sizes(&counts.agreements), [((DRV, JOBCENTER), vec![1, 1])]);
}

#[test]
fn responsibility_ends_when_it_is_decided_or_when_its_months_are_over() {
    let mut log = Log::new();
    let months = |months| months_after(day(10), months);
    // Settled in the quarter, asked long before; by whoever decides in the thread.
    log.message(1, 1, JOBCENTER, DRV, "zustaendigkeit.ask", months(-11));
    log.message(1, 1, BEZIRK, JOBCENTER, "zustaendigkeit.decided", day(9));
    // The months were over in the quarter, the decision came later in it.
    log.message(2, 2, JOBCENTER, DRV, "zustaendigkeit.ask", months(-12));
    log.message(2, 2, DRV, JOBCENTER, "zustaendigkeit.decided", day(10));
    // Never decided: the months end in the quarter, or only after it.
    log.message(3, 3, JOBCENTER, DRV, "zustaendigkeit.ask", months(-12) + 1);
    log.message(4, 4, JOBCENTER, DRV, "zustaendigkeit.ask", day(20));
    // Settled before the quarter.
    log.message(5, 5, JOBCENTER, DRV, "zustaendigkeit.ask", months(-6));
    log.message(5, 5, DRV, JOBCENTER, "zustaendigkeit.decided", months(-5));
    // A decision that nobody asked for.
    log.message(6, 6, DRV, JOBCENTER, "zustaendigkeit.decided", day(3));
    let counts = log.collector.finish();
    assert_eq!(sizes(&counts.responsibility), [((DRV, JOBCENTER), vec![1, 2])]);
}

#[test]
fn days_count_from_the_request_to_the_first_answer_of_whoever_was_asked() {
    let mut log = Log::new();
    log.message(1, 1, JOBCENTER, DRV, "unterlagen.request", day(-30));
    // Not from whoever was asked; not in the thread; a reminder of the one who asked.
    log.message(1, 1, BEZIRK, JOBCENTER, "unterlagen.supply", day(1));
    log.message(1, 2, DRV, JOBCENTER, "unterlagen.supply", day(1));
    log.message(1, 1, JOBCENTER, DRV, "unterlagen.request", day(2));
    log.message(1, 1, DRV, JOBCENTER, "unterlagen.cannot-supply", day(5));
    log.message(1, 1, DRV, JOBCENTER, "unterlagen.supply", day(50));
    // Asked again, answered again: the same person.
    log.message(1, 1, JOBCENTER, DRV, "unterlagen.request", day(60));
    log.message(1, 1, DRV, JOBCENTER, "unterlagen.supply", day(61) + DAY_MS - 1);
    let counts = log.collector.finish();
    let answers: Vec<_> = counts.answers.into_iter().collect();
    assert_eq!(answers, [((DRV, JOBCENTER), BTreeMap::from([(0, vec![35, 1])]))]);
}

#[test]
fn who_is_restricted_or_erased_is_not_counted() {
    let mut log = Log::new();
    log.collector.restrict(id(1), true);
    log.collector.restrict(id(2), true);
    log.collector.restrict(id(2), false);
    log.collector.erase(id(3));
    for person in 1..=4 {
        log.message(person, person, JOBCENTER, DRV, "fallkonferenz.fix", day(1));
        log.collector.consent(id(person), day(2), true, false).unwrap();
        log.collector.revocation(id(person), day(3)).unwrap();
    }
    let counts = log.collector.finish();
    assert_eq!(sizes(&counts.conferences), [((DRV, JOBCENTER), vec![2])]);
    assert_eq!([counts.active.len(), counts.given.len(), counts.revoked.len()], [2, 2, 2]);
}

#[test]
fn figures_count_what_happened_in_the_quarter() {
    let mut log = Log::new();
    log.collector.consent(id(1), day(-1), true, false).unwrap();
    log.collector.consent(id(1), day(1), false, true).unwrap();
    log.collector.consent(id(2), day(1), true, false).unwrap();
    log.collector.revocation(id(3), day(-1)).unwrap();
    log.message(1, 1, JOBCENTER, DRV, "evaluation.transfer", day(2));
    log.message(2, 2, DRV, JOBCENTER, "zustaendigkeit.take-on", day(2));
    log.collector.employability(id(1), day(2), 2, 3).unwrap();
    log.collector.employability(id(2), day(2), 1, 4).unwrap();
    log.collector.employability(id(2), day(3), 3, 3).unwrap();
    log.collector.employability(id(3), day(3), 1, 2).unwrap();
    let counts = log.collector.finish();
    assert_eq!(counts.active.len(), 2);
    assert_eq!([counts.given.len(), counts.narrowed.len(), counts.revoked.len()], [1, 1, 0]);
    assert_eq!([counts.documented.len(), counts.enabled.len(), counts.rose.len()], [1, 1, 1]);
}

#[test]
fn whoever_objects_is_not_counted_until_the_last_objection_is_withdrawn() {
    let objection = |number: u8| ObjectionId::from_bytes([number; 16]);
    let counted = |change: fn(&mut Collector, &dyn Fn(u8) -> ObjectionId)| {
        let mut log = Log::new();
        change(&mut log.collector, &objection);
        log.message(1, 1, JOBCENTER, DRV, "evaluation.transfer", day(2));
        log.message(2, 2, JOBCENTER, DRV, "evaluation.transfer", day(2));
        log.collector.consent(id(1), day(2), true, false).unwrap();
        log.collector.employability(id(1), day(2), 1, 2).unwrap();
        let counts = log.collector.finish();
        [counts.active, counts.documented, counts.given, counts.rose].map(|set| set.len())
    };
    assert_eq!(counted(|_, _| {}), [2, 2, 1, 1]);
    assert_eq!(counted(|collector, of| collector.object(id(1), of(1))), [1, 1, 0, 0]);
    let one_left = counted(|collector, of| {
        collector.object(id(1), of(1));
        collector.object(id(1), of(2));
        collector.withdraw_objection(id(1), of(1));
    });
    assert_eq!(one_left, [1, 1, 0, 0]);
    let none_left = counted(|collector, of| {
        collector.object(id(1), of(1));
        collector.withdraw_objection(id(1), of(1));
        collector.withdraw_objection(id(2), of(9));
    });
    assert_eq!(none_left, [2, 2, 1, 1]);
}
