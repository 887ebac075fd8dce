//! The count once more, by the definitions: looks through the whole log for every person and cell.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schleuse_broker::domain::evaluation::collect::{Counts, PairSets, Person};
use schleuse_broker::domain::evaluation::meaning::Meaning;
use schleuse_broker::domain::evaluation::{Collector, MessageFact, Quarter, months_after};
use schleuse_broker::domain::ids::{AgencyId, ParticipantId, ThreadId};

const DAY_MS: u64 = 24 * 3_600_000;
const AGENCIES: [&str; 3] = ["a", "b", "c"];
const KINDS: [&str; 11] = [
    "fallkonferenz.request",
    "fallkonferenz.fix",
    "fallkonferenz.minutes",
    "fallkonferenz.agreement-kept",
    "fallkonferenz.agreement-late",
    "zustaendigkeit.ask",
    "zustaendigkeit.decided",
    "zustaendigkeit.take-on",
    "unterlagen.request",
    "unterlagen.supply",
    "evaluation.transfer",
];

/// One accepted message. Everything about a thread is about one participant.
#[derive(Clone, Debug)]
struct Sent {
    day: i64,
    thread: u8,
    from: usize,
    to: usize,
    kind: usize,
}

impl Sent {
    fn person(&self) -> u8 {
        self.thread % 5
    }

    fn kind(&self) -> &'static str {
        KINDS[self.kind]
    }

    fn time(&self) -> u64 {
        u64::try_from(i64::try_from(quarter().begin()).unwrap() + self.day * DAY_MS as i64).unwrap()
    }
}

fn quarter() -> Quarter {
    Quarter::parse("2026-Q4").unwrap()
}

fn collected(log: &[Sent]) -> (Counts, BTreeMap<Person, u8>) {
    let names: Vec<AgencyId> = AGENCIES.map(|name| AgencyId::parse(name).unwrap()).into();
    let mut collector = Collector::new(quarter(), &names.iter().cloned().collect());
    // Numbers are given in the order in which participants appear.
    let mut order: Vec<u8> = Vec::new();
    for sent in log {
        if !order.contains(&sent.person()) {
            order.push(sent.person());
        }
        let fact = MessageFact {
            time: sent.time(),
            participant: ParticipantId::from_bytes([sent.person(); 16]),
            thread: ThreadId::from_bytes([sent.thread; 16]),
            sender: &names[sent.from],
            recipient: &names[sent.to],
            meaning: Meaning::of(sent.kind()),
        };
        collector.message(&fact).unwrap();
    }
    (collector.finish(), (0..).zip(order).collect())
}

/// Persons in a component of a cell, by their names.
fn named(
    sets: &PairSets,
    names: &BTreeMap<Person, u8>,
    cell: (usize, usize),
    component: usize,
) -> BTreeSet<u8> {
    let set = sets.get(&cell).and_then(|sets| sets.get(component));
    set.into_iter().flatten().map(|person| names[person]).collect()
}

/// Persons for whom something holds.
fn persons(holds: impl Fn(u8) -> bool) -> BTreeSet<u8> {
    (0..5).filter(|person| holds(*person)).collect()
}

fn compare(log: &[Sent]) {
    let (counts, names) = collected(log);
    let now: Vec<&Sent> = log.iter().filter(|sent| quarter().contains(sent.time())).collect();
    let known = |set: &BTreeSet<Person>| set.iter().map(|p| names[p]).collect::<BTreeSet<u8>>();
    let some = |kinds: &[&str]| {
        persons(|who| now.iter().any(|sent| sent.person() == who && kinds.contains(&sent.kind())))
    };
    assert_eq!(known(&counts.active), persons(|who| now.iter().any(|s| s.person() == who)));
    assert_eq!(known(&counts.documented), some(&["evaluation.transfer"]));
    assert_eq!(known(&counts.enabled), some(&["zustaendigkeit.take-on"]));
    for agency in 0..AGENCIES.len() {
        for partner in (0..AGENCIES.len()).filter(|partner| *partner != agency) {
            let cell = (agency, partner);
            // Invited by the partner.
            let invited = persons(|who| {
                now.iter().any(|sent| {
                    sent.person() == who
                        && (sent.from, sent.to) == (partner, agency)
                        && ["fallkonferenz.fix", "fallkonferenz.minutes"].contains(&sent.kind())
                })
            });
            assert_eq!(named(&counts.conferences, &names, cell, 0), invited);
            let reports = |who, kind: &str| {
                let mut reports = now.iter().filter(|sent| {
                    sent.person() == who && (sent.from, sent.to) == (agency, partner)
                });
                reports.any(|sent| sent.kind() == kind)
            };
            let late = persons(|who| reports(who, "fallkonferenz.agreement-late"));
            let kept = persons(|who| reports(who, "fallkonferenz.agreement-kept"));
            let kept: BTreeSet<u8> = kept.difference(&late).copied().collect();
            assert_eq!(named(&counts.agreements, &names, cell, 0), kept);
            assert_eq!(named(&counts.agreements, &names, cell, 1), late);
            let ends = |who| responsibility_ends(log, who, cell);
            let failed = persons(|who| ends(who).contains(&false));
            let settled = persons(|who| ends(who).contains(&true) && !ends(who).contains(&false));
            assert_eq!(named(&counts.responsibility, &names, cell, 0), settled);
            assert_eq!(named(&counts.responsibility, &names, cell, 1), failed);
            for who in 0..5 {
                let answers = counts.answers.get(&cell);
                let own = answers.and_then(|a| a.iter().find(|(person, _)| names[person] == who));
                let own = own.map(|(_, days)| days.clone()).unwrap_or_default();
                assert_eq!(own, days_to_answers(log, who, cell), "{cell:?} {who}");
            }
        }
    }
}

/// How the Zuständigkeitsklärungen of one person ended in the quarter that the partner asked of the agency: in time or
/// not. The one that asks first in a thread, again after each decision, is the one that counts.
fn responsibility_ends(log: &[Sent], who: u8, cell: (usize, usize)) -> Vec<bool> {
    let mut ends = Vec::new();
    for (place, ask) in log.iter().enumerate() {
        let in_thread = |sent: &&Sent| sent.thread == ask.thread;
        let is_open_before = {
            let mut open = false;
            for sent in log[..place].iter().filter(in_thread) {
                match sent.kind() {
                    "zustaendigkeit.ask" => open = true,
                    "zustaendigkeit.decided" => open = false,
                    _ => {}
                }
            }
            open
        };
        let is_it = ask.person() == who
            && ask.kind() == "zustaendigkeit.ask"
            && (ask.to, ask.from) == cell
            && !is_open_before;
        if !is_it {
            continue;
        }
        let over = months_after(ask.time(), 12);
        let decided = log[place + 1..].iter().filter(in_thread);
        let decided =
            decided.map(|s| (s.kind(), s.time())).find(|s| s.0 == "zustaendigkeit.decided");
        let (end, in_time) = match decided {
            Some((_, time)) if time < over => (time, true),
            _ => (over, false),
        };
        if quarter().contains(end) {
            ends.push(in_time);
        }
    }
    ends
}

/// Days from a request of the partner to the agency's first message back in the thread; a request while another one is
/// open adds nothing.
fn days_to_answers(log: &[Sent], who: u8, (agency, partner): (usize, usize)) -> Vec<u32> {
    let mut found: Vec<(usize, u32)> = Vec::new();
    let threads: BTreeSet<u8> = log.iter().map(|sent| sent.thread).collect();
    for thread in threads.into_iter().filter(|thread| thread % 5 == who) {
        let mut asked: Option<u64> = None;
        for (place, sent) in log.iter().enumerate().filter(|(_, sent)| sent.thread == thread) {
            if (sent.from, sent.to) == (agency, partner)
                && let Some(since) = asked.take()
                && quarter().contains(sent.time())
                && sent.time() < months_after(since, 12)
            {
                found.push((place, u32::try_from((sent.time() - since) / DAY_MS).unwrap()));
            }
            let asks = sent.kind().ends_with(".request") || sent.kind().ends_with(".ask");
            if (sent.from, sent.to) == (partner, agency) && asks {
                asked.get_or_insert(sent.time());
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, days)| days).collect()
}

fn log() -> impl Strategy<Value = Vec<Sent>> {
    let sent = (-360_i64..100, 0_u8..15, 0_usize..3, 1_usize..3, 0..KINDS.len()).prop_map(
        |(day, thread, from, step, kind)| Sent { day, thread, from, to: (from + step) % 3, kind },
    );
    proptest::collection::vec(sent, 0..120).prop_map(|mut log| {
        log.sort_by_key(|sent| sent.day);
        log
    })
}

proptest! {
    // A failing seed is printed and kept in tests/proptest-regressions.
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_broker_counts_as_the_definitions_say(log in log()) {
        // What is counted looks back a year, which is more than the log has here.
        compare(&log.into_iter().filter(|sent| sent.time() < quarter().end()).collect::<Vec<_>>());
    }
}
