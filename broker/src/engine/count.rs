//! Counts of the log in groups: what a query would show, counted.
//!
//! Classes and times of records lie in memory ([`super::columns`]); only records that have none are read: older than
//! the columns reach, of too rare a class, or when a count asks for what classes do not tell (a participant, a consent,
//! a certificate, a category). Whichever way a record is counted, the same rules say whether it is wanted and what its
//! keys are.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use schleuse_proto::v1;

use super::Engine;
use super::columns::{READ_IT, View};
use super::query::{LogQuery, Range};
use crate::domain::catalogue::Catalogue;
use crate::domain::event::Actor;
use crate::domain::ids::{RecordNumber, TimeMs};
use crate::journal::JournalError;
use crate::record::facts::class::RecordClass;
use crate::record::facts::{Facts, Wanted};

/// Most groups of one count; with more it ends.
pub const GROUPS_MAX: usize = 10_000;
/// Work of one part: so many rows of the columns.
const PART: u64 = 1024 * 1024;
/// Work of reading one record, in rows.
const READ: u64 = 256;
/// Milliseconds of a day.
const DAY_MS: TimeMs = 24 * 3600 * 1000;

/// What records are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grouping {
    /// Record type.
    Type,
    /// Agency that caused the record.
    Agency,
    /// Sending and receiving agency.
    AgencyPair,
    /// Purpose code.
    Purpose,
    /// Kind code.
    Kind,
    /// Outcome of decisions.
    Outcome,
    /// Calendar day in UTC.
    Day,
    /// Calendar month in UTC.
    Month,
}

/// What is known of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Number of records.
    pub records: u64,
    /// Time of the first.
    pub first: TimeMs,
    /// Time of the last.
    pub last: TimeMs,
}

/// Groups by their keys, one for each grouping.
pub type Groups = BTreeMap<Vec<String>, Group>;

/// A count on its way.
pub struct LogCount {
    engine: Engine,
    wanted: Wanted,
    groupings: Vec<Grouping>,
    view: View,
    /// Blocks of the view that are counted.
    counted: usize,
    tally: Tally,
    /// Records that have no row, or all if rows do not suffice.
    query: LogQuery,
    /// Records that have a row but no class.
    unclassed: std::vec::IntoIter<RecordNumber>,
    is_tallied: bool,
    groups: Groups,
}

impl Engine {
    /// Begins to count what an actor may see and asked for. Blocks.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn count(
        &self,
        actor: &Actor,
        wanted: Wanted,
        range: Range,
        groupings: Vec<Grouping>,
    ) -> Result<LogCount, JournalError> {
        let (first, end) = self.bounds(&range)?;
        let view = self.columns.view(first, end);
        // Where rows are missing at the end, all is read.
        let view = if view.end < end { self.columns.view(0, 0) } else { view };
        self.count_in(view, actor, wanted, range, groupings)
    }

    /// As [`Engine::count`], but reads every record: what counts are compared with.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn count_reading(
        &self,
        actor: &Actor,
        wanted: Wanted,
        range: Range,
        groupings: Vec<Grouping>,
    ) -> Result<LogCount, JournalError> {
        let view = self.columns.view(range.end, range.end);
        self.count_in(view, actor, wanted, range, groupings)
    }

    fn count_in(
        &self,
        view: View,
        actor: &Actor,
        wanted: Wanted,
        range: Range,
        groupings: Vec<Grouping>,
    ) -> Result<LogCount, JournalError> {
        let wanted = self.visible(actor, wanted);
        let view = if wanted.is_of_classes() { view } else { self.columns.view(0, 0) };
        // Rows are the newest records: what has none lies before them.
        let end = if view.first < view.end { range.end.min(view.first) } else { range.end };
        let unread = Range { end, ..range };
        Ok(LogCount {
            engine: self.clone(),
            query: self.query_of(wanted.clone(), unread)?,
            tally: Tally::new(&groupings),
            wanted,
            groupings,
            view,
            counted: 0,
            unclassed: Vec::new().into_iter(),
            is_tallied: false,
            groups: Groups::new(),
        })
    }

    /// Records of a range; times never decrease.
    fn bounds(&self, range: &Range) -> Result<(RecordNumber, RecordNumber), JournalError> {
        let mut first = range.first;
        if let Some(from) = range.from {
            first = self.first_since(from, first, range.end)?;
        }
        let end = match range.until {
            Some(until) => self.first_since(until, first, range.end)?,
            None => range.end,
        };
        Ok((first, end))
    }
}

impl LogCount {
    /// Counts some more; whether that was all. Blocks.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn go_on(&mut self) -> Result<bool, JournalError> {
        let mut work = 0;
        let catalogue_of = self.engine.rules.clone();
        let catalogue = &catalogue_of.catalogue;
        while work < PART {
            if self.groups.len() > GROUPS_MAX {
                return Ok(true);
            }
            if self.counted < self.view.len() {
                work += self.count_block(catalogue);
                self.counted += 1;
                continue;
            }
            if !self.is_tallied {
                self.tally.end_period(&mut self.groups);
                self.unclassed = std::mem::take(&mut self.tally.unclassed).into_iter();
                self.is_tallied = true;
            }
            work += READ;
            let read = match self.unclassed.next() {
                Some(number) => self.query.read(number)?,
                None => match self.query.next_record(|| false)? {
                    Some(found) => Some(found),
                    None => return Ok(true),
                },
            };
            let Some((stored, event)) = read else { continue };
            let (record_type, time) = (stored.skeleton.record_type, stored.skeleton.time_ms);
            let class = match &event {
                Some(event) => RecordClass::of(event, &Facts::of(event)),
                None => RecordClass::erased(record_type),
            };
            let keys = keys(&self.groupings, &class, &Dates::of(time), catalogue);
            add(&mut self.groups, keys, Group { records: 1, first: time, last: time });
        }
        Ok(false)
    }

    /// Counts one block of the view; how many rows it has.
    fn count_block(&mut self, catalogue: &Catalogue) -> u64 {
        let Some((first, classes, times)) = self.view.rows(self.counted) else { return 1 };
        let known = Known {
            wanted: &self.wanted,
            groupings: &self.groupings,
            classes: &self.view.classes,
            catalogue,
        };
        self.tally.count(first, classes, times, &known, &mut self.groups);
        u64::try_from(classes.len()).unwrap_or(u64::MAX)
    }

    /// What was counted.
    #[must_use]
    pub fn groups(self) -> Groups {
        self.groups
    }
}

/// What classes are looked up in.
struct Known<'a> {
    wanted: &'a Wanted,
    groupings: &'a [Grouping],
    classes: &'a [Arc<RecordClass>],
    catalogue: &'a Catalogue,
}

/// Counts rows of one period, in which the date is the same: then a class says all about the keys.
struct Tally {
    /// Groupings by day or month.
    has_dates: bool,
    /// The period ends before this instant.
    period_end: TimeMs,
    dates: Dates,
    /// What a class is counted as: its slot, or one of the two below, or not looked at yet.
    slot_of: Vec<u32>,
    slots: BTreeMap<Vec<String>, u32>,
    /// Keys of each slot, without dates.
    keys: Vec<Vec<String>>,
    /// Where the dates belong.
    date_places: Vec<(usize, Grouping)>,
    counts: Vec<Option<Group>>,
    /// Slots with a count.
    touched: Vec<u32>,
    unclassed: Vec<RecordNumber>,
}

/// The class was not looked at yet.
const NEW: u32 = u32::MAX;
/// The class is not wanted.
const UNWANTED: u32 = u32::MAX - 1;

impl Tally {
    fn new(groupings: &[Grouping]) -> Self {
        let is_date = |grouping: &Grouping| match grouping {
            Grouping::Day | Grouping::Month => true,
            Grouping::Type
            | Grouping::Agency
            | Grouping::AgencyPair
            | Grouping::Purpose
            | Grouping::Kind
            | Grouping::Outcome => false,
        };
        let places = groupings.iter().copied().enumerate();
        let date_places: Vec<_> = places.filter(|(_, grouping)| is_date(grouping)).collect();
        Self {
            has_dates: !date_places.is_empty(),
            period_end: 0,
            dates: Dates::default(),
            slot_of: Vec::new(),
            slots: BTreeMap::new(),
            keys: Vec::new(),
            date_places,
            counts: Vec::new(),
            touched: Vec::new(),
            unclassed: Vec::new(),
        }
    }

    fn count(
        &mut self,
        first: RecordNumber,
        mut classes: &[u16],
        mut times: &[TimeMs],
        known: &Known<'_>,
        groups: &mut Groups,
    ) {
        let mut first = first;
        while let Some(begin) = times.first().copied() {
            if self.has_dates && begin >= self.period_end {
                self.end_period(groups);
                self.dates = Dates::of(begin);
                self.period_end = (begin / DAY_MS + 1) * DAY_MS;
            }
            let count = if self.has_dates {
                times.partition_point(|time| *time < self.period_end)
            } else {
                times.len()
            };
            let (Some((now, later)), Some((at, after))) =
                (classes.split_at_checked(count), times.split_at_checked(count))
            else {
                return;
            };
            self.count_period(first, now, at, known);
            (classes, times) = (later, after);
            first += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    fn count_period(
        &mut self,
        first: RecordNumber,
        classes: &[u16],
        times: &[TimeMs],
        known: &Known<'_>,
    ) {
        for ((class, time), number) in classes.iter().zip(times).zip(first..) {
            let mut slot = self.slot_of.get(usize::from(*class)).copied().unwrap_or(NEW);
            if slot == NEW {
                if *class == READ_IT {
                    self.unclassed.push(number);
                    continue;
                }
                slot = self.look_at(*class, known);
            }
            if slot == UNWANTED {
                continue;
            }
            let place = usize::try_from(slot).unwrap_or(usize::MAX);
            match self.counts.get_mut(place) {
                Some(Some(group)) => {
                    group.records += 1;
                    group.last = *time;
                }
                Some(empty) => {
                    *empty = Some(Group { records: 1, first: *time, last: *time });
                    self.touched.push(slot);
                }
                None => {}
            }
        }
    }

    /// What a class is counted as.
    fn look_at(&mut self, class: u16, known: &Known<'_>) -> u32 {
        let number = usize::from(class);
        if self.slot_of.len() <= number {
            self.slot_of.resize(known.classes.len().max(number + 1), NEW);
        }
        let found = known.classes.get(number).filter(|class| known.wanted.matches_class(class));
        let slot = found.map_or(UNWANTED, |class| {
            // The same for all dates: those are put in when the period ends.
            let keys = keys(known.groupings, class, &Dates::default(), known.catalogue);
            let next = u32::try_from(self.keys.len()).unwrap_or(UNWANTED);
            let slot = *self.slots.entry(keys.clone()).or_insert(next);
            if slot == next {
                self.keys.push(keys);
                self.counts.push(None);
            }
            slot
        });
        if let Some(known) = self.slot_of.get_mut(number) {
            *known = slot;
        }
        slot
    }

    /// Takes the counts of the period over into the groups.
    fn end_period(&mut self, groups: &mut Groups) {
        for slot in std::mem::take(&mut self.touched) {
            let place = usize::try_from(slot).unwrap_or(usize::MAX);
            let count = self.counts.get_mut(place).and_then(Option::take);
            let (Some(count), Some(keys)) = (count, self.keys.get(place)) else { continue };
            let mut keys = keys.clone();
            for (place, grouping) in &self.date_places {
                if let Some(key) = keys.get_mut(*place) {
                    *key = self.dates.key(*grouping);
                }
            }
            add(groups, keys, count);
        }
    }
}

fn add(groups: &mut Groups, keys: Vec<String>, count: Group) {
    let group = groups.entry(keys).or_insert(Group { records: 0, ..count });
    group.records += count.records;
    group.first = group.first.min(count.first);
    group.last = group.last.max(count.last);
}

/// Day and month of an instant, in UTC.
#[derive(Debug, Default)]
struct Dates {
    day: String,
}

impl Dates {
    fn of(time: TimeMs) -> Self {
        let instant = i64::try_from(time).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let date = instant.map(|instant| instant.to_zoned(TimeZone::UTC).date().to_string());
        Self { day: date.unwrap_or_default() }
    }

    fn key(&self, grouping: Grouping) -> String {
        match grouping {
            Grouping::Month => self.day.chars().take(7).collect(),
            Grouping::Day
            | Grouping::Type
            | Grouping::Agency
            | Grouping::AgencyPair
            | Grouping::Purpose
            | Grouping::Kind
            | Grouping::Outcome => self.day.chars().take(10).collect(),
        }
    }
}

/// What records of a class and a date have under each grouping.
fn keys(
    groupings: &[Grouping],
    class: &RecordClass,
    dates: &Dates,
    catalogue: &Catalogue,
) -> Vec<String> {
    groupings.iter().map(|grouping| key(*grouping, class, dates, catalogue)).collect()
}

/// What records have under a grouping; empty if that does not apply to them.
fn key(grouping: Grouping, class: &RecordClass, dates: &Dates, catalogue: &Catalogue) -> String {
    let code = |code: Option<&str>| code.unwrap_or_default().to_owned();
    match grouping {
        Grouping::Type => v1::RecordType::try_from(i32::from(class.record_type()))
            .map(|known| known.as_str_name().trim_start_matches("RECORD_TYPE_").to_owned())
            .unwrap_or_default(),
        Grouping::Agency => class.actor().map(ToString::to_string).unwrap_or_default(),
        Grouping::AgencyPair => {
            let pair = class.pair();
            pair.map(|(sender, recipient)| format!("{sender}>{recipient}")).unwrap_or_default()
        }
        Grouping::Purpose => code(class.purpose().map(|purpose| catalogue.purpose_code(purpose))),
        Grouping::Kind => code(class.kind().map(|kind| catalogue.kind_code(kind))),
        Grouping::Outcome => match class.accepted() {
            Some(true) => "accepted".to_owned(),
            Some(false) => "refused".to_owned(),
            None => String::new(),
        },
        Grouping::Day | Grouping::Month => dates.key(grouping),
    }
}
