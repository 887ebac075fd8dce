//! What somebody can compute who has a released table.

use std::collections::BTreeSet;

use schleuse_broker::domain::evaluation::collect::{PairSets, Person};
use schleuse_broker::domain::evaluation::suppress::ReleasedPairs;

/// A prime: sums modulo it have the same solutions as exact ones, up to chance of 1 in 10^18.
const PRIME: u128 = (1 << 61) - 1;
/// Larger than any number in these tests.
const PLENTY: i128 = 1 << 60;

/// A sum: unknowns, or known numbers, that add up to a total.
struct Sum {
    total: Part,
    parts: Vec<Part>,
}

#[derive(Clone, Copy)]
enum Part {
    Known(i128),
    Unknown(usize),
}

/// Everything that follows from a release, in one component.
pub(super) struct Attacker {
    sums: Vec<Sum>,
    unknowns: usize,
}

/// How many numbers a release shows.
pub(super) fn numbers(released: &ReleasedPairs) -> usize {
    let pairs = released.pairs.iter().flatten().flatten().count();
    pairs + released.agencies.iter().flatten().count() + released.all.iter().count()
}

impl Attacker {
    pub(super) fn on(released: &ReleasedPairs, component: usize) -> Self {
        let mut unknowns = 0;
        let mut part = |cell: &Option<Vec<u64>>| match cell {
            Some(values) => Part::Known(i128::from(values[component])),
            None => {
                unknowns += 1;
                Part::Unknown(unknowns - 1)
            }
        };
        let all = part(&released.all);
        let mut totals = Vec::new();
        let mut sums = Vec::new();
        for (agency, total) in released.agencies.iter().enumerate() {
            let total = part(total);
            totals.push(total);
            let row = released.pairs[agency].iter().enumerate().filter(|(p, _)| *p != agency);
            sums.push(Sum { total, parts: row.map(|(_, cell)| part(cell)).collect() });
        }
        sums.push(Sum { total: all, parts: totals });
        Self { sums, unknowns }
    }

    /// Unknowns that the sums determine whatever their sign: Gauß and Jordan modulo a prime.
    pub(super) fn determined(&self) -> Vec<usize> {
        let mut rows: Vec<Vec<u128>> = Vec::new();
        for sum in &self.sums {
            let mut row = vec![0; self.unknowns];
            let mut add = |part: Part, factor: u128| {
                if let Part::Unknown(unknown) = part {
                    row[unknown] = (row[unknown] + factor) % PRIME;
                }
            };
            sum.parts.iter().for_each(|part| add(*part, 1));
            add(sum.total, PRIME - 1);
            rows.push(row);
        }
        let mut solved = 0;
        for column in 0..self.unknowns {
            let Some(pivot) = (solved..rows.len()).find(|row| rows[*row][column] != 0) else {
                continue;
            };
            rows.swap(solved, pivot);
            let inverse = power(rows[solved][column], PRIME - 2);
            rows[solved].iter_mut().for_each(|factor| *factor = *factor * inverse % PRIME);
            let pivot = rows[solved].clone();
            for (place, row) in rows.iter_mut().enumerate() {
                let times = row[column];
                if place != solved && times != 0 {
                    for (factor, of_pivot) in row.iter_mut().zip(&pivot) {
                        *factor = (*factor + (PRIME - times) * of_pivot) % PRIME;
                    }
                }
            }
            solved += 1;
        }
        let single = |row: &Vec<u128>| {
            let mut places = row.iter().enumerate().filter(|(_, factor)| **factor != 0);
            let first = places.next();
            first.filter(|_| places.next().is_none()).map(|(place, _)| place)
        };
        rows.iter().filter_map(single).collect()
    }

    /// The least and the most that each unknown can be, since nobody is counted negative: each sum narrows its parts
    /// until nothing changes. The sums nest like the branches of a tree, so that these ranges are exact.
    pub(super) fn ranges(&self) -> Vec<(i128, i128)> {
        let mut ranges = vec![(0, PLENTY); self.unknowns];
        loop {
            let before = ranges.clone();
            for sum in &self.sums {
                narrow(sum, &mut ranges);
            }
            if ranges == before {
                return ranges;
            }
        }
    }
}

fn narrow(sum: &Sum, ranges: &mut [(i128, i128)]) {
    let range = |part: Part, ranges: &[(i128, i128)]| match part {
        Part::Known(value) => (value, value),
        Part::Unknown(unknown) => ranges[unknown],
    };
    let set = |part: Part, low: i128, high: i128, ranges: &mut [(i128, i128)]| {
        if let Part::Unknown(unknown) = part {
            let old = ranges[unknown];
            ranges[unknown] = (old.0.max(low), old.1.min(high));
        }
    };
    let all = |ranges: &[(i128, i128)]| {
        let each = sum.parts.iter().map(|part| range(*part, ranges));
        each.fold((0, 0), |(low, high), (l, h)| (low + l, (high + h).min(PLENTY)))
    };
    let (low, high) = all(ranges);
    set(sum.total, low, high, ranges);
    let total = range(sum.total, ranges);
    for part in &sum.parts {
        let own = range(*part, ranges);
        let others = |ranges: &[(i128, i128)]| {
            let mut others = (0, 0);
            let mut skipped = false;
            for other in &sum.parts {
                let is_own =
                    matches!((other, part), (Part::Unknown(a), Part::Unknown(b)) if a == b);
                if is_own && !skipped {
                    skipped = true;
                    continue;
                }
                let (low, high) = range(*other, ranges);
                others = (others.0 + low, (others.1 + high).min(PLENTY));
            }
            others
        };
        let (least, most) = others(ranges);
        set(*part, (total.0 - most).max(own.0), (total.1 - least).min(own.1), ranges);
    }
}

fn power(base: u128, mut exponent: u128) -> u128 {
    let (mut result, mut square) = (1, base % PRIME);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * square % PRIME;
        }
        square = square * square % PRIME;
        exponent >>= 1;
    }
    result
}

/// A number that can be read off or computed and has too few persons behind it, of whom the attacker need not know
/// how many they are: a shown cell, or the rest of a shown total.
pub(super) fn few_behind(
    released: &ReleasedPairs,
    sets: &PairSets,
    component: usize,
    persons_min: usize,
) -> Option<String> {
    let agencies = released.agencies.len();
    let cell = |agency: usize, partner: usize| -> BTreeSet<Person> {
        sets.get(&(agency, partner)).map(|cell| cell[component].clone()).unwrap_or_default()
    };
    let partners = |agency: usize| (0..agencies).filter(move |partner| *partner != agency);
    let whole = |agency: usize| -> BTreeSet<Person> {
        partners(agency).flat_map(|partner| cell(agency, partner)).collect()
    };
    let few = |what: String, persons: &BTreeSet<Person>| {
        (persons.len() < persons_min).then(|| format!("{what}: {} persons", persons.len()))
    };
    let mut hidden_totals = Vec::new();
    for agency in 0..agencies {
        let is_shown = released.agencies[agency].is_some();
        if is_shown && let Some(found) = few(format!("total of {agency}"), &whole(agency)) {
            return Some(found);
        }
        let mut rest = Vec::new();
        for partner in partners(agency) {
            if released.pairs[agency][partner].is_none() {
                rest.push(partner);
                continue;
            }
            if !is_shown {
                return Some(format!("{agency}/{partner} is shown without its total"));
            }
            if let Some(found) = few(format!("{agency}/{partner}"), &cell(agency, partner)) {
                return Some(found);
            }
        }
        let persons: BTreeSet<Person> = rest.iter().flat_map(|p| cell(agency, *p)).collect();
        if is_shown && !rest.is_empty() {
            if let Some(found) = few(format!("rest of {agency}"), &persons) {
                return Some(found);
            }
        } else if !is_shown {
            hidden_totals.push(agency);
        }
    }
    if released.all.is_some() && !hidden_totals.is_empty() {
        let persons: BTreeSet<Person> = hidden_totals.into_iter().flat_map(whole).collect();
        return few("rest of all".to_owned(), &persons);
    }
    None
}
