//! The fixed set of tables and figures of a quarter, after suppression.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::{Counts, Pair, PairSets, Person};
use super::suppress::{Protection, ReleasedPairs, release_pairs};

/// What is counted by pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Fallkonferenzen.
    Conferences,
    /// Agreements, kept in time or not.
    Agreements,
    /// Zuständigkeitsklärungen, settled in time or not.
    Responsibility,
    /// Answers, with their days.
    Answers,
}

/// Figures of the whole project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Participants about whom something happened.
    Participants,
    /// Fallkonferenzen held.
    Conferences,
    /// Who gave a consent.
    ConsentsGiven,
    /// Who narrowed one.
    ConsentsNarrowed,
    /// Who revoked one.
    ConsentsRevoked,
    /// Whose course was documented.
    CoursesDocumented,
    /// Who was enabled.
    Enabled,
    /// Whose employability rose.
    EmployabilityRose,
}

/// Class of a number of days; a median as such could be one person's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DaysClass {
    /// Up to 7 days.
    UpTo7,
    /// 8 to 14.
    UpTo14,
    /// 15 to 28.
    UpTo28,
    /// 29 to 56.
    UpTo56,
    /// 57 to 91.
    UpTo91,
    /// More.
    More,
}

impl DaysClass {
    /// The class of a number.
    #[must_use]
    pub fn of(days: u32) -> Self {
        match days {
            0..=7 => Self::UpTo7,
            8..=14 => Self::UpTo14,
            15..=28 => Self::UpTo28,
            29..=56 => Self::UpTo56,
            57..=91 => Self::UpTo91,
            _ => Self::More,
        }
    }
}

/// What a released cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Persons; in a total, the sum over its pairs.
    pub persons: u64,
    /// Of these, reached; nought in measures without it.
    pub reached: u64,
    /// Median of the persons' own medians.
    pub median: Option<DaysClass>,
}

/// A cell of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedCell {
    /// Place of the agency; none: all.
    pub agency: Option<usize>,
    /// Place of the partner; none: all.
    pub partner: Option<usize>,
    /// Numbers; none: suppressed.
    pub numbers: Option<Numbers>,
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedFigure {
    /// Which.
    pub kind: FigureKind,
    /// The number, and of how many participants (nought: of none); none: suppressed.
    pub number: Option<(u64, u64)>,
}

/// All that is released of a quarter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedTables {
    /// One for each measure.
    pub tables: Vec<(Measure, Vec<ReleasedCell>)>,
    /// One for each kind.
    pub figures: Vec<ReleasedFigure>,
}

/// Releases what may be released. `turn` moves the public order of suppression.
#[must_use]
pub fn release(counts: &Counts, persons_min: u32, turn: usize) -> ReleasedTables {
    let protection = Protection::full(persons_min, turn);
    let answered: PairSets = counts
        .answers
        .iter()
        .map(|(pair, persons)| (*pair, vec![persons.keys().copied().collect()]))
        .collect();
    let table = |measure, sets: &PairSets, components| {
        let released = release_pairs(sets, counts.agencies, components, protection);
        (measure, cells(&released))
    };
    let mut tables = vec![
        table(Measure::Conferences, &counts.conferences, 1),
        table(Measure::Agreements, &counts.agreements, 2),
        table(Measure::Responsibility, &counts.responsibility, 2),
        table(Measure::Answers, &answered, 1),
    ];
    for (measure, cells) in &mut tables {
        if *measure == Measure::Answers {
            add_medians(cells, &counts.answers);
        }
    }
    ReleasedTables { tables, figures: figures(counts, persons_min) }
}

/// Each agency's total and its pairs, then the total of all.
fn cells(released: &ReleasedPairs) -> Vec<ReleasedCell> {
    let cell = |agency, partner, numbers: &Option<Vec<u64>>| {
        let numbers = numbers.as_ref().map(|components| Numbers {
            persons: components.iter().fold(0, |sum, value| value.saturating_add(sum)),
            reached: match components.as_slice() {
                [reached, _] => *reached,
                _ => 0,
            },
            median: None,
        });
        ReleasedCell { agency, partner, numbers }
    };
    let mut cells = Vec::new();
    for (agency, (total, row)) in released.agencies.iter().zip(&released.pairs).enumerate() {
        cells.push(cell(Some(agency), None, total));
        let pairs = row.iter().enumerate().filter(|(partner, _)| *partner != agency);
        cells.extend(pairs.map(|(partner, pair)| cell(Some(agency), Some(partner), pair)));
    }
    cells.push(cell(None, None, &released.all));
    cells
}

/// Puts medians to the cells that are released; one that is not has none.
fn add_medians(cells: &mut [ReleasedCell], answers: &BTreeMap<Pair, BTreeMap<Person, Vec<u32>>>) {
    for cell in cells {
        let (agency, partner) = (cell.agency, cell.partner);
        let Some(numbers) = &mut cell.numbers else { continue };
        let is_of = |pair: &Pair| {
            agency.is_none_or(|agency| agency == pair.0)
                && partner.is_none_or(|partner| partner == pair.1)
        };
        let mut days: BTreeMap<Person, Vec<u32>> = BTreeMap::new();
        for (_, persons) in answers.iter().filter(|(pair, _)| is_of(pair)) {
            for (person, of_person) in persons {
                days.entry(*person).or_default().extend(of_person);
            }
        }
        // First each person's own median, so that one with many answers does not outweigh others.
        let own: Vec<u32> = days.into_values().filter_map(median).collect();
        numbers.median = median(own).map(DaysClass::of);
    }
}

/// The lower median.
fn median(mut numbers: Vec<u32>) -> Option<u32> {
    numbers.sort_unstable();
    numbers.get(numbers.len().checked_sub(1)? / 2).copied()
}

fn figures(counts: &Counts, persons_min: u32) -> Vec<ReleasedFigure> {
    let minimum = u64::from(persons_min);
    let size = |set: &BTreeSet<Person>| u64::try_from(set.len()).unwrap_or_default();
    let all = size(&counts.active);
    let participants = (all >= minimum).then_some((all, 0));
    // A share is released only if there are enough on both sides of it.
    let share = |kind, set: &BTreeSet<Person>| {
        let number = size(set);
        let is_safe = number >= minimum && all.checked_sub(number) >= Some(minimum);
        ReleasedFigure { kind, number: is_safe.then_some((number, all)) }
    };
    let held: u64 = counts
        .conference_threads
        .values()
        .map(|threads| u64::try_from(threads.len()).unwrap_or_default())
        .sum();
    let persons_with = u64::try_from(counts.conference_threads.len()).unwrap_or_default();
    let conferences = (persons_with >= minimum).then_some((held, 0));
    vec![
        ReleasedFigure { kind: FigureKind::Participants, number: participants },
        ReleasedFigure { kind: FigureKind::Conferences, number: conferences },
        share(FigureKind::ConsentsGiven, &counts.given),
        share(FigureKind::ConsentsNarrowed, &counts.narrowed),
        share(FigureKind::ConsentsRevoked, &counts.revoked),
        share(FigureKind::CoursesDocumented, &counts.documented),
        share(FigureKind::Enabled, &counts.enabled),
        share(FigureKind::EmployabilityRose, &counts.rose),
    ]
}

#[cfg(test)]
mod tests;
