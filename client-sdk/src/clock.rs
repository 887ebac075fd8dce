//! Time: the clock as a parameter, and times as people write and read them (UTC).

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::error::ClientError;
use crate::german::day;

/// Where the present comes from.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one clock of this crate")]
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
    }
}

/// A time for people, to the minute: `2026-12-01 09:30 UTC`.
#[must_use]
pub fn format_time(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("{ms} ms"),
    }
}

/// A time for programs, RFC 3339 in UTC.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// Reads a time: a date (`2026-12-01`, midnight UTC) or RFC 3339 (`2026-12-01T09:30:00Z`). A time without its offset is
/// neither.
///
/// # Errors
/// The text is neither.
pub fn parse_time(text: &str) -> Result<i64, ClientError> {
    let date = || Some(day(text)?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let time = text.parse::<Timestamp>().ok().or_else(date);
    time.map(Timestamp::as_millisecond).ok_or_else(|| {
        ClientError::argument(
            "time",
            "a date such as 2026-12-01 or a time such as 2026-12-01T09:30:00Z",
        )
    })
}

/// The same day and time some calendar months later, in UTC.
///
/// # Errors
/// The result is beyond the calendar.
pub fn months_later(ms: i64, months: u32) -> Result<i64, ClientError> {
    let later = || {
        let zoned = Timestamp::from_millisecond(ms).ok()?.to_zoned(TimeZone::UTC);
        Some(zoned.checked_add(i64::from(months).months()).ok()?.timestamp().as_millisecond())
    };
    later().ok_or_else(|| ClientError::argument("months", "an end within the calendar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_and_printed() {
        let ms = parse_time("2026-12-01T09:30:00Z").unwrap();
        assert_eq!(format_time(ms), "2026-12-01 09:30 UTC");
        assert_eq!(rfc3339(ms), "2026-12-01T09:30:00Z");
        assert_eq!(format_time(parse_time("2026-12-01").unwrap()), "2026-12-01 00:00 UTC");
        for neither in ["tomorrow", "2026-12-08T10:00:00", "2026-12-01 10:30", "+002026-12-01"] {
            assert!(parse_time(neither).is_err(), "{neither}");
        }
    }

    #[test]
    fn months_are_calendar_months() {
        let start = parse_time("2026-01-31").unwrap();
        assert_eq!(format_time(months_later(start, 1).unwrap()), "2026-02-28 00:00 UTC");
        assert_eq!(format_time(months_later(start, 24).unwrap()), "2028-01-31 00:00 UTC");
    }
}
