//! Log queries: which records a caller may see and asked for, found through the index, or by reading
//! the journal when the index is broken.

use schleuse_proto::identity::Role;

use super::Engine;
use crate::domain::event::{Actor, Event};
use crate::domain::ids::{RecordNumber, TimeMs};
use crate::index::Term;
use crate::journal::{JournalError, StoredRecord};
use crate::record;
use crate::record::facts::{Facts, Wanted};

/// Records whose numbers are looked up together.
const WINDOW: u64 = 64 * crate::index::BLOCK;

/// Most reconciliations that are shown.
const RECONCILIATIONS_MAX: usize = 100;

/// What a query reads: which records, and where among them.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// From this record on.
    pub first: RecordNumber,
    /// Before this record.
    pub end: RecordNumber,
    /// From this instant on.
    pub from: Option<TimeMs>,
    /// Before this instant.
    pub until: Option<TimeMs>,
}

/// A record that matches, with its event; none if it was erased.
pub(super) type Found = (StoredRecord, Option<Event>);

/// A query on its way through the log.
pub struct LogQuery {
    engine: Engine,
    wanted: Wanted,
    terms: Vec<Term>,
    range: Range,
    numbers: std::vec::IntoIter<RecordNumber>,
}

impl Engine {
    /// Whether an actor sees the findings of the records that it may see. Not the officer of an
    /// agency: that somebody declined, narrowed or revoked must not be readable there.
    #[must_use]
    pub fn sees_findings(&self, actor: &Actor) -> bool {
        actor.role == Role::Lotse || self.supervises(actor)
    }

    /// Whether an actor is the officer of the project, who sees everything.
    pub(super) fn supervises(&self, actor: &Actor) -> bool {
        actor.role == Role::Dpo && actor.agency == self.rules.project_agency
    }

    /// A durable record that an actor itself caused, with its event; none if it is another's, erased, or
    /// beyond `end`. Reads the journal; blocks.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn own_record(
        &self,
        actor: &Actor,
        number: RecordNumber,
        end: RecordNumber,
    ) -> Result<Option<(StoredRecord, Event)>, JournalError> {
        if number >= end {
            return Ok(None);
        }
        let stored = self.reader.record(number)?;
        let event = record::decode(&stored, &self.rules.catalogue)
            .map_err(|why| JournalError::Record { number, why })?;
        let own = event.filter(|event| {
            event.actor.as_ref().is_some_and(|by| {
                by.agency == actor.agency && by.role == actor.role && by.person == actor.person
            })
        });
        Ok(own.map(|event| (stored, event)))
    }

    /// The newest records of reconciliations, newest last. Hashes and counts only: everybody may see them.
    /// Blocks.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn reconciliations(&self) -> Result<Vec<(StoredRecord, Event)>, JournalError> {
        // Only a broker that is stopped is reconciled: all of them were there when it started.
        let first = self.reconciled.len().saturating_sub(RECONCILIATIONS_MAX);
        let newest = self.reconciled.iter().skip(first);
        let read = newest.map(|number| {
            let stored = self.reader.record(*number)?;
            let event = record::decode(&stored, &self.rules.catalogue);
            let event = event.map_err(|why| JournalError::Record { number: *number, why })?;
            Ok(event.map(|event| (stored, event)))
        });
        Ok(read.collect::<Result<Vec<_>, JournalError>>()?.into_iter().flatten().collect())
    }

    /// Prepares a query within what the caller may see: a Lotse one participant, the DPO of an agency
    /// the records in which it took part, the DPO of the project everything. Blocks.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn query(
        &self,
        actor: &Actor,
        wanted: Wanted,
        range: Range,
    ) -> Result<LogQuery, JournalError> {
        self.query_of(self.visible(actor, wanted), range)
    }

    /// What an actor may see of what it wants: of an agency's officer, only records in which it took part.
    pub(super) fn visible(&self, actor: &Actor, mut wanted: Wanted) -> Wanted {
        if !self.supervises(actor) && actor.role != Role::Lotse {
            wanted.agencies.push(actor.agency.clone());
        }
        wanted
    }

    /// A query of what an actor may see.
    pub(super) fn query_of(
        &self,
        wanted: Wanted,
        mut range: Range,
    ) -> Result<LogQuery, JournalError> {
        if let Some(from) = range.from {
            range.first = self.first_since(from, range.first, range.end)?;
        }
        Ok(LogQuery::of_everything(self, wanted, range))
    }

    /// The first record of a time or later; times never decrease.
    pub(super) fn first_since(
        &self,
        from: TimeMs,
        first: RecordNumber,
        end: RecordNumber,
    ) -> Result<RecordNumber, JournalError> {
        let (mut low, mut high) = (first, end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.reader.record(middle)?.skeleton.time_ms < from {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

impl LogQuery {
    /// A query that is not bound to what somebody may see.
    pub(super) fn of_everything(engine: &Engine, wanted: Wanted, range: Range) -> Self {
        let terms = wanted.terms(&engine.rules.catalogue);
        let numbers = Vec::new().into_iter();
        Self { engine: engine.clone(), wanted, terms, range, numbers }
    }

    /// The next record that matches, with its event; none also if nobody waits for it any more. Of an erased
    /// record nothing is left that could match: it is shown, without event, only to who asks for
    /// everything. Reads the journal; blocks.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn next_record(
        &mut self,
        is_unwanted: impl Fn() -> bool,
    ) -> Result<Option<Found>, JournalError> {
        while let Some(number) = self.next_number() {
            if is_unwanted() {
                return Ok(None);
            }
            let stored = self.engine.reader.record(number)?;
            if self.range.until.is_some_and(|until| stored.skeleton.time_ms >= until) {
                return Ok(None);
            }
            if let Some(found) = self.matching(stored)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// One record, wherever it is, if it matches. Reads the journal; blocks.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(super) fn read(&self, number: RecordNumber) -> Result<Option<Found>, JournalError> {
        self.matching(self.engine.reader.record(number)?)
    }

    /// A record with its event, if it matches.
    fn matching(&self, stored: StoredRecord) -> Result<Option<Found>, JournalError> {
        let number = stored.skeleton.number;
        let event = record::decode(&stored, &self.engine.rules.catalogue)
            .map_err(|why| JournalError::Record { number, why })?;
        // The index only proposes; the record itself decides what a caller sees.
        let matches = match &event {
            Some(event) => self.wanted.matches(&Facts::of(event)),
            None => self.wanted.is_everything(),
        };
        Ok(matches.then_some((stored, event)))
    }

    fn next_number(&mut self) -> Option<RecordNumber> {
        loop {
            if let Some(number) = self.numbers.next() {
                return Some(number);
            }
            let (first, end) = (self.range.first, self.range.end);
            if first >= end {
                return None;
            }
            let next = end.min(first.saturating_add(WINDOW));
            let found = self.engine.index.find(&self.terms, first, next);
            let numbers = found.unwrap_or_else(|error| {
                tracing::error!(%error, "a query reads the journal");
                (first..next).collect()
            });
            self.range.first = next;
            self.numbers = numbers.into_iter();
        }
    }
}
