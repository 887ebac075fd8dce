//! Days and times as people in Germany write and read them (Europe/Berlin).
//!
//! A day alone means the whole day. An end is kept as the first instant after it, so that the end of a day is the
//! midnight that follows; what begins or ends at midnight is shown as a day, and a time only if one was given.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use crate::deadlines::{civil, end_of, instant, start_of};
use crate::error::ClientError;

/// Reads an end: a day (`2026-12-01`, all of it) or a time with its offset (RFC 3339). The first instant after it.
///
/// # Errors
/// The text is neither.
pub fn parse_end(what: &'static str, text: &str) -> Result<i64, ClientError> {
    day_or_time(what, text, end_of)
}

/// Reads when something was: a day (`2026-12-01`, from its first instant) or a time with its offset (RFC 3339).
///
/// # Errors
/// The text is neither.
pub fn parse_on(what: &'static str, text: &str) -> Result<i64, ClientError> {
    day_or_time(what, text, start_of)
}

/// Reads when something begins: a time with its offset (RFC 3339). A day alone does not say when people meet.
///
/// # Errors
/// The text is no time, or has no offset.
pub fn parse_begin(what: &'static str, text: &str) -> Result<i64, ClientError> {
    let expected = "a time with its offset (2026-12-08T10:00:00+01:00)";
    time(text).ok_or_else(|| ClientError::argument(what, expected))
}

/// Reads a day and a time of that day in Germany: `2026-12-08` and `10:00`. The offset follows from the day; a time that
/// the clock skips in spring is the one after it, one that comes twice in autumn is the first.
///
/// # Errors
/// The texts are no day and no time of day.
pub fn parse_day_and_time(what: &'static str, on: &str, at: &str) -> Result<i64, ClientError> {
    let wrong = || ClientError::argument(what, "a day (2026-12-08) and a time of day (10:00)");
    let at: Time = at.parse().ok().filter(|_| at.len() == 5).ok_or_else(wrong)?;
    instant(day(on).ok_or_else(wrong)?.to_datetime(at)).ok_or_else(wrong)
}

/// A time: `08.12.2026, 10:00 Uhr`.
#[must_use]
pub fn german_time(ms: i64) -> String {
    shown(ms, |time| time.strftime("%d.%m.%Y, %H:%M Uhr").to_string())
}

/// An end: `01.12.2026` if it is the end of that day, else with its time.
#[must_use]
pub fn german_end(ms: i64) -> String {
    shown(ms, |time| match time.date().yesterday() {
        Ok(day) if time.time() == Time::midnight() => german_date(day),
        Ok(_) | Err(_) => german_time(ms),
    })
}

/// When something was: `01.12.2026` if only the day was given, else with its time.
#[must_use]
pub fn german_on(ms: i64) -> String {
    shown(ms, |time| match time.time() == Time::midnight() {
        true => german_date(time.date()),
        false => german_time(ms),
    })
}

fn german_date(day: Date) -> String {
    day.strftime("%d.%m.%Y").to_string()
}

fn shown(ms: i64, show: impl FnOnce(DateTime) -> String) -> String {
    civil(ms).map_or_else(|| format!("{ms} ms"), show)
}

fn day_or_time(
    what: &'static str,
    text: &str,
    of_day: fn(Date) -> Result<i64, ClientError>,
) -> Result<i64, ClientError> {
    let expected = "a day (2026-12-01) or a time with its offset (2026-12-08T10:00:00+01:00)";
    let read = match day(text) {
        Some(day) => of_day(day).ok(),
        None => time(text),
    };
    read.ok_or_else(|| ClientError::argument(what, expected))
}

/// A day alone, written in full: anything more or less is none.
pub(crate) fn day(text: &str) -> Option<Date> {
    let is_day = text.len() == 10
        && text.bytes().zip(0..).all(|(byte, place)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_day { text.parse().ok() } else { None }
}

/// A time that says its offset. Without one it is nobody's time, and never a day.
fn time(text: &str) -> Option<i64> {
    text.parse().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_time;

    #[test]
    fn a_day_alone_is_the_whole_day_in_germany_and_is_shown_as_a_day() {
        let ms = |text: &str| parse_time(text).unwrap();
        for (day, end, shown) in [
            ("2026-12-01", "2026-12-01T23:00:00Z", "01.12.2026"),
            ("2026-12-31", "2026-12-31T23:00:00Z", "31.12.2026"),
            ("2027-07-01", "2027-07-01T22:00:00Z", "01.07.2027"),
            // The day on which summer time ends has 25 hours.
            ("2026-10-25", "2026-10-25T23:00:00Z", "25.10.2026"),
        ] {
            assert_eq!(parse_end("until", day).unwrap(), ms(end), "{day}");
            assert_eq!(german_end(ms(end)), shown);
        }
        assert_eq!(parse_on("kept", "2026-12-01").unwrap(), ms("2026-11-30T23:00:00Z"));
        assert_eq!(german_on(ms("2026-11-30T23:00:00Z")), "01.12.2026");
    }

    #[test]
    fn a_time_of_day_has_the_offset_of_its_day() {
        let ms = |text: &str| parse_time(text).unwrap();
        for (day, time, instant) in [
            ("2026-12-08", "10:00", "2026-12-08T09:00:00Z"),
            ("2026-07-08", "10:00", "2026-07-08T08:00:00Z"),
            // Skipped in spring; twice in autumn.
            ("2026-03-29", "02:30", "2026-03-29T01:30:00Z"),
            ("2026-10-25", "02:30", "2026-10-25T00:30:00Z"),
        ] {
            let read = parse_day_and_time("time", day, time).unwrap();
            assert_eq!(read, ms(instant), "{day} {time}");
        }
        for (day, time) in [("2026-12-08", ""), ("2026-12-08", "24:00"), ("", "10:00")] {
            assert!(parse_day_and_time("time", day, time).is_err(), "{day} {time}");
        }
    }

    #[test]
    fn a_time_is_shown_only_if_one_was_given() {
        let given = "2026-12-01T09:30:00Z";
        for read in [parse_end, parse_on, parse_begin] {
            let ms = read("until", given).unwrap();
            assert_eq!(ms, parse_time(given).unwrap());
            for shown in [german_end(ms), german_on(ms), german_time(ms)] {
                assert_eq!(shown, "01.12.2026, 10:30 Uhr");
            }
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_the_name_of_the_field() {
        let error = parse_end("answer_by", "morgen").unwrap_err().to_string();
        assert!(error.starts_with("answer_by: expected a day (2026-12-01) or a time"), "{error}");
        let error = parse_begin("starts_at", "2026-12-01").unwrap_err().to_string();
        assert!(error.starts_with("starts_at: expected a time with its offset"), "{error}");
    }

    #[test]
    fn a_time_has_its_offset_and_is_never_a_day() {
        let expected = "expected a day (2026-12-01) or a time with its offset \
            (2026-12-08T10:00:00+01:00)";
        for none in [
            "2026-12-08T10:00:00",
            "2026-12-08T10:00",
            "2026-12-08 10:00",
            "2026-12-08t10:00:00",
            "20261208",
            "2026-12-8",
            " 2026-12-08",
            "2026-12-08 ",
            "2026-13-01",
            "2026-02-30",
            "2026-12-08[Europe/Berlin]",
        ] {
            for read in [parse_end, parse_on] {
                let error = read("until", none).unwrap_err().to_string();
                assert_eq!(error, format!("until: {expected}"), "{none}");
            }
            assert!(parse_begin("starts_at", none).is_err(), "{none}");
        }
        let ms = parse_time("2026-12-01T09:30:00Z").unwrap();
        for one in [
            "2026-12-01 10:30+01:00",
            "2026-12-01t10:30:00+01:00",
            "2026-12-01T10:30:00+01:00",
            "2026-12-01T09:30Z",
        ] {
            for read in [parse_end, parse_on, parse_begin] {
                assert_eq!(read("until", one).unwrap(), ms, "{one}");
            }
        }
    }
}
