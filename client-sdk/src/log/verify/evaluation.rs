//! Tables of the evaluation: released once for each quarter, after its end, and without a number that few persons
//! stand behind. Looks at the tables alone, as somebody does who wants to single out a person.

use std::collections::{BTreeMap, HashMap};

use schleuse_proto::evidence::{decode_canonical, sha256};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::shown::Shown;
use crate::evaluation::quarter_end_ms;
use crate::log::LogRow;

/// Fewest persons behind a number, whatever the tables say.
const PERSONS_MIN: u32 = 5;

type Faulty = Result<(), String>;

pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let mut released: HashMap<&str, u64> = HashMap::new();
    let mut releases: BTreeMap<u64, &v1::EvaluationReleased> = BTreeMap::new();
    let mut exports = 0_u64;
    let events = || shown.rows.iter().filter_map(|row| Some((row, row.event()?)));
    for (row, event) in events() {
        let Event::EvaluationReleased(event) = event else { continue };
        let wrong = |why: String| format!("record {}: {why}", row.record_number);
        check_release(row, event).map_err(wrong)?;
        if let Some(first) = released.insert(&event.quarter, row.record_number) {
            return Err(wrong(format!("record {first} released {} before", event.quarter)));
        }
        releases.insert(row.record_number, event);
    }
    for (row, event) in events() {
        let Event::EvaluationExported(event) = event else { continue };
        let wrong = |why: &str| format!("record {}: {why}", row.record_number);
        by_evaluation(row).map_err(|why| wrong(&why))?;
        let is_shown = shown.rows.iter().any(|other| other.record_number == event.release_number);
        let release = releases.get(&event.release_number);
        let fits = release.map(|release| {
            release.quarter == event.quarter && sha256(&[&release.tables])[..] == event.tables_hash
        });
        let fits = fits.unwrap_or(!is_shown && !shown.is_complete);
        if !fits || event.release_number >= row.record_number || event.tables_hash.len() != 32 {
            return Err(wrong("it exports other tables than were released"));
        }
        exports += 1;
    }
    let count = releases.len();
    Ok(format!("{count} quarters released to the evaluation, {exports} times exported again"))
}

fn by_evaluation(row: &LogRow) -> Faulty {
    let is_evaluation = row.caused_by().is_some_and(|actor| actor.role == "evaluation");
    require(is_evaluation, "the evaluation did not cause it")
}

fn require(holds: bool, why: &str) -> Faulty {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

fn check_release(row: &LogRow, event: &v1::EvaluationReleased) -> Faulty {
    by_evaluation(row)?;
    let end = quarter_end_ms(&event.quarter).ok_or("its quarter is malformed")?;
    require(row.time_ms() >= end, "its quarter was not over")?;
    let tables: v1::EvaluationTables =
        decode_canonical(&event.tables).map_err(|error| format!("its tables: {error}"))?;
    require(tables.quarter == event.quarter, "its tables are of another quarter")?;
    require(tables.persons_min >= PERSONS_MIN, "too few persons are enough for it")?;
    let ascending = tables.agencies.iter().zip(tables.agencies.iter().skip(1));
    require(ascending.into_iter().all(|(a, b)| a < b), "its agencies are not sorted")?;
    let measures = tables.pair_tables.iter().map(|table| table.measure);
    require(measures.eq(1..=4), "it has other tables")?;
    for table in &tables.pair_tables {
        check_table(table, &tables)?;
    }
    check_figures(&tables)
}

/// Parts of the persons in a cell; each needs enough of its own.
fn parts(cell: &v1::PairCell, measure: v1::EvaluationMeasure) -> Option<Vec<u64>> {
    let has_reached = matches!(
        measure,
        v1::EvaluationMeasure::Agreements | v1::EvaluationMeasure::Responsibility
    );
    if has_reached {
        return Some(vec![cell.reached, cell.persons.checked_sub(cell.reached)?]);
    }
    (cell.reached == 0).then(|| vec![cell.persons])
}

fn check_table(table: &v1::PairTable, tables: &v1::EvaluationTables) -> Faulty {
    let minimum = u64::from(tables.persons_min);
    let measure = table.measure();
    let mut cells = table.cells.iter();
    let mut next = |agency: &str, partner: &str| {
        let cell = cells.next().filter(|cell| cell.agency == agency && cell.partner == partner);
        let cell = cell.ok_or("a cell is missing, or is not in its place")?;
        let days = cell.median_days;
        if cell.suppressed {
            let is_empty = cell.persons == 0 && cell.reached == 0 && days == 0;
            return require(is_empty, "a suppressed cell has numbers").map(|()| None);
        }
        let has_days = measure == v1::EvaluationMeasure::Answers;
        require(if has_days { (1..=6).contains(&days) } else { days == 0 }, "wrong class of days")?;
        let parts = parts(cell, measure).ok_or("its parts are no parts")?;
        require(parts.iter().all(|part| *part >= minimum), "a cell has too few persons")?;
        Ok::<_, String>(Some(parts))
    };
    let mut totals = Vec::new();
    for agency in &tables.agencies {
        let total = next(agency, "")?;
        let partners = tables.agencies.iter().filter(|partner| *partner != agency);
        let pairs = partners.map(|partner| next(agency, partner)).collect::<Result<Vec<_>, _>>()?;
        check_group(total.as_ref(), &pairs, minimum)?;
        totals.push(total);
    }
    let all = next("", "")?;
    check_group(all.as_ref(), &totals, minimum)?;
    // Under a total that is not shown, no total is; so all pairs of all agencies were looked at.
    require(cells.next().is_none(), "there are more cells")
}

/// What is suppressed under a total: nothing, or two cells and more with enough persons behind their sum. Under a
/// total that is suppressed: everything.
fn check_group(total: Option<&Vec<u64>>, below: &[Option<Vec<u64>>], minimum: u64) -> Faulty {
    let Some(total) = total else {
        let nothing = below.iter().all(Option::is_none);
        return require(nothing, "a number is shown under a total that is suppressed");
    };
    let suppressed = below.iter().filter(|cell| cell.is_none()).count();
    require(suppressed != 1, "a single suppressed cell can be computed from its total")?;
    for (component, total) in total.iter().enumerate() {
        let numbers = below.iter().flatten().filter_map(|cell| cell.get(component));
        let sum = numbers.fold(0_u64, |sum, number| sum.saturating_add(*number));
        let rest = total.checked_sub(sum).ok_or("cells are more than their total")?;
        let is_safe = if suppressed == 0 { rest == 0 } else { rest >= minimum };
        require(is_safe, "too few persons are behind what is suppressed under a total")?;
    }
    Ok(())
}

fn check_figures(tables: &v1::EvaluationTables) -> Faulty {
    let minimum = u64::from(tables.persons_min);
    let kinds = tables.figures.iter().map(|figure| figure.kind);
    require(kinds.eq(1..=8), "it has other figures")?;
    let participants = tables.figures.first().filter(|figure| !figure.suppressed);
    let participants = participants.map(|figure| figure.number);
    for figure in &tables.figures {
        let (number, of) = (figure.number, figure.of_participants);
        if figure.suppressed {
            require((number, of) == (0, 0), "a suppressed figure has numbers")?;
            continue;
        }
        require(number >= minimum, "a figure has too few persons")?;
        let is_share = !matches!(
            figure.kind(),
            v1::EvaluationFigureKind::Participants | v1::EvaluationFigureKind::Conferences
        );
        if is_share {
            let rest = of.checked_sub(number).is_some_and(|rest| rest >= minimum);
            require(rest && participants == Some(of), "a share leaves too few persons")?;
        } else {
            require(of == 0, "a figure is no share")?;
        }
    }
    Ok(())
}
