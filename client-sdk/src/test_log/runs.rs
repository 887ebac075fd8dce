//! Runs in the log for tests.

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::{Entry, actor};

/// An officer of the project.
fn officer(person: &str) -> v1::Actor {
    v1::Actor { person: person.to_owned(), ..actor("projekt", "dpo") }
}

impl Entry {
    /// Caused by this person of the project.
    pub(crate) fn by_officer(mut self, person: &str) -> Self {
        self.actor = Some(officer(person));
        self
    }
}

/// A proposal of `d-01`.
pub(crate) fn run_proposed(kind: v1::RunKind) -> Entry {
    let reason = "a reason of the officer".to_owned();
    let event = v1::RunProposed { kind: kind.into(), reason };
    Entry::of(Event::RunProposed(event)).by_officer("d-01")
}

/// That `d-02` approved it.
pub(crate) fn run_approved(run_number: u64, kind: v1::RunKind) -> Entry {
    let proposed_by = Some(officer("d-01"));
    let event = v1::RunApproved { run_number, kind: kind.into(), proposed_by };
    Entry::of(Event::RunApproved(event)).by_officer("d-02")
}

/// That it was withdrawn.
pub(crate) fn run_withdrawn(run_number: u64) -> Entry {
    Entry::of(Event::RunWithdrawn(v1::RunWithdrawn { run_number })).by_officer("d-02")
}

/// The run that a record of an erasure names.
pub(crate) fn run_of(event: &mut Event) -> Option<&mut u64> {
    if let Event::ErasureBegun(event) = event {
        return Some(&mut event.run_number);
    }
    let Event::RecordsErased(event) = event else { return None };
    Some(&mut event.run_number)
}

/// The entries as an honest broker writes them: where a test names no run, one of the retention was approved before the
/// first erasure. Ranges of erasures go by the new numbers.
pub(super) fn with_run(entries: &[Entry]) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    let names_none = |entry: &mut Entry| run_of(&mut entry.event).is_some_and(|run| *run == 0);
    let Some(place) = entries.iter_mut().position(names_none) else { return entries };
    let number = u64::try_from(place).unwrap();
    for entry in &mut entries {
        if let Some(run) = run_of(&mut entry.event).filter(|run| **run == 0) {
            *run = number;
        }
        if let Event::RecordsErased(event) = &mut entry.event {
            event.ranges = event.ranges.iter().flat_map(|range| moved(range, number)).collect();
        }
    }
    let kind = v1::RunKind::Retention;
    entries.splice(place..place, [run_proposed(kind), run_approved(number, kind)]);
    entries
}

/// A range of records once two others stand at a place.
fn moved(range: &v1::RecordRange, place: u64) -> Vec<v1::RecordRange> {
    let part = |first, count| v1::RecordRange { first, count };
    if range.first >= place {
        return vec![part(range.first + 2, range.count)];
    }
    let before = place - range.first;
    if range.count <= before {
        return vec![*range];
    }
    vec![part(range.first, before), part(place + 2, range.count - before)]
}
