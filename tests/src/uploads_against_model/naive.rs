//! What uploads are, said as simply as possible: a list of everything that was sent, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Which upload.
    pub(super) name: u8,
    /// Which part; none: its main message.
    pub(super) part: Option<u8>,
    pub(super) participant: usize,
    pub(super) category: usize,
    pub(super) function: usize,
}

/// What a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Decided(bool),
    Conflict,
    Discarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Refused,
    Waits,
    Held,
    Acknowledged,
    Stopped,
}

#[derive(Clone, Debug)]
struct Entry {
    sent: Sent,
    number: u64,
    at: u64,
    fate: Fate,
}

/// The model.
#[derive(Debug)]
pub(super) struct Naive {
    pub(super) now: u64,
    /// By participant and category.
    pub(super) covered: [[bool; 2]; 2],
    entries: Vec<Entry>,
    discarded: BTreeSet<u8>,
    hand_outs: Vec<u64>,
}

impl Naive {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            covered: [[false; 2]; 2],
            entries: Vec::new(),
            discarded: BTreeSet::new(),
            hand_outs: Vec::new(),
        }
    }

    fn main_of(&self, name: u8) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.sent.name == name && entry.sent.part.is_none())
    }

    /// Whether a message may leave, as far as its upload goes; none: not yet.
    fn fits(&self, entry: &Entry) -> Option<bool> {
        if entry.sent.part.is_none() {
            return Some(true);
        }
        if self.discarded.contains(&entry.sent.name) {
            return Some(false);
        }
        let main = self.main_of(entry.sent.name)?;
        let same = main.sent.participant == entry.sent.participant
            && main.sent.function == entry.sent.function;
        Some(same && !matches!(main.fate, Fate::Refused | Fate::Stopped))
    }

    /// Stops everything that can never leave any more; returns what that is.
    fn settle(&mut self, mut stopped: BTreeSet<u64>) -> BTreeSet<u64> {
        let verdicts: BTreeMap<u64, Option<bool>> =
            self.entries.iter().map(|entry| (entry.number, self.fits(entry))).collect();
        for entry in &mut self.entries {
            let unfinished = matches!(entry.fate, Fate::Waits | Fate::Held);
            if unfinished && verdicts[&entry.number] == Some(false) {
                entry.fate = Fate::Stopped;
                stopped.insert(entry.number);
            }
        }
        stopped
    }

    pub(super) fn submit(&mut self, sent: &Sent, number: u64) -> (Answer, BTreeSet<u64>) {
        let same_id = |entry: &&Entry| match sent.part {
            None => entry.sent.part.is_none() && entry.sent.name == sent.name,
            Some(_) => entry.sent == *sent,
        };
        if let Some(known) = self.entries.iter().find(same_id) {
            let answer = if known.sent == *sent {
                Answer::Decided(known.fate != Fate::Refused)
            } else {
                Answer::Conflict
            };
            return (answer, BTreeSet::new());
        }
        if self.discarded.contains(&sent.name) {
            return (Answer::Discarded, BTreeSet::new());
        }
        let covered = self.covered[sent.participant][sent.category];
        let fate = if covered { Fate::Waits } else { Fate::Refused };
        self.entries.push(Entry { sent: sent.clone(), number, at: self.now, fate });
        (Answer::Decided(covered), self.settle(BTreeSet::new()))
    }

    pub(super) fn discard(&mut self, name: u8) -> BTreeSet<u64> {
        self.discarded.insert(name);
        self.settle(BTreeSet::new())
    }

    pub(super) fn revoke(&mut self, participant: usize, category: usize) -> BTreeSet<u64> {
        self.covered[participant][category] = false;
        let mut stopped = BTreeSet::new();
        for entry in &mut self.entries {
            let unfinished = matches!(entry.fate, Fate::Waits | Fate::Held);
            if unfinished
                && (entry.sent.participant, entry.sent.category) == (participant, category)
            {
                entry.fate = Fate::Stopped;
                stopped.insert(entry.number);
            }
        }
        self.settle(stopped)
    }

    pub(super) fn hand_out(&mut self, most: usize) -> Vec<u64> {
        let ready: Vec<u64> = self
            .entries
            .iter()
            .filter(|entry| entry.fate == Fate::Waits && self.fits(entry) == Some(true))
            .map(|entry| entry.number)
            .take(most)
            .collect();
        for entry in &mut self.entries {
            if ready.contains(&entry.number) {
                entry.fate = Fate::Held;
            }
        }
        self.hand_outs.extend(&ready);
        ready
    }

    /// A message that was handed out, counted from the newest.
    pub(super) fn handed_out(&self, newest: usize) -> Option<u64> {
        self.hand_outs.iter().rev().nth(newest).copied()
    }

    pub(super) fn acknowledge(&mut self, number: u64) {
        for entry in &mut self.entries {
            if entry.number == number && matches!(entry.fate, Fate::Waits | Fate::Held) {
                entry.fate = Fate::Acknowledged;
            }
        }
    }

    /// Parts wait only so long for a message that does not come.
    pub(super) fn tick(&mut self, wait: u64) -> BTreeSet<u64> {
        let waiting: Vec<u64> = self
            .entries
            .iter()
            .filter(|entry| {
                entry.fate == Fate::Waits
                    && self.fits(entry).is_none()
                    && entry.at + wait <= self.now
            })
            .map(|entry| entry.number)
            .collect();
        for entry in &mut self.entries {
            if waiting.contains(&entry.number) {
                entry.fate = Fate::Stopped;
            }
        }
        waiting.into_iter().collect()
    }

    /// A start: nobody holds anything.
    pub(super) fn release_all(&mut self) {
        for entry in &mut self.entries {
            if entry.fate == Fate::Held {
                entry.fate = Fate::Waits;
            }
        }
    }
}
