//! Columns: of every record its class and its time, so that a count of the log need not read the log.
//!
//! In memory alone, and not with the index in sled: each start decodes every record anyhow to fold the state, and
//! fills the columns beside it, so that nothing on disk can be stale, damaged or left over from an erasure. What is
//! erased is overwritten here in the same step; what is not here is read from the journal, so a gap costs time and
//! never a record.
//!
//! | bound | memory |
//! | --- | --- |
//! | [`ROWS_MAX`] rows of 10 bytes; older ones are read from the journal | 80 MiB |
//! | [`CLASSES_MAX`] classes; records of further ones are read from the journal | about 20 MiB |

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::event::Event;
use crate::domain::ids::{RecordNumber, TimeMs};
use crate::record::facts::Facts;
use crate::record::facts::class::RecordClass;

/// Rows of one block.
const BLOCK: u64 = 2048;
/// Most rows: eight years of a million records.
const ROWS_MAX: u64 = 8 * 1024 * 1024;
/// Most classes: far more than agencies, purposes and kinds of an installation make. Messages that are refused may
/// name agencies that do not exist.
const CLASSES_MAX: usize = 65_535;
/// Class of a record that has to be read.
pub(super) const READ_IT: u16 = u16::MAX;

/// Rows of consecutive records.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// Number of the class of each.
    pub(super) classes: Vec<u16>,
    /// Time of each; never decreases.
    pub(super) times: Vec<TimeMs>,
}

/// The columns of one journal.
#[derive(Debug)]
pub(super) struct Columns(Mutex<Known>);

#[derive(Debug)]
struct Known {
    // Refused messages name what their senders choose: the keys need a secret hash.
    numbers: HashMap<Arc<RecordClass>, u16>,
    classes: Vec<Arc<RecordClass>>,
    /// All but the last are full.
    blocks: VecDeque<Arc<Block>>,
    first: RecordNumber,
    end: RecordNumber,
    rows_max: u64,
}

/// The columns at an instant.
pub(super) struct View {
    /// First record that has a row.
    pub(super) first: RecordNumber,
    /// Behind the last one.
    pub(super) end: RecordNumber,
    blocks: Vec<Arc<Block>>,
    /// The block before which `blocks` begins.
    base: RecordNumber,
    /// By their numbers.
    pub(super) classes: Vec<Arc<RecordClass>>,
}

impl Default for Columns {
    fn default() -> Self {
        Self::with(ROWS_MAX)
    }
}

impl Columns {
    /// Empty, for so many rows.
    fn with(rows_max: u64) -> Self {
        Self(Mutex::new(Known {
            numbers: HashMap::new(),
            classes: Vec::new(),
            blocks: VecDeque::new(),
            first: 0,
            end: 0,
            rows_max,
        }))
    }

    /// Adds the next record; one that is not the next is passed over, and read when it is counted. An event that is
    /// absent was erased.
    pub(super) fn push(
        &self,
        number: RecordNumber,
        time: TimeMs,
        record_type: u8,
        event: Option<(&Event, &Facts<'_>)>,
    ) {
        let mut known = self.known();
        if number != known.end {
            return;
        }
        let class = match event {
            Some((event, facts)) => RecordClass::of(event, facts),
            None => RecordClass::erased(record_type),
        };
        let class = known.number(class);
        if known.blocks.back().is_none_or(|block| block.classes.len() >= block_len()) {
            known.blocks.push_back(Arc::default());
        }
        if let Some(block) = known.blocks.back_mut() {
            let block = Arc::make_mut(block);
            block.classes.push(class);
            block.times.push(time);
        }
        known.end += 1;
        if known.end - known.first > known.rows_max {
            known.blocks.pop_front();
            known.first += BLOCK;
        }
    }

    /// Forgets what erased records were.
    pub(super) fn forget(&self, numbers: impl Iterator<Item = RecordNumber>) {
        let mut known = self.known();
        for number in numbers {
            known.forget(number);
        }
    }

    /// What is known of the records from `first` to before `end`.
    pub(super) fn view(&self, first: RecordNumber, end: RecordNumber) -> View {
        let known = self.known();
        let (first, end) = (first.max(known.first), end.min(known.end));
        let skipped = first.saturating_sub(known.first) / BLOCK;
        let count = end.saturating_sub(known.first).div_ceil(BLOCK).saturating_sub(skipped);
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let blocks = known.blocks.iter().skip(size(skipped)).take(size(count)).cloned().collect();
        let (base, classes) = (known.first + skipped * BLOCK, known.classes.clone());
        View { first, end: end.max(first), blocks, base, classes }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn block_len() -> usize {
    usize::try_from(BLOCK).unwrap_or(usize::MAX)
}

impl Known {
    /// Number of a class; [`READ_IT`] if there are too many.
    fn number(&mut self, class: RecordClass) -> u16 {
        if let Some(number) = self.numbers.get(&class) {
            return *number;
        }
        let next = u16::try_from(self.classes.len()).unwrap_or(READ_IT);
        if self.classes.len() >= CLASSES_MAX {
            return READ_IT;
        }
        let class = Arc::new(class);
        self.classes.push(class.clone());
        self.numbers.insert(class, next);
        next
    }

    fn forget(&mut self, number: RecordNumber) {
        let Some(row) = number.checked_sub(self.first) else { return };
        let (block, place) = (row / BLOCK, usize::try_from(row % BLOCK).unwrap_or_default());
        let block = usize::try_from(block).unwrap_or(usize::MAX);
        let known = self.blocks.get(block).and_then(|block| block.classes.get(place)).copied();
        let class = known.and_then(|class| self.classes.get(usize::from(class)));
        // One that has to be read is read as erased.
        let Some(record_type) = class.map(|class| class.record_type()) else { return };
        let erased = self.number(RecordClass::erased(record_type));
        if let Some(block) = self.blocks.get_mut(block)
            && let Some(class) = Arc::make_mut(block).classes.get_mut(place)
        {
            *class = erased;
        }
    }
}

impl View {
    /// Number of its blocks.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Classes and times of the rows of one block, and the record of the first of them.
    pub(super) fn rows(&self, place: usize) -> Option<(RecordNumber, &[u16], &[TimeMs])> {
        let block = self.blocks.get(place)?;
        let begins = self.base + u64::try_from(place).ok()? * BLOCK;
        let from = usize::try_from(self.first.saturating_sub(begins)).ok()?;
        let until = usize::try_from(self.end.saturating_sub(begins)).ok()?;
        let until = until.min(block.classes.len());
        let (classes, times) = (block.classes.get(from..until)?, block.times.get(from..until)?);
        Some((begins.max(self.first), classes, times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(rows_max: u64, count: u64) -> Columns {
        let columns = Columns::with(rows_max);
        for number in 0..count {
            columns.push(number, 1_000 + number, u8::try_from(number % 5).unwrap(), None);
        }
        columns
    }

    fn rows(view: &View) -> Vec<(RecordNumber, u8, TimeMs)> {
        let mut found = Vec::new();
        for place in 0..view.len() {
            let (first, classes, times) = view.rows(place).unwrap();
            for ((class, time), number) in classes.iter().zip(times).zip(first..) {
                found.push((number, view.classes[usize::from(*class)].record_type(), *time));
            }
        }
        found
    }

    #[test]
    fn a_view_has_each_row_once_and_old_ones_fall_out() {
        let count = 5 * BLOCK + 77;
        for rows_max in [3 * BLOCK, u64::MAX] {
            let columns = filled(rows_max, count);
            let kept = if rows_max == u64::MAX { 0 } else { 3 * BLOCK };
            for (first, end) in [(0, count), (3, 9), (2 * BLOCK, count + 5), (BLOCK - 1, BLOCK + 1)]
            {
                let view = columns.view(first, end);
                let (from, until) = (first.max(kept), end.min(count).max(kept));
                let expected: Vec<_> = (from..until)
                    .map(|number| (number, u8::try_from(number % 5).unwrap(), 1_000 + number))
                    .collect();
                assert_eq!((view.first, rows(&view)), (from, expected), "{first} to {end}");
            }
        }
    }

    #[test]
    fn only_the_next_record_is_taken() {
        let columns = filled(u64::MAX, 3);
        columns.push(5, 9_000, 1, None);
        assert_eq!(columns.view(0, 10).end, 3);
    }

    #[test]
    fn too_many_classes_make_records_that_are_read() {
        let columns = Columns::default();
        let any = Arc::new(RecordClass::erased(9));
        columns.known().classes.resize(CLASSES_MAX, any);
        assert_eq!(columns.known().number(RecordClass::erased(1)), READ_IT);
    }
}
