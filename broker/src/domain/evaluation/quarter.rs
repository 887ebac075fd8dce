//! Quarters of the calendar year, in UTC as in the retention.

use std::fmt;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use crate::domain::ids::TimeMs;

/// First and last year of a quarter.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2999;

/// A quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: i16,
    number: i8,
    begin: TimeMs,
    end: TimeMs,
}

impl Quarter {
    /// Reads `2026-Q4`; nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, number) = text.split_once("-Q")?;
        let is_plain = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_plain(year, 4) || !is_plain(number, 1) {
            return None;
        }
        let (year, number): (i16, i8) = (year.parse().ok()?, number.parse().ok()?);
        if !YEARS.contains(&year) || !(1..=4).contains(&number) {
            return None;
        }
        let begin = first_of(year, number * 3 - 2)?;
        let end = if number == 4 { first_of(year + 1, 1) } else { first_of(year, number * 3 + 1) };
        Some(Self { year, number, begin, end: end? })
    }

    /// First instant.
    #[must_use]
    pub fn begin(&self) -> TimeMs {
        self.begin
    }

    /// First instant after.
    #[must_use]
    pub fn end(&self) -> TimeMs {
        self.end
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(&self, time: TimeMs) -> bool {
        (self.begin..self.end).contains(&time)
    }

    /// Counts quarters, so that neighbours differ by one.
    #[must_use]
    pub fn ordinal(&self) -> usize {
        let year = usize::try_from(self.year).unwrap_or_default();
        year * 4 + usize::try_from(self.number).unwrap_or_default()
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year, self.number)
    }
}

/// First instant of a month.
fn first_of(year: i16, month: i8) -> Option<TimeMs> {
    let begin = Date::new(year, month, 1).ok()?.to_zoned(TimeZone::UTC).ok()?;
    TimeMs::try_from(begin.timestamp().as_millisecond()).ok()
}

/// The instant so many calendar months later, or earlier if negative; in UTC. What lies beyond all calendars is the
/// instant itself.
#[must_use]
pub fn months_after(time: TimeMs, months: i32) -> TimeMs {
    let shifted = || {
        let instant = Timestamp::from_millisecond(i64::try_from(time).ok()?).ok()?;
        let shifted = instant.to_zoned(TimeZone::UTC).checked_add(i64::from(months).months());
        TimeMs::try_from(shifted.ok()?.timestamp().as_millisecond()).ok()
    };
    shifted().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> TimeMs {
        let instant: Timestamp = text.parse().unwrap();
        instant.as_millisecond().try_into().unwrap()
    }

    #[test]
    fn quarters_follow_each_other_without_a_gap() {
        let quarter = |text: &str| Quarter::parse(text).unwrap();
        assert_eq!(quarter("2026-Q4").begin(), at("2026-10-01T00:00:00Z"));
        assert_eq!(quarter("2026-Q4").end(), at("2027-01-01T00:00:00Z"));
        let mut before = quarter("2000-Q1");
        for year in 2000..=2999 {
            for number in 1..=4 {
                let next = quarter(&format!("{year}-Q{number}"));
                assert_eq!(next.to_string(), format!("{year}-Q{number}"));
                if (year, number) != (2000, 1) {
                    assert_eq!(next.begin(), before.end());
                    assert_eq!(next.ordinal(), before.ordinal() + 1);
                }
                before = next;
            }
        }
    }

    #[test]
    fn only_one_spelling_of_a_quarter_is_accepted() {
        for wrong in [
            "", "2026", "2026-4", "2026-Q0", "2026-Q5", "2026-Q", "2026-q4", "26-Q4", " 2026-Q4",
            "2026-Q04", "2026-10", "+026-Q4", "2026-Q+", "1999-Q4", "3000-Q1", "2026-Q4 ",
        ] {
            assert_eq!(Quarter::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        assert_eq!(months_after(at("2024-02-29T12:00:00Z"), 12), at("2025-02-28T12:00:00Z"));
        assert_eq!(months_after(at("2026-10-01T00:00:00Z"), -12), at("2025-10-01T00:00:00Z"));
    }
}
