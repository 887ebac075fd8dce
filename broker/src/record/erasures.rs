//! Which records are erased, and which ought to be: compared while a journal is read.
//!
//! INVARIANT (erasure): a record whose contents are gone is named by a record of an erasure behind it;
//! anything else is damage. And what such a record names is overwritten, if need be at the next start.

use std::collections::BTreeMap;

use crate::domain::event::{Event, EventKind, RecordRange, UpkeepEvent};
use crate::domain::ids::RecordNumber;

/// Erased records while a journal is read from its beginning.
#[derive(Debug, Default)]
pub struct Erasures {
    /// Erased, and not named yet: first number and end of each run.
    unexplained: BTreeMap<RecordNumber, RecordNumber>,
    /// Named, and not erased yet.
    owed: Vec<RecordRange>,
    newest: Option<RecordNumber>,
}

impl Erasures {
    /// Takes the next record: its event, or none if its contents are gone.
    pub fn push(&mut self, number: RecordNumber, event: Option<&Event>) {
        let Some(event) = event else {
            self.add(number);
            return;
        };
        if let EventKind::Upkeep(UpkeepEvent::RecordsErased { ranges, .. }) = &event.kind {
            self.newest = Some(number);
            for range in ranges {
                self.explain(*range);
            }
        }
    }

    fn add(&mut self, number: RecordNumber) {
        match self.unexplained.last_entry() {
            Some(mut last) if *last.get() == number => {
                last.insert(number + 1);
            }
            _ => {
                self.unexplained.insert(number, number + 1);
            }
        }
    }

    /// Takes a range out of the unexplained; what of it was not erased is owed.
    fn explain(&mut self, range: RecordRange) {
        let (mut at, end) = (range.first, range.end());
        while at < end {
            let run = self.unexplained.range(..=at).next_back().map(|(first, end)| (*first, *end));
            if let Some((first, run_end)) = run.filter(|(_, run_end)| at < *run_end) {
                let until = run_end.min(end);
                self.unexplained.remove(&first);
                if first < at {
                    self.unexplained.insert(first, at);
                }
                if until < run_end {
                    self.unexplained.insert(until, run_end);
                }
                at = until;
            } else {
                let next = self.unexplained.range(at..).next().map_or(end, |(first, _)| *first);
                let until = next.min(end);
                self.owed.push(RecordRange { first: at, count: until - at });
                at = until;
            }
        }
    }

    /// The first record whose contents are gone without an erasure.
    #[must_use]
    pub fn unexplained(&self) -> Option<RecordNumber> {
        self.unexplained.first_key_value().map(|(first, _)| *first)
    }

    /// What is named by an erasure and still there.
    #[must_use]
    pub fn owed(&self) -> &[RecordRange] {
        &self.owed
    }

    /// Number of the newest record of an erasure.
    #[must_use]
    pub fn newest(&self) -> Option<RecordNumber> {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::ErasureGround;

    fn erased(ranges: &[(u64, u64)]) -> Event {
        let range = |(first, count): &(u64, u64)| RecordRange { first: *first, count: *count };
        let ranges = ranges.iter().map(range).collect();
        let event = UpkeepEvent::RecordsErased { ground: ErasureGround::Retention, ranges, run: 0 };
        Event { actor: None, kind: EventKind::Upkeep(event) }
    }

    #[test]
    fn what_is_gone_is_explained_and_what_is_owed_is_known() {
        // Every way in which 8 records can be erased and named.
        for gone in 0..256_u32 {
            for named in 0..256_u32 {
                let mut erasures = Erasures::default();
                let other = Event { actor: None, kind: EventKind::Upkeep(UpkeepEvent::RecordLost) };
                for number in 0..8 {
                    let event = (gone & (1 << number) == 0).then_some(&other);
                    erasures.push(number, event);
                }
                let numbers: Vec<u64> = (0..8).filter(|n| named & (1 << n) != 0).collect();
                let ranges = RecordRange::of(&numbers);
                let ranges: Vec<(u64, u64)> = ranges.iter().map(|r| (r.first, r.count)).collect();
                erasures.push(8, Some(&erased(&ranges)));
                let unexplained = (0..8).find(|n| gone & !named & (1 << n) != 0);
                assert_eq!(erasures.unexplained(), unexplained, "{gone:b} {named:b}");
                let owed: Vec<u64> =
                    erasures.owed().iter().flat_map(|r| r.first..r.end()).collect();
                let expected: Vec<u64> = (0..8).filter(|n| named & !gone & (1 << n) != 0).collect();
                assert_eq!(owed, expected, "{gone:b} {named:b}");
            }
        }
    }
}
