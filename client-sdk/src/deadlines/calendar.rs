//! Periods: how they begin and end, on civil days in Germany.
//!
//! §§ 187 to 193 BGB as § 26 (1) SGB X applies them, with the next working day of § 26 (3) SGB X. All is
//! computed on civil days, so that no change of the clocks can move a day; only the step from an instant
//! to its day and back knows the time zone.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::holidays::{Place, in_range};
use crate::error::ClientError;

/// Europe/Berlin as a rule: summer time from the last Sunday of March, 02:00, to the last Sunday of
/// October, 03:00. The rule is in force since 1996, so it needs no database for the years of the holiday
/// table. Source: § 5 EinhZeitG, Directive 2000/84/EC, SoZV.
const BERLIN_RULE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

static BERLIN: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::posix(BERLIN_RULE).unwrap_or(TimeZone::UTC));

/// Longest search for a working day: no place has more days off in a row (Easter and Christmas: four).
const DAYS_OFF_MAX: usize = 10;

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Days. Source: § 188 (1) BGB.
    Days(u16),
    /// Weeks. Source: § 188 (2) BGB.
    Weeks(u16),
    /// Months; a quarter is three, half a year six, a year twelve. Source: §§ 188 (2), 189 (1) BGB.
    Months(u16),
}

impl Period {
    /// In German, for example `2 Wochen`.
    #[must_use]
    pub fn german(self) -> String {
        match self {
            Self::Days(1) => "1 Tag".to_owned(),
            Self::Days(n) => format!("{n} Tage"),
            Self::Weeks(1) => "1 Woche".to_owned(),
            Self::Weeks(n) => format!("{n} Wochen"),
            Self::Months(1) => "1 Monat".to_owned(),
            Self::Months(n) => format!("{n} Monate"),
        }
    }
}

/// Whether the first day counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// An event within a day begins it: that day does not count. Source: § 187 (1) BGB.
    AfterEvent,
    /// It begins with the beginning of a day: that day counts. Source: § 187 (2) sentence 1 BGB.
    WithDay,
}

/// What happens if the last day is a Saturday, Sunday or public holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ends with the next working day. Source: § 26 (3) sentence 1 SGB X, § 193 BGB.
    NextWorkday,
    /// It ends all the same: a span for which something is done. Source: § 26 (4) SGB X. Also for a day
    /// that an agency named with reference to § 26 (3) sentence 2, and one that it set (§ 26 (5)).
    AsItIs,
}

/// Last day of a period. It ends when this day ends.
///
/// # Errors
/// A day is outside the years for which holidays are known.
pub fn last_day(
    first: Date,
    period: Period,
    begin: Begin,
    end: End,
    place: Place,
) -> Result<Date, ClientError> {
    in_range(first)?;
    let beyond = |_| ClientError::argument("date", "a period that ends within the calendar");
    let same_day = match period {
        Period::Days(n) => first.checked_add(i64::from(n).days()),
        Period::Weeks(n) => first.checked_add(i64::from(n).weeks()),
        // A day that the last month does not have is its last day: § 188 (3) BGB.
        Period::Months(n) => first.checked_add(i64::from(n).months()),
    };
    let same_day = same_day.map_err(beyond)?;
    let last = match (begin, period) {
        (Begin::AfterEvent, _) => same_day,
        // The day before the one of the same number; if that one is missing, the last of the month.
        (Begin::WithDay, Period::Months(_)) if same_day.day() < first.day() => same_day,
        (Begin::WithDay, _) => same_day.yesterday().map_err(beyond)?,
    };
    in_range(last)?;
    match end {
        End::AsItIs => Ok(last),
        End::NextWorkday => next_workday(last, place),
    }
}

/// The day itself, or the next working day. Source: § 26 (3) sentence 1 SGB X.
///
/// # Errors
/// A day is outside the years for which holidays are known.
pub fn next_workday(day: Date, place: Place) -> Result<Date, ClientError> {
    for day in day.series(1.day()).take(DAYS_OFF_MAX) {
        if place.is_workday(day)? {
            return Ok(day);
        }
    }
    Err(ClientError::argument("date", "a place with working days"))
}

/// Last day after an extension: the new period runs from the end of the former one, which is the working
/// day to which it may have moved. Source: § 190 BGB.
///
/// # Errors
/// A day is outside the years for which holidays are known.
pub fn extended(former_last: Date, period: Period, place: Place) -> Result<Date, ClientError> {
    last_day(former_last, period, Begin::AfterEvent, End::NextWorkday, place)
}

/// The day of an instant in Germany.
///
/// # Errors
/// The instant is outside the years for which holidays are known.
pub fn day_of(ms: i64) -> Result<Date, ClientError> {
    let time = Timestamp::from_millisecond(ms)
        .map_err(|_| ClientError::argument("time", "an instant within the calendar"))?;
    let day = time.to_zoned(BERLIN.clone()).date();
    in_range(day)?;
    Ok(day)
}

/// The instant of a local time in Germany.
pub(crate) fn instant(time: DateTime) -> Option<i64> {
    let zoned = time.to_zoned(BERLIN.clone()).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// What the clocks in Germany show at an instant; none outside the calendar.
pub(crate) fn civil(ms: i64) -> Option<DateTime> {
    let time = Timestamp::from_millisecond(ms).ok()?;
    Some(time.to_zoned(BERLIN.clone()).datetime())
}

/// First instant of a day in Germany.
///
/// # Errors
/// The day is outside the calendar.
pub fn start_of(day: Date) -> Result<i64, ClientError> {
    let start = day.to_zoned(BERLIN.clone());
    start
        .map(|zoned| zoned.timestamp().as_millisecond())
        .map_err(|_| ClientError::argument("date", "a day within the calendar"))
}

/// First instant after a day in Germany: what is due on that day is overdue from here on.
///
/// # Errors
/// The day is outside the calendar.
pub fn end_of(day: Date) -> Result<i64, ClientError> {
    let next = day.tomorrow();
    start_of(next.map_err(|_| ClientError::argument("date", "a day within the calendar"))?)
}

/// A day for people: `Mo 23.11.2026`.
#[must_use]
pub fn german_day(day: Date) -> String {
    use jiff::civil::Weekday as W;
    let weekday = match day.weekday() {
        W::Monday => "Mo",
        W::Tuesday => "Di",
        W::Wednesday => "Mi",
        W::Thursday => "Do",
        W::Friday => "Fr",
        W::Saturday => "Sa",
        W::Sunday => "So",
    };
    format!("{weekday} {}", day.strftime("%d.%m.%Y"))
}

#[cfg(test)]
mod tests;
