//! Erased records: only what a record of the erasure lists may be erased.

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::log::LogRow;

/// What the rows tell of erasures.
pub(super) struct Erasures {
    /// Numbers of erased rows, ascending, with the ground of an erasure that lists them.
    rows: Vec<(u64, v1::RecordType, Option<v1::ErasureGround>)>,
    /// What is wrong with a list.
    fault: Option<String>,
    /// First record of a consent that was erased because its time was over.
    retired_consent: Option<u64>,
    /// First record that could tell why nothing was covered, erased because its time was over.
    retired_end: Option<u64>,
}

/// Types of records that tell what is covered, and what no longer.
const ENDS: [v1::RecordType; 4] = [
    v1::RecordType::ConsentRecorded,
    v1::RecordType::ConsentRevoked,
    v1::RecordType::ConsentSuspended,
    v1::RecordType::ParticipantRestricted,
];

impl Erasures {
    pub(super) fn of(rows: &[LogRow]) -> Self {
        let erased = rows.iter().filter(|row| row.entry.is_none());
        let mut erased: Vec<_> =
            erased.map(|row| (row.record_number, row.record_type(), None)).collect();
        erased.sort_unstable_by_key(|(number, ..)| *number);
        let mut erasures =
            Self { rows: erased, fault: None, retired_consent: None, retired_end: None };
        for row in rows {
            if let Some(Event::RecordsErased(event)) = row.event()
                && let Err(why) = erasures.list(row.record_number, event)
            {
                erasures.fault.get_or_insert(why);
            }
        }
        erasures.retired_consent = erasures.first_retired(&[v1::RecordType::ConsentRecorded]);
        erasures.retired_end = erasures.first_retired(&ENDS);
        erasures
    }

    fn first_retired(&self, types: &[v1::RecordType]) -> Option<u64> {
        let mut retired = self.rows.iter().filter(|(_, kind, ground)| {
            *ground == Some(v1::ErasureGround::Retention) && types.contains(kind)
        });
        retired.next().map(|(number, ..)| *number)
    }

    /// Marks what an erasure lists. All of it stands before the erasure's own record.
    fn list(&mut self, number: u64, event: &v1::RecordsErased) -> Result<(), String> {
        let mut behind = 0;
        for range in &event.ranges {
            let end = range.first.checked_add(range.count);
            let Some(end) = end.filter(|end| *end <= number) else {
                return Err(format!("record {number} erases records that come after it"));
            };
            if range.count == 0 || range.first < behind {
                return Err(format!("record {number} lists no ascending ranges"));
            }
            behind = end;
            let from = self.rows.partition_point(|(erased, ..)| *erased < range.first);
            let listed = self.rows.iter_mut().skip(from);
            for (_, _, ground) in listed.take_while(|(erased, ..)| *erased < end) {
                *ground = Some(event.ground());
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, is_complete: bool) -> Result<String, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let erased = self.rows.len();
        let mut unlisted = self.rows.iter().filter(|(_, _, ground)| ground.is_none());
        match unlisted.next() {
            None => Ok(format!("{erased} erased records, all listed by a record of their erasure")),
            Some((number, ..)) if is_complete => {
                Err(format!("record {number} is erased, and no record says so"))
            }
            Some(_) => {
                let others = unlisted.count().saturating_add(1);
                Ok(format!("{erased} erased records; the erasure of {others} of them is not shown"))
            }
        }
    }

    /// Whether the record of a consent before this one was erased because its time was over.
    pub(super) fn retired_consent_before(&self, number: u64) -> bool {
        self.retired_consent.is_some_and(|retired| retired < number)
    }

    /// Whether a record before this one that could tell why nothing was covered was erased because its
    /// time was over.
    pub(super) fn retired_end_before(&self, number: u64) -> bool {
        self.retired_end.is_some_and(|retired| retired < number)
    }
}
