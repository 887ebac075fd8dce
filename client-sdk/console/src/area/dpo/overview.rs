//! The overview: traffic and refusals in numbers, overdue duties, whether the log holds.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schleuse_client::{BrokerStatus, DutyFilter, LogCount, LogGrouping, LogQuery, shown, v1};

use crate::chart::{self, Bars};
use crate::desk::{Answer, Desk};
use crate::extract::Query;
use crate::surface::Surface;
use crate::texts::filled;
use crate::words;

/// Periods that can be chosen, in days.
const PERIODS: [i64; 4] = [7, 30, 90, 365];
const DAY_MS: i64 = 24 * 3600 * 1000;

/// One row of a table: what, accepted, refused.
struct Row {
    what: String,
    accepted: u64,
    refused: u64,
    /// Widths of its bars in per cent, accepted and refused.
    bar: (f64, f64),
}

impl Row {
    fn of(what: String, (accepted, refused): (u64, u64)) -> Self {
        Self { what, accepted, refused, bar: (0.0, 0.0) }
    }
}

struct Table {
    title: &'static str,
    head: &'static str,
    rows: Vec<Row>,
}

/// Rows of a table that are shown at once.
const ROWS_FIRST: usize = 10;
/// Rows of a table; the others are one row, so that a page of many agencies is no larger than others.
const ROWS_MAX: usize = 40;

impl Table {
    /// The first rows, and the others if there are any.
    fn parts(&self) -> Vec<(usize, &[Row])> {
        let (first, others) = self.rows.split_at(self.rows.len().min(ROWS_FIRST));
        let others = (!others.is_empty()).then_some((1, others));
        std::iter::once((0, first)).chain(others).collect()
    }
}

struct Period {
    to: String,
    says: String,
    is_here: bool,
}

#[derive(Template)]
#[template(path = "dpo/overview.html")]
struct Page {
    s: Surface,
    periods: Vec<Period>,
    accepted: u64,
    refused: u64,
    overdue: usize,
    log_size: String,
    health: Result<(), String>,
    witnesses: Vec<(String, bool)>,
    sound: &'static str,
    checked: &'static str,
    days: Vec<Row>,
    bars: Bars,
    tables: Vec<Table>,
    height: f64,
    width: f64,
}

pub(super) async fn show(desk: Desk, Query(asked): Query) -> Answer {
    let t = &desk.t().dpo;
    let wanted = asked.get("days").and_then(|days| days.parse().ok());
    let period = wanted.filter(|days| PERIODS.contains(days)).unwrap_or(30);
    let now_ms = desk.client.now_ms();
    let since_ms = (now_ms - (period - 1) * DAY_MS).div_euclid(DAY_MS) * DAY_MS;
    let query =
        LogQuery::new(t.overview_reason).types(&[v1::RecordType::MessageDecided]).since(since_ms);
    let failed = |error| desk.failed(error);
    let count = async |by: &[LogGrouping]| desk.client.count_log(&query, by).await.map_err(failed);
    let by_day = count(&[LogGrouping::Day, LogGrouping::Outcome]).await?.groups;
    let by_way = [LogGrouping::AgencyPair, LogGrouping::Purpose, LogGrouping::Outcome];
    let by_way = count(&by_way).await?.groups;
    let overdue = desk.client.deletion_duties(DutyFilter::Overdue).await.map_err(failed)?.len();
    desk.client.check_log().await.map_err(failed)?;
    let size = desk.client.checkpoints().newest().map_or(0, |newest| newest.size);
    let status = desk.client.status().await.map_err(failed)?;
    let days = every_day(since_ms, period, &by_day);
    let drawn: Vec<(String, u64, u64)> =
        days.iter().map(|row| (row.what.clone(), row.accepted, row.refused)).collect();
    let bars = chart::bars(&drawn, |(day, accepted, refused)| {
        format!("{day}: {accepted} {}, {refused} {}", t.accepted, t.refused)
    });
    let here = |days: i64| Period {
        to: desk.surface.at(format!("/?days={days}")),
        says: filled(t.days_n, &[&days.to_string()]),
        is_here: days == period,
    };
    desk.page(&Page {
        s: desk.surface.clone(),
        periods: PERIODS.into_iter().map(here).collect(),
        accepted: days.iter().map(|row| row.accepted).sum(),
        refused: days.iter().map(|row| row.refused).sum(),
        overdue,
        log_size: filled(t.log_size, &[&size.to_string()]),
        health: status.permits.possible.then_some(()).ok_or_else(|| t.health_bad.to_owned()),
        witnesses: witnesses(&desk, &status),
        sound: if desk.is_home() { t.log_sound } else { t.log_told },
        checked: if desk.is_home() { t.checked_home } else { t.checked_here },
        days,
        bars,
        tables: vec![
            Table {
                title: t.by_pair,
                head: t.pair,
                rows: grouped(&by_way, t.others_n, |keys| pair(keys.first())),
            },
            Table {
                title: t.by_purpose,
                head: t.purpose,
                rows: grouped(&by_way, t.others_n, |keys| {
                    keys.get(1).map(|code| desk.names().purpose(code)).unwrap_or_default()
                }),
            },
        ],
        height: chart::HEIGHT,
        width: chart::WIDTH,
    })
}

/// Each witness with its age, and whether it is late.
fn witnesses(desk: &Desk, status: &BrokerStatus) -> Vec<(String, bool)> {
    let t = desk.t();
    let words = status.witnesses.witnesses.iter().map(|one| {
        let name = shown(&one.name);
        let says = match one.age_ms {
            Some(ms) => filled(t.dpo.witness_age, &[&name, &words::age(ms, &t.operator)]),
            None => filled(t.dpo.witness_never, &[&name]),
        };
        (says, one.late)
    });
    words.collect()
}

fn pair(key: Option<&String>) -> String {
    key.map(|key| shown(key).replace('>', " → ")).unwrap_or_default()
}

/// Sums groups whose last key is the outcome by what their other keys say; the largest first, the smallest together.
fn grouped(groups: &[LogCount], others: &str, name: impl Fn(&[String]) -> String) -> Vec<Row> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for group in groups {
        let sum = sums.entry(name(&group.keys)).or_default();
        add(sum, group);
    }
    let mut rows: Vec<Row> = sums.into_iter().map(|(what, sum)| Row::of(what, sum)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.accepted + row.refused));
    if rows.len() > ROWS_MAX {
        let rest = rows.split_off(ROWS_MAX - 1);
        let sum = |of: fn(&Row) -> u64| rest.iter().map(of).sum();
        let sums = (sum(|row| row.accepted), sum(|row| row.refused));
        rows.push(Row::of(filled(others, &[&rest.len().to_string()]), sums));
    }
    let sums: Vec<_> = rows.iter().map(|row| (row.accepted, row.refused)).collect();
    for (row, bar) in rows.iter_mut().zip(chart::shares(&sums)) {
        row.bar = bar;
    }
    rows
}

fn add(sum: &mut (u64, u64), group: &LogCount) {
    match group.keys.last().map(String::as_str) {
        Some("accepted") => sum.0 += group.records,
        Some("refused") => sum.1 += group.records,
        Some(_) | None => {}
    }
}

/// Every day of the period, also those on which nothing happened.
fn every_day(since_ms: i64, period: i64, groups: &[LogCount]) -> Vec<Row> {
    let mut sums: HashMap<&str, (u64, u64)> = HashMap::new();
    for group in groups {
        if let Some(day) = group.keys.first() {
            add(sums.entry(day.as_str()).or_default(), group);
        }
    }
    let days = (0..period).filter_map(|number| date(since_ms + number * DAY_MS));
    let row = |day: Date| {
        let sum = sums.get(day.to_string().as_str()).copied().unwrap_or_default();
        Row::of(day.strftime("%d.%m.%Y").to_string(), sum)
    };
    days.map(row).collect()
}

fn date(ms: i64) -> Option<Date> {
    Some(Timestamp::from_millisecond(ms).ok()?.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(keys: &[&str], records: u64) -> LogCount {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        LogCount { keys, records, first_ms: 0, last_ms: 0 }
    }

    #[test]
    fn days_without_messages_are_shown_too() {
        let groups = [group(&["1970-01-02", "accepted"], 3), group(&["1970-01-02", "refused"], 1)];
        let days = every_day(0, 3, &groups);
        let numbers: Vec<_> = days.iter().map(|row| (row.accepted, row.refused)).collect();
        assert_eq!(numbers, [(0, 0), (3, 1), (0, 0)]);
        assert_eq!(days[1].what, "02.01.1970");
    }

    #[test]
    fn groups_are_summed_by_what_they_share() {
        let groups = [
            group(&["a>b", "x", "accepted"], 2),
            group(&["a>b", "y", "refused"], 5),
            group(&["b>a", "x", "accepted"], 1),
        ];
        let rows = grouped(&groups, "", |keys| pair(keys.first()));
        let rows: Vec<_> =
            rows.iter().map(|row| (row.what.as_str(), row.accepted, row.refused)).collect();
        assert_eq!(rows, [("a → b", 2, 5), ("b → a", 1, 0)]);
        let drawn = grouped(&groups, "", |keys| pair(keys.first()));
        assert_eq!(
            drawn.iter().map(|row| row.bar).collect::<Vec<_>>(),
            [(28.6, 71.4), (14.3, 0.0)]
        );
    }

    #[test]
    fn the_smallest_of_many_are_one_row_and_none_is_lost() {
        let pairs: Vec<String> = (0..100).map(|number| format!("a>{number}")).collect();
        let groups = pairs.iter().zip(1..).flat_map(|(pair, number)| {
            [group(&[pair, "x", "accepted"], number), group(&[pair, "x", "refused"], 1)]
        });
        let groups: Vec<_> = groups.collect();
        let rows = grouped(&groups, "{} others", |keys| pair(keys.first()));
        assert_eq!((rows.len(), rows[ROWS_MAX - 1].what.as_str()), (ROWS_MAX, "61 others"));
        let all = rows.iter().map(|row| (row.accepted, row.refused));
        assert_eq!(all.fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1)), (5050, 100));
        let whole = grouped(&groups[..2 * ROWS_MAX], "", |keys| pair(keys.first()));
        assert_eq!(whole.len(), ROWS_MAX);
        assert!(whole.iter().all(|row| row.what.starts_with("a → ")));
    }
}
