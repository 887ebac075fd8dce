//! Counts a quarter for the evaluation: reads the log in parts, keeps of it only who counts where.
//!
//! What the facts mean and what of the count is released is the business of `domain::evaluation`.

use std::collections::HashMap;

use bytes::Bytes;
use schleuse_proto::v1::RecordType;

use super::Engine;
use super::query::{LogQuery, Range};
use crate::domain::consent::GrantTerms;
use crate::domain::evaluation::narrowing::is_narrowed;
use crate::domain::evaluation::{Collector, PURPOSE, Quarter, TooMuch, release};
use crate::domain::event::{
    ConsentEvent, Event, EventKind, ParticipationEvent, PlanningEvent, SafeguardEvent, UpkeepEvent,
};
use crate::domain::ids::{ConsentId, ParticipantId, RecordNumber, TimeMs};
use crate::domain::planning::Employability;
use crate::domain::safeguards::SafeguardAct;
use crate::journal::JournalError;
use crate::record;
use crate::record::facts::Wanted;

/// Why a quarter is not counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// A record cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// More participants or requests than a count follows.
    #[error("more participants or requests than a count follows")]
    TooMuch,
    /// More agencies than an installation may have that evaluates.
    #[error("more agencies than an installation may have that evaluates")]
    TooManyAgencies,
}

impl From<TooMuch> for CountError {
    fn from(_: TooMuch) -> Self {
        Self::TooMuch
    }
}

/// Most consents whose grants are followed.
const CONSENTS_MAX: usize = 200_000;
/// Which records are read, one type after the other: first who is not to be counted.
///
/// The end of a participation is not among them: what happened before it counts.
const PASSES: [RecordType; 8] = [
    RecordType::ParticipantRestricted,
    RecordType::ErasureBegun,
    RecordType::ObjectionRecorded,
    RecordType::ObjectionWithdrawn,
    RecordType::MessageDecided,
    RecordType::ConsentRecorded,
    RecordType::ConsentRevoked,
    RecordType::ParticipationSet,
];
/// Most participants whose employability is followed.
const PARTICIPATIONS_MAX: usize = 200_000;

/// A count on its way.
pub struct QuarterCount {
    engine: Engine,
    collector: Collector,
    /// Grants of the newest revision of each consent, to see what a later one leaves out.
    grants: HashMap<ConsentId, Vec<GrantTerms>>,
    /// Employability as last recorded, to see when it changes.
    steps: HashMap<ParticipantId, (u32, u32)>,
    /// When the count began: an objection that had ended by itself leaves nobody out.
    now: TimeMs,
    end: RecordNumber,
    passes: std::slice::Iter<'static, RecordType>,
    pass: Option<LogQuery>,
}

impl Engine {
    /// Begins to count a quarter, in the log as it is now.
    ///
    /// # Errors
    /// The installation has too many agencies.
    pub fn count_quarter(&self, quarter: Quarter) -> Result<QuarterCount, CountError> {
        let agencies = &self.rules.agencies;
        if agencies.len() > crate::domain::evaluation::AGENCIES_MAX {
            return Err(CountError::TooManyAgencies);
        }
        Ok(QuarterCount {
            engine: self.clone(),
            collector: Collector::new(quarter, agencies),
            grants: HashMap::new(),
            steps: HashMap::new(),
            now: self.clock.now(),
            end: self.reader.latest().size(),
            passes: PASSES.iter(),
            pass: None,
        })
    }

    /// The tables that a record released. Blocks.
    ///
    /// # Errors
    /// The record cannot be read, or released none.
    pub fn released_tables(&self, number: RecordNumber) -> Result<Bytes, JournalError> {
        let stored = self.reader.record(number)?;
        let tables = record::evaluation::released_tables(&stored.body);
        let why = "the record holds no tables of the evaluation".to_owned();
        tables.ok_or(JournalError::Record { number, why })
    }
}

impl QuarterCount {
    /// Counts some more records; whether that was all. Reads the journal; blocks.
    ///
    /// # Errors
    /// A record cannot be read, or there is more than a count follows.
    pub fn go_on(&mut self, records: usize) -> Result<bool, CountError> {
        for _ in 0..records {
            if self.pass.is_none() {
                let Some(record_type) = self.passes.next() else { return Ok(true) };
                self.pass = Some(self.begin(*record_type)?);
            }
            let Some(pass) = &mut self.pass else { return Ok(true) };
            match pass.next_record(|| false)? {
                None => self.pass = None,
                Some((stored, event)) => self.take(event.as_ref(), stored.skeleton.time_ms)?,
            }
        }
        Ok(false)
    }

    fn begin(&self, record_type: RecordType) -> Result<LogQuery, CountError> {
        let number = u8::try_from(i32::from(record_type)).unwrap_or_default();
        let mut range = Range { end: self.end, ..Range::default() };
        // Who is not to be counted is known now; what counts lies before the end of the quarter.
        let is_known_now = matches!(
            record_type,
            RecordType::ParticipantRestricted
                | RecordType::ErasureBegun
                | RecordType::ObjectionRecorded
                | RecordType::ObjectionWithdrawn
        );
        if !is_known_now {
            range.until = Some(self.collector.quarter().end());
        }
        if record_type == RecordType::MessageDecided {
            range.first = self.engine.first_since(self.collector.since(), 0, self.end)?;
        }
        Ok(LogQuery::of_everything(&self.engine, Wanted::of_type(number), range))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the passes read records of these types only"
    )]
    fn take(&mut self, event: Option<&Event>, time: TimeMs) -> Result<(), TooMuch> {
        // Contents that were erased count no more.
        let Some(event) = event else { return Ok(()) };
        match &event.kind {
            EventKind::Upkeep(UpkeepEvent::ParticipantRestricted { participant, restricted }) => {
                self.collector.restrict(*participant, *restricted);
                Ok(())
            }
            EventKind::Upkeep(UpkeepEvent::ErasureBegun { participant, .. }) => {
                self.collector.erase(*participant);
                Ok(())
            }
            EventKind::Safeguard(event) => {
                self.objection(event);
                Ok(())
            }
            EventKind::Planning(PlanningEvent::ParticipationSet(event)) => {
                self.participation(event, time)
            }
            EventKind::MessageDecided(decided) => {
                let catalogue = &self.engine.rules().catalogue;
                match record::evaluation::message_fact(decided, time, catalogue) {
                    Some(fact) => self.collector.message(&fact),
                    None => Ok(()),
                }
            }
            EventKind::ConsentRecorded(consent) => self.consent(consent, time),
            EventKind::ConsentRevoked(event) => {
                self.grants.remove(&event.consent);
                self.collector.revocation(event.participant, time)
            }
            _ => Ok(()),
        }
    }

    fn objection(&mut self, event: &SafeguardEvent) {
        match &event.act {
            SafeguardAct::Objection(document) => {
                let purpose = self.engine.rules().catalogue.purpose(PURPOSE);
                let holds = document.until.is_none_or(|until| until > self.now);
                if holds && document.is_to_counting(purpose) {
                    self.collector.object(event.participant, document.objection_id);
                }
            }
            SafeguardAct::ObjectionWithdrawal { objection, .. } => {
                self.collector.withdraw_objection(event.participant, *objection);
            }
            SafeguardAct::Release(_)
            | SafeguardAct::ReleaseRevocation { .. }
            | SafeguardAct::ParticipationEnd { .. } => {}
        }
    }

    /// Each change of a participation repeats the steps; they count in the quarter in which they were stated.
    fn participation(&mut self, event: &ParticipationEvent, time: TimeMs) -> Result<(), TooMuch> {
        let step = |step: Option<Employability>| step.map_or(0, |step| u32::from(step.step()));
        let steps = (step(event.employability_at_start), step(event.employability_at_end));
        if self.steps.len() >= PARTICIPATIONS_MAX {
            return Err(TooMuch);
        }
        if self.steps.insert(event.participant, steps) == Some(steps) {
            return Ok(());
        }
        self.collector.employability(event.participant, time, steps.0, steps.1)
    }

    fn consent(&mut self, event: &ConsentEvent, time: TimeMs) -> Result<(), TooMuch> {
        if self.grants.len() >= CONSENTS_MAX {
            return Err(TooMuch);
        }
        let (id, after) = (event.document.consent_id, event.document.grants.clone());
        let before = self.grants.get(&id);
        let is_narrower = before.is_some_and(|before| is_narrowed(before, &after, time));
        self.grants.insert(id, after);
        let is_first = event.document.revision == 1;
        self.collector.consent(event.participant, time, is_first, is_narrower)
    }

    /// Suppresses, and encodes what is released. Takes its time; to be called where blocking is allowed.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let rules = self.engine.rules();
        let quarter = self.collector.quarter();
        let released =
            release(&self.collector.finish(), rules.evaluation_persons_min, quarter.ordinal());
        let agencies = rules.agencies.iter();
        record::evaluation::encode_tables(
            quarter,
            rules.evaluation_persons_min,
            agencies,
            &released,
        )
    }
}
