//! Log queries: which records a caller may see and asked for, found through the index, or by reading
//! the journal when the index is broken.

use schleuse_proto::identity::Role;

use super::Engine;
use crate::domain::event::{Actor, Event};
use crate::domain::ids::{AgencyId, ParticipantId, RecordNumber, TimeMs};
use crate::index::{Party, Row};
use crate::journal::{JournalError, StoredRecord};
use crate::record;

/// What is asked for; all that is given must match.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Records about this participant; none inside: about nobody.
    pub participant: Option<Option<ParticipantId>>,
    /// Records in which this agency took part.
    pub agency: Option<AgencyId>,
    /// From this instant.
    pub from: Option<TimeMs>,
    /// Before this instant.
    pub until: Option<TimeMs>,
    /// Of these types; empty: all.
    pub types: Vec<u8>,
}

/// A query on its way through the log.
pub struct LogQuery {
    engine: Engine,
    filter: LogFilter,
    required: Vec<Party>,
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
    fn supervises(&self, actor: &Actor) -> bool {
        actor.role == Role::Dpo && actor.agency == self.rules.project_agency
    }

    /// A durable record that an actor itself caused, with its event; none if it is another's or beyond
    /// `end`. Reads the journal; blocks.
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
        let is_own = event.actor.as_ref().is_some_and(|by| {
            by.agency == actor.agency && by.role == actor.role && by.person == actor.person
        });
        Ok(is_own.then_some((stored, event)))
    }

    /// Prepares a query over the records before `end`, within what the caller may see: a Lotse one
    /// participant, the DPO of an agency the records in which it took part, the DPO of the project
    /// everything. Reads the index; blocks.
    #[must_use]
    pub fn query(&self, actor: &Actor, filter: LogFilter, end: RecordNumber) -> LogQuery {
        let mut required: Vec<Party> = Vec::new();
        let mut impossible = false;
        match filter.participant {
            Some(Some(participant)) => required.push(Party::Participant(*participant.bytes())),
            Some(None) => impossible = true,
            None => {}
        }
        required.extend(filter.agency.clone().map(Party::Agency));
        let sees_all = self.supervises(actor);
        if !sees_all && actor.role != Role::Lotse {
            required.push(Party::Agency(actor.agency.clone()));
        }
        let numbers = if impossible {
            Vec::new()
        } else if required.is_empty() {
            (0..end).collect()
        } else {
            match self.index.find(&required) {
                Ok(numbers) => numbers,
                Err(error) => {
                    tracing::error!(%error, "a query reads the journal");
                    (0..end).collect()
                }
            }
        };
        let numbers: Vec<_> = numbers.into_iter().filter(|number| *number < end).collect();
        LogQuery { engine: self.clone(), filter, required, numbers: numbers.into_iter() }
    }
}

impl LogQuery {
    /// The next record that matches, with its event; none also if nobody waits for it any more. Reads
    /// the journal; blocks.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn next_record(
        &mut self,
        is_unwanted: impl Fn() -> bool,
    ) -> Result<Option<(StoredRecord, Event)>, JournalError> {
        for number in self.numbers.by_ref() {
            if is_unwanted() {
                return Ok(None);
            }
            let stored = self.engine.reader.record(number)?;
            let skeleton = &stored.skeleton;
            let filter = &self.filter;
            if filter.from.is_some_and(|from| skeleton.time_ms < from)
                || (!filter.types.is_empty() && !filter.types.contains(&skeleton.record_type))
            {
                continue;
            }
            if filter.until.is_some_and(|until| skeleton.time_ms >= until) {
                return Ok(None);
            }
            let event = record::decode(&stored, &self.engine.rules.catalogue)
                .map_err(|why| JournalError::Record { number, why })?;
            // The index only proposes; the record itself decides what a caller sees.
            if matches(&record::rows::row(&event), &self.required) {
                return Ok(Some((stored, event)));
            }
        }
        Ok(None)
    }
}

fn matches(row: &Row, required: &[Party]) -> bool {
    required.iter().all(|party| match party {
        Party::Participant(id) => row.participant.as_ref() == Some(id),
        Party::Agency(agency) => row.agencies.contains(agency),
    })
}
