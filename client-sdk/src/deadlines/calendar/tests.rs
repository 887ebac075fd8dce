//! Cases worked out by hand, as textbooks and commentaries of §§ 187 ff. BGB and § 26 SGB X have them.

use jiff::civil::date;

use super::*;

fn after(first: Date, period: Period) -> Date {
    last_day(first, period, Begin::AfterEvent, End::AsItIs, Place::default()).unwrap()
}

fn with(first: Date, period: Period) -> Date {
    last_day(first, period, Begin::WithDay, End::AsItIs, Place::default()).unwrap()
}

fn workday(first: Date, period: Period) -> Date {
    last_day(first, period, Begin::AfterEvent, End::NextWorkday, Place::default()).unwrap()
}

/// §§ 187 (1), 188 (2) first alternative, 188 (3) BGB: a month after 31 January ends on the last of
/// February; a month after 28 February on 28 March, not on the last of March (BGH, NJW 1984, 1358); a month
/// after 4 April on 4 May.
#[test]
fn months_after_an_event_end_on_the_day_of_the_same_number_or_on_the_last() {
    assert_eq!(after(date(2026, 1, 31), Period::Months(1)), date(2026, 2, 28));
    assert_eq!(after(date(2028, 1, 31), Period::Months(1)), date(2028, 2, 29));
    assert_eq!(after(date(2026, 2, 28), Period::Months(1)), date(2026, 3, 28));
    assert_eq!(after(date(2028, 2, 29), Period::Months(12)), date(2029, 2, 28));
    assert_eq!(after(date(2028, 2, 29), Period::Months(48)), date(2032, 2, 29));
    assert_eq!(after(date(2026, 4, 4), Period::Months(1)), date(2026, 5, 4));
    assert_eq!(after(date(2026, 3, 31), Period::Months(6)), date(2026, 9, 30));
    assert_eq!(after(date(2026, 12, 31), Period::Months(2)), date(2027, 2, 28));
}

/// § 188 (2) second alternative BGB: the day before the one of the same number.
#[test]
fn months_that_begin_with_a_day_end_the_day_before() {
    assert_eq!(with(date(2026, 1, 1), Period::Months(12)), date(2026, 12, 31));
    assert_eq!(with(date(2026, 4, 4), Period::Months(1)), date(2026, 5, 3));
    assert_eq!(with(date(2026, 3, 1), Period::Months(1)), date(2026, 3, 31));
    assert_eq!(with(date(2026, 2, 1), Period::Months(1)), date(2026, 2, 28));
    // The day before 29 February is there, the one before 30 or 31 February is not.
    assert_eq!(with(date(2026, 1, 29), Period::Months(1)), date(2026, 2, 28));
    assert_eq!(with(date(2026, 1, 30), Period::Months(1)), date(2026, 2, 28));
    assert_eq!(with(date(2026, 1, 31), Period::Months(1)), date(2026, 2, 28));
    assert_eq!(with(date(2028, 1, 30), Period::Months(1)), date(2028, 2, 29));
    assert_eq!(with(date(2026, 8, 31), Period::Months(1)), date(2026, 9, 30));
    assert_eq!(with(date(2024, 2, 29), Period::Months(24)), date(2026, 2, 28));
}

/// § 188 (2) BGB: by the name of the day; § 188 (1): by counting.
#[test]
fn weeks_end_on_the_day_of_the_same_name_and_days_are_counted() {
    // 2026-11-04 is a Wednesday.
    assert_eq!(after(date(2026, 11, 4), Period::Weeks(2)), date(2026, 11, 18));
    assert_eq!(with(date(2026, 11, 4), Period::Weeks(2)), date(2026, 11, 17));
    assert_eq!(after(date(2026, 11, 4), Period::Days(14)), date(2026, 11, 18));
    assert_eq!(with(date(2026, 11, 4), Period::Days(14)), date(2026, 11, 17));
    assert_eq!(after(date(2026, 12, 30), Period::Weeks(3)), date(2027, 1, 20));
}

/// § 26 (3) sentence 1 SGB X.
#[test]
fn an_end_on_a_day_off_moves_to_the_next_working_day() {
    // Saturday to Monday; Good Friday to Tuesday after Easter.
    assert_eq!(workday(date(2026, 11, 7), Period::Weeks(2)), date(2026, 11, 23));
    assert_eq!(workday(date(2026, 3, 20), Period::Weeks(2)), date(2026, 4, 7));
    // 25 December 2026 is a Friday, the 26th a Saturday: Monday. 24 and 31 December stay.
    assert_eq!(workday(date(2026, 12, 11), Period::Weeks(2)), date(2026, 12, 28));
    assert_eq!(workday(date(2026, 12, 10), Period::Weeks(2)), date(2026, 12, 24));
    assert_eq!(workday(date(2026, 12, 17), Period::Weeks(2)), date(2026, 12, 31));
    // 1 January 2027 is a Friday; 6 January a Wednesday.
    assert_eq!(workday(date(2026, 12, 18), Period::Weeks(2)), date(2027, 1, 4));
    assert_eq!(workday(date(2026, 12, 23), Period::Weeks(2)), date(2027, 1, 7));
    // Mariä Himmelfahrt 2025 is a Friday: only where it is a holiday.
    let plain = "BY/plain".parse().unwrap();
    let first = date(2025, 8, 1);
    let there = last_day(first, Period::Weeks(2), Begin::AfterEvent, End::NextWorkday, plain);
    assert_eq!(there.unwrap(), date(2025, 8, 15));
    assert_eq!(workday(first, Period::Weeks(2)), date(2025, 8, 18));
}

/// § 26 (4) SGB X.
#[test]
fn a_span_for_which_something_is_done_ends_on_a_sunday_too() {
    assert_eq!(with(date(2024, 11, 30), Period::Months(24)), date(2026, 11, 29));
    assert_eq!(date(2026, 11, 29).weekday(), jiff::civil::Weekday::Sunday);
}

/// § 190 BGB.
#[test]
fn an_extension_runs_from_the_end_of_the_former_period() {
    let former = workday(date(2026, 11, 7), Period::Weeks(2));
    assert_eq!(extended(former, Period::Weeks(1), Place::default()).unwrap(), date(2026, 11, 30));
}

#[test]
fn the_clocks_never_move_a_day() {
    // 2026-03-29 01:59:59.999 CET is followed by 03:00 CEST, 2026-10-25 has two hours from 2 to 3.
    let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    assert_eq!(day_of(ms("2026-03-28T22:59:59.999Z")).unwrap(), date(2026, 3, 28));
    assert_eq!(day_of(ms("2026-03-28T23:00:00Z")).unwrap(), date(2026, 3, 29));
    assert_eq!(day_of(ms("2026-03-29T21:59:59.999Z")).unwrap(), date(2026, 3, 29));
    assert_eq!(day_of(ms("2026-03-29T22:00:00Z")).unwrap(), date(2026, 3, 30));
    assert_eq!(day_of(ms("2026-10-24T22:00:00Z")).unwrap(), date(2026, 10, 25));
    assert_eq!(day_of(ms("2026-10-25T22:59:59.999Z")).unwrap(), date(2026, 10, 25));
    assert_eq!(
        end_of(date(2026, 3, 29)).unwrap() - start_of(date(2026, 3, 29)).unwrap(),
        23 * 3_600_000
    );
    assert_eq!(
        end_of(date(2026, 10, 25)).unwrap() - start_of(date(2026, 10, 25)).unwrap(),
        25 * 3_600_000
    );
}

#[test]
fn every_day_of_the_range_begins_and_ends_in_itself() {
    let mut day = date(2020, 1, 1);
    while day < date(2050, 12, 31) {
        let (start, end) = (start_of(day).unwrap(), end_of(day).unwrap());
        assert_eq!((day_of(start).unwrap(), day_of(end - 1).unwrap()), (day, day));
        day = day.tomorrow().unwrap();
        assert_eq!(start_of(day).unwrap(), end);
    }
}

#[test]
fn what_is_outside_the_known_years_is_refused_not_guessed() {
    let place = Place::default();
    let end =
        |first| last_day(first, Period::Months(1), Begin::AfterEvent, End::NextWorkday, place);
    assert!(end(date(2019, 12, 15)).is_err());
    assert!(end(date(2050, 12, 15)).is_err());
    assert!(end(date(2050, 11, 15)).is_ok());
    assert!(day_of(0).is_err());
}
