//! Reading what people type into forms: days, times, references, reasons. The words are the visitor's language.

use schleuse_client::german::{parse_day_and_time, parse_end, parse_on};
use schleuse_client::{ConsentId, ParticipantReference, from_hex};

use crate::fields::{Fields, Problems};
use crate::texts::{Texts, filled};

/// Shortest and longest reason in characters.
const REASON_CHARACTERS: std::ops::RangeInclusive<usize> = 10..=500;
/// Longest serial number of a certificate in bytes; RFC 5280.
const SERIAL_BYTES_MAX: usize = 20;

/// A stated reason.
pub(crate) fn reason(fields: &Fields, t: &Texts, problems: &mut Problems) -> String {
    let reason = fields.get("reason");
    let fits = REASON_CHARACTERS.contains(&reason.chars().count());
    if !fits || reason.chars().any(char::is_control) {
        problems.add("reason", t.forms.reason_problem);
    }
    reason.to_owned()
}

/// A number of calendar months, from 1 to the most that may be.
pub(crate) fn months(
    fields: &Fields,
    name: &'static str,
    most: u32,
    t: &Texts,
    problems: &mut Problems,
) -> Option<u32> {
    let months = fields.get(name).parse().ok().filter(|months| (1..=most).contains(months));
    let words = || filled(t.forms.months_problem, &[&most.to_string()]);
    problems.take(name, months.ok_or_else(words))
}

/// A participant's reference, if one is given.
pub(crate) fn reference(
    fields: &Fields,
    name: &'static str,
    t: &Texts,
    problems: &mut Problems,
) -> Option<ParticipantReference> {
    let text = fields.given(name)?;
    let read = ParticipantReference::parse(&text.to_lowercase());
    problems.take(name, read.map_err(|_| t.forms.reference_problem))
}

/// A consent, if one is given.
pub(crate) fn consent(fields: &Fields, t: &Texts, problems: &mut Problems) -> Option<ConsentId> {
    let text = fields.given("consent")?;
    problems.take("consent", text.parse().map_err(|_| t.dpo.consent_problem))
}

/// A serial number, if one is given.
pub(crate) fn serial(fields: &Fields, t: &Texts, problems: &mut Problems) -> Option<Vec<u8>> {
    let text = fields.given("certificate")?;
    let plain: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let bytes = from_hex(&plain.to_lowercase());
    let bytes = bytes.filter(|bytes| (1..=SERIAL_BYTES_MAX).contains(&bytes.len()));
    problems.take("certificate", bytes.ok_or(t.dpo.certificate_problem))
}

/// The first instant of a day, if one is given.
pub(crate) fn from_day(
    fields: &Fields,
    name: &'static str,
    t: &Texts,
    problems: &mut Problems,
) -> Option<i64> {
    let text = fields.given(name)?;
    problems.take(name, day(text, parse_on).ok_or(t.forms.day_problem))
}

/// The first instant after a day, if one is given.
pub(crate) fn until_day(
    fields: &Fields,
    name: &'static str,
    t: &Texts,
    problems: &mut Problems,
) -> Option<i64> {
    let text = fields.given(name)?;
    problems.take(name, day(text, parse_end).ok_or(t.forms.day_problem))
}

/// A span of days, each end of it if it is given: the first instant of the one, the first instant after the other.
pub(crate) fn span(
    fields: &Fields,
    t: &Texts,
    problems: &mut Problems,
) -> (Option<i64>, Option<i64>) {
    let since = from_day(fields, "since", t, problems);
    let until = until_day(fields, "until", t, problems);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        problems.add("until", t.forms.day_order_problem);
    }
    (since, until)
}

/// The first instant after a day.
pub(crate) fn last_day(text: &str) -> Option<i64> {
    day(text, parse_end)
}

/// The first instant of a day.
pub(crate) fn first_day(text: &str) -> Option<i64> {
    day(text, parse_on)
}

type Read = fn(&'static str, &str) -> Result<i64, schleuse_client::ClientError>;

/// A day as browsers send it (2026-12-01), also if it was typed as people in Germany write it (01.12.2026).
fn plain_day(text: &str) -> String {
    match text.split('.').collect::<Vec<_>>().as_slice() {
        [day, month, year] => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => text.to_owned(),
    }
}

fn day(text: &str, read: Read) -> Option<i64> {
    let text = plain_day(text);
    // A day alone; with a time behind it, it is none.
    if text.len() == 10 { read("day", &text).ok() } else { None }
}

/// A day and a time of day in Germany.
pub(crate) fn day_and_time(on: &str, at: &str) -> Option<i64> {
    parse_day_and_time("time", &plain_day(on), at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schleuse_client::parse_time;

    #[test]
    fn days_are_read_as_browsers_and_as_people_write_them() {
        let begin = parse_time("2026-11-30T23:00:00Z").unwrap();
        for text in ["2026-12-01", "01.12.2026", "1.12.2026"] {
            assert_eq!(day(text, parse_on), Some(begin), "{text}");
        }
        assert_eq!(day("01.12.2026", parse_end), Some(begin + 24 * 3600 * 1000));
        for none in ["", "1.12.", "31.02.2026", "2026-12-01T10:00:00Z", "morgen", "12/01/2026"] {
            assert_eq!(day(none, parse_on), None, "{none}");
        }
    }

    #[test]
    fn a_span_ends_after_it_begins() {
        let t = crate::surface::Language::German.texts();
        let read = |since: &str, until: &str| {
            let typed = [("since", since), ("until", until)];
            let typed = typed.map(|(name, text)| (name.to_owned(), text.to_owned()));
            let mut problems = Problems::default();
            let times = span(&Fields::of(typed.to_vec()), t, &mut problems);
            (times, problems.of("until").to_owned())
        };
        let ms = |text: &str| Some(parse_time(text).unwrap());
        let one_day = (ms("2026-05-01T22:00:00Z"), ms("2026-05-02T22:00:00Z"));
        assert_eq!(read("2026-05-02", "2026-05-02"), (one_day, String::new()));
        assert_eq!(read("", "2026-05-02").1, "");
        assert_eq!(read("2026-05-02", "2026-05-01").1, t.forms.day_order_problem);
    }

    #[test]
    fn a_time_of_day_is_germanys() {
        let ms = |text: &str| parse_time(text).unwrap();
        assert_eq!(day_and_time("2026-12-08", "10:00"), Some(ms("2026-12-08T09:00:00Z")));
        assert_eq!(day_and_time("2026-07-08", "10:00"), Some(ms("2026-07-08T08:00:00Z")));
        assert_eq!(day_and_time("2026-07-08", "25:00"), None);
        assert_eq!(day_and_time("2026-07-08", ""), None);
    }

    #[test]
    fn months_are_counted_from_one_to_the_most() {
        let t = crate::surface::Language::German.texts();
        let read = |text: &str| {
            let (fields, mut problems) =
                (Fields::of(vec![("m".to_owned(), text.to_owned())]), Problems::default());
            (months(&fields, "m", 6, t, &mut problems), problems.of("m").to_owned())
        };
        assert_eq!(read("1"), (Some(1), String::new()));
        assert_eq!(read(" 6 "), (Some(6), String::new()));
        for wrong in ["", "0", "7", "-1", "sechs", "1.5"] {
            assert_eq!(read(wrong), (None, "Geben Sie 1 bis 6 Monate an.".to_owned()), "{wrong}");
        }
    }

    #[test]
    fn a_reason_is_one_line_of_some_length() {
        let t = crate::surface::Language::German.texts();
        let wrong = |text: &str| {
            let mut problems = Problems::default();
            reason(&Fields::of(vec![("reason".to_owned(), text.to_owned())]), t, &mut problems);
            !problems.is_empty()
        };
        assert!(
            wrong("") && wrong("kurz") && wrong("zwei\nZeilen davon") && wrong(&"x".repeat(501))
        );
        assert!(!wrong("Stichprobe im Quartal"));
    }
}
