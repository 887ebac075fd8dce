//! Erased records: only what a record of the erasure lists may be erased, and only as an honest broker
//! erases: by retention what its period has left behind, never a consent or its end; of a participant
//! everything, from the registration to the record in which the erasure began.

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::history::told;
use crate::log::LogRow;

/// Most records that one record of an erasure lists.
pub(super) const LISTED_TOGETHER_MAX: u64 = 1000;

/// Types of records that retention takes.
const RETAINED: &[v1::RecordType] = &[
    v1::RecordType::DeadLettered,
    v1::RecordType::BasisEnded,
    v1::RecordType::DeletionConfirmed,
    v1::RecordType::MailboxRead,
    v1::RecordType::MessageDecided,
    v1::RecordType::HandedOut,
    v1::RecordType::StageReported,
    v1::RecordType::MessageStopped,
    v1::RecordType::CoverageAsked,
    v1::RecordType::ConsentRequested,
    v1::RecordType::LogQueried,
    v1::RecordType::CallRefused,
    v1::RecordType::UploadDiscarded,
];

/// Types of records that are about no participant, so that the erasure of one does not take them.
const ABOUT_NOBODY: &[v1::RecordType] = &[
    v1::RecordType::MailboxRead,
    v1::RecordType::BrokerStarted,
    v1::RecordType::DirectoryPublished,
    v1::RecordType::CallRefused,
    v1::RecordType::RecordsErased,
    v1::RecordType::RecordLost,
    v1::RecordType::LogReconciled,
    v1::RecordType::UploadDiscarded,
    v1::RecordType::EvaluationReleased,
    v1::RecordType::EvaluationExported,
    v1::RecordType::RunApproved,
];

/// What the rows tell of erasures.
pub(super) struct Erasures {
    /// All rows, ascending.
    rows: Vec<Standing>,
    /// What is wrong with a list.
    fault: Option<String>,
    /// Erasures of participants.
    whole: Whole,
    /// The last `ErasureBegun` whose participant is no longer told and whose contents are still there.
    going_on: Option<u64>,
}

/// A row, as erasures look at it.
struct Standing {
    number: u64,
    kind: v1::RecordType,
    erased: bool,
    /// Whether an erasure lists it.
    listed: bool,
}

/// Erasures of participants: each takes one registration and ends with the record of its beginning.
#[derive(Default)]
struct Whole {
    /// Records of the beginning of an erasure, ascending.
    begun: Vec<u64>,
    /// How many of them an erasure listed.
    ended: u64,
    /// Registrations that an erasure listed.
    registered: u64,
    /// What is wrong, if the rows are the whole log.
    fault: Option<String>,
}

impl Erasures {
    pub(super) fn of(rows: &[LogRow]) -> Self {
        // One pass: rows are large.
        let (mut standing, mut whole) = (Vec::with_capacity(rows.len()), Whole::default());
        let (mut lists, mut going_on) = (Vec::new(), None);
        for row in rows {
            let (number, kind) = (row.record_number, row.record_type());
            standing.push(Standing { number, kind, erased: row.entry.is_none(), listed: false });
            if kind == v1::RecordType::ErasureBegun {
                whole.begun.push(number);
            }
            match row.event() {
                Some(Event::RecordsErased(event)) => lists.push((number, event)),
                Some(Event::ErasureBegun(_)) if told(row).is_none() => {
                    going_on = going_on.max(Some(number));
                }
                _ => {}
            }
        }
        standing.sort_by_key(|row| row.number);
        whole.begun.sort_unstable();
        let mut erasures = Self { rows: standing, fault: None, whole, going_on };
        for (number, event) in lists {
            if let Err(why) = erasures.list(number, event) {
                erasures.fault.get_or_insert(why);
            }
        }
        erasures
    }

    /// Marks what an erasure lists.
    fn list(&mut self, number: u64, event: &v1::RecordsErased) -> Result<(), String> {
        let ranges = ranges(number, event)?;
        let forbidden: fn(v1::RecordType) -> bool = match event.ground() {
            v1::ErasureGround::Participant => |kind| ABOUT_NOBODY.contains(&kind),
            v1::ErasureGround::Retention => |kind| !RETAINED.contains(&kind),
            v1::ErasureGround::Unspecified => return Err(format!("record {number} has no ground")),
        };
        let is_whole = event.ground() == v1::ErasureGround::Participant;
        let mut part = Part { number, last: 0, ends: false };
        for (first, end) in ranges {
            let from = self.rows.partition_point(|row| row.number < first);
            let listed = self.rows.iter_mut().skip(from).take_while(|row| row.number < end);
            for row in listed {
                if forbidden(row.kind) {
                    let other = row.number;
                    return Err(format!("record {number} erases record {other}, which it may not"));
                }
                if is_whole {
                    self.whole.take(&mut part, row);
                }
                row.listed = true;
            }
            part.last = end - 1;
        }
        if is_whole {
            self.whole.end(&part);
        }
        Ok(())
    }

    pub(super) fn check(&self, is_complete: bool) -> Result<String, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let erased = self.rows.iter().filter(|row| row.erased).count();
        let mut unlisted = self.rows.iter().filter(|row| row.erased && !row.listed);
        match unlisted.next() {
            Some(row) if is_complete => {
                return Err(format!("record {} is erased, and no record says so", row.number));
            }
            Some(_) => {
                let others = unlisted.count().saturating_add(1);
                let not_shown = format!("the erasure of {others} of them is not shown");
                return Ok(format!("{erased} erased records; {not_shown}"));
            }
            None => {}
        }
        if is_complete {
            self.whole.check()?;
        }
        let going_on = if is_complete { self.unfinished() } else { None };
        let going_on = going_on.map(|what| format!("; {what}")).unwrap_or_default();
        Ok(format!("{erased} erased records, all listed by a record of their erasure{going_on}"))
    }

    /// Says which erasures have begun and are not finished.
    fn unfinished(&self) -> Option<String> {
        let begun = self.rows.iter().filter(|row| row.kind == v1::RecordType::ErasureBegun);
        let open = begun.filter(|row| !row.erased).count();
        let left = self.rows.iter().filter(|row| row.listed && !row.erased).count();
        (open > 0 || left > 0).then(|| {
            format!(
                "NOT FINISHED: {open} erasures go on, {left} listed records are still there; \
                 ask for a new file"
            )
        })
    }

    /// Whether whom this row is about may not be told any more: the erasure of somebody began after it and
    /// is not finished.
    pub(super) fn go_on_after(&self, number: u64) -> bool {
        self.going_on.is_some_and(|begun| number < begun)
    }

    /// Whether an erasure goes on.
    pub(super) fn go_on(&self) -> bool {
        self.going_on.is_some()
    }
}

/// One record of the erasure of a participant, on its way.
struct Part {
    number: u64,
    /// Last record that it lists.
    last: u64,
    /// Whether this is the record in which an erasure began that nothing listed before.
    ends: bool,
}

impl Whole {
    fn take(&mut self, part: &mut Part, row: &Standing) {
        if part.ends {
            self.blame(part, "lists records behind the beginning of the erasure");
        }
        if row.kind == v1::RecordType::ErasureBegun {
            if row.listed {
                self.blame(part, "ends an erasure that had ended");
            }
            part.ends = true;
            self.ended += u64::from(!row.listed);
        }
        if row.kind == v1::RecordType::ParticipantRegistered && !row.listed {
            self.registered += 1;
        }
    }

    /// After each part there are enough registrations for all erasures that ended, and for one more if
    /// this part ends none. So nobody's records are erased but with the registration.
    fn end(&mut self, part: &Part) {
        let enough = if part.ends { self.ended } else { self.ended.saturating_add(1) };
        if self.registered < enough {
            self.blame(part, "erases a part of what is about a participant");
        }
        let next = self.begun.partition_point(|begun| *begun <= part.last);
        let has_begun = self.begun.get(next).is_some_and(|begun| *begun < part.number);
        if !part.ends && !has_begun {
            self.blame(part, "erases what is about a participant, whose erasure did not begin");
        }
    }

    fn blame(&mut self, part: &Part, why: &str) {
        self.fault.get_or_insert_with(|| format!("record {} {why}", part.number));
    }

    fn check(&self) -> Result<(), String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        // Each registration has its end, or its erasure goes on.
        let begun = u64::try_from(self.begun.len()).unwrap_or(u64::MAX);
        if self.registered > begun {
            return Err("more registrations are erased than erasures began".to_owned());
        }
        Ok(())
    }
}

/// What a record of an erasure lists: the first of each range and the one behind it. All of it stands
/// before the record itself.
fn ranges(number: u64, event: &v1::RecordsErased) -> Result<Vec<(u64, u64)>, String> {
    let (mut behind, mut count) = (0_u64, 0_u64);
    let mut ranges = Vec::new();
    for range in &event.ranges {
        let end = range.first.checked_add(range.count);
        let Some(end) = end.filter(|end| *end <= number) else {
            return Err(format!("record {number} erases records that come after it"));
        };
        if range.count == 0 || range.first < behind {
            return Err(format!("record {number} lists no ascending ranges"));
        }
        behind = end;
        count = count.saturating_add(range.count);
        ranges.push((range.first, end));
    }
    if count == 0 || count > LISTED_TOGETHER_MAX {
        return Err(format!("record {number} lists {count} records: expected 1 to 1,000"));
    }
    Ok(ranges)
}

/// The records that a record of an erasure lists; none if it is at fault.
pub(super) fn listed(number: u64, event: &v1::RecordsErased) -> impl Iterator<Item = u64> {
    let ranges = ranges(number, event).unwrap_or_default();
    ranges.into_iter().flat_map(|(first, end)| first..end)
}
