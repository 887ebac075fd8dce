//! Who looked into the log. What one person looked at on one day for one reason is one line: a day's work with a case
//! leaves a record for each page, and a list of them all would hide the one look that matters.

use std::collections::HashMap;

use schleuse_proto::v1::log_entry::Event;

use super::{Names, words};
use crate::log::LogRow;

/// The looks of one person on one day for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LookPart {
    pub(super) who: String,
    pub(super) reason: String,
    pub(super) times: usize,
    first_ms: i64,
    last_ms: i64,
}

impl LookPart {
    /// `22.11.2026, 09:30 Uhr`, or from the first to the last time of several.
    pub(super) fn when(&self) -> String {
        let (first, last) = (words::time(self.first_ms), words::time_of_day(self.last_ms));
        match self.times {
            0 | 1 => first,
            times if words::time_of_day(self.first_ms) == last => format!("{first}, {times} Mal"),
            times => format!("{first} bis {last}, {times} Mal"),
        }
    }
}

/// All looks, by the first of each line.
pub(super) fn looks(rows: &[LogRow], names: &Names) -> Vec<LookPart> {
    let mut lines: Vec<LookPart> = Vec::new();
    let mut places: HashMap<(String, String, String), usize> = HashMap::new();
    for row in rows {
        let Some(Event::LogQueried(event)) = row.event() else { continue };
        let time_ms = row.time_ms();
        let who = words::actor(row.caused_by(), names);
        let reason = words::reason(&event.reason);
        let line = (words::day(time_ms), who.clone(), reason.clone());
        let place = places.entry(line).or_insert(lines.len());
        match lines.get_mut(*place) {
            Some(line) => {
                line.times += 1;
                line.last_ms = time_ms;
            }
            None => {
                let (first_ms, last_ms) = (time_ms, time_ms);
                lines.push(LookPart { who, reason, times: 1, first_ms, last_ms });
            }
        }
    }
    lines
}
