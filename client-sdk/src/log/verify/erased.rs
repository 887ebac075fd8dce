//! Erased records: only what a record of the erasure lists may be erased.

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::log::LogRow;

/// What the rows tell of erasures.
pub(super) struct Erasures {
    /// Erased rows, ascending.
    rows: Vec<Erased>,
    /// What is wrong with a list.
    fault: Option<String>,
    /// First record of a consent that was erased because its time was over.
    retired_consent: Option<u64>,
    /// First record that could tell why nothing was covered, erased because its time was over.
    retired_end: Option<u64>,
}

/// An erased row.
struct Erased {
    number: u64,
    kind: v1::RecordType,
    /// Whether an erasure lists it.
    listed: bool,
    /// Whether one does because its time was over.
    retired: bool,
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
        let erased = erased.map(|row| Erased {
            number: row.record_number,
            kind: row.record_type(),
            listed: false,
            retired: false,
        });
        let mut erased: Vec<Erased> = erased.collect();
        erased.sort_unstable_by_key(|erased| erased.number);
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
        let mut retired = self.rows.iter().filter(|row| row.retired && types.contains(&row.kind));
        retired.next().map(|row| row.number)
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
            let from = self.rows.partition_point(|erased| erased.number < range.first);
            let listed = self.rows.iter_mut().skip(from);
            for erased in listed.take_while(|erased| erased.number < end) {
                erased.listed = true;
                erased.retired |= event.ground() == v1::ErasureGround::Retention;
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, is_complete: bool) -> Result<String, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let erased = self.rows.len();
        let mut unlisted = self.rows.iter().filter(|row| !row.listed);
        match unlisted.next() {
            None => Ok(format!("{erased} erased records, all listed by a record of their erasure")),
            Some(row) if is_complete => {
                Err(format!("record {} is erased, and no record says so", row.number))
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
