//! Which cells of a table by pairs of agencies are released.
//!
//! A table nests: the total of all is the sum of the agencies' totals, an agency's total is the sum of its pairs.
//! Under each total that is released, the cells that are withheld form one group, whose sum can be computed. So:
//!
//! 1. a cell with fewer persons than the minimum, in any component, is withheld; nought is fewer too;
//! 2. if any cell under a total is withheld, the first one in a public order that no number influences is withheld
//!    with it, and then more in that order, until the group has two cells and enough persons in each component;
//! 3. nothing is released under a total that is withheld;
//! 4. the audit looks at the result: if a withheld cell could not be nought or could not be the minimum, more is
//!    withheld.
//!
//! What can be computed is then sums of groups and of released cells, each with enough persons behind it. Step 2
//! follows the order and not the numbers, so that knowing this program tells no more: see ops/adr/0015-evaluation.md.

use std::collections::BTreeSet;

use super::audit::{self, Equation, System};
use super::collect::{PairSets, Person};

/// Persons in a cell, by component.
#[derive(Clone, Debug, Default)]
struct Cell {
    persons: Vec<BTreeSet<Person>>,
    /// By component, what the cell shows: in a total, the sum over its pairs.
    values: Vec<u64>,
}

impl Cell {
    fn empty(components: usize) -> Self {
        Self { persons: vec![BTreeSet::new(); components], values: vec![0; components] }
    }

    fn of_pair(sets: Option<&Vec<BTreeSet<Person>>>, components: usize) -> Self {
        let mut cell = Self::empty(components);
        for (persons, set) in cell.persons.iter_mut().zip(sets.into_iter().flatten()) {
            persons.clone_from(set);
        }
        cell.values = cell.persons.iter().map(count).collect();
        cell
    }

    fn add(&mut self, other: &Self) {
        for (persons, more) in self.persons.iter_mut().zip(&other.persons) {
            persons.extend(more);
        }
        for (value, more) in self.values.iter_mut().zip(&other.values) {
            *value = value.saturating_add(*more);
        }
    }

    /// Whether there are enough persons in each component.
    fn has(&self, persons_min: u32) -> bool {
        let persons_min = u64::from(persons_min);
        !self.persons.is_empty() && self.persons.iter().all(|set| count(set) >= persons_min)
    }
}

fn count(set: &BTreeSet<Person>) -> u64 {
    u64::try_from(set.len()).unwrap_or(u64::MAX)
}

/// What of a table is released: by component the number, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedPairs {
    /// Total of all.
    pub all: Option<Vec<u64>>,
    /// Totals of agencies.
    pub agencies: Vec<Option<Vec<u64>>>,
    /// By agency, then by partner; an agency is no partner of itself.
    pub pairs: Vec<Vec<Option<Vec<u64>>>>,
}

/// How a table is protected; only tests leave a part out, to see the others at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Fewest persons.
    pub persons_min: u32,
    /// Where the public order begins; it moves from quarter to quarter.
    pub turn: usize,
    /// Step 2.
    pub complementary: bool,
    /// Step 4.
    pub audited: bool,
}

impl Protection {
    /// All of it.
    #[must_use]
    pub fn full(persons_min: u32, turn: usize) -> Self {
        Self { persons_min, turn, complementary: true, audited: true }
    }
}

/// Releases what may be released of a table.
#[must_use]
pub fn release_pairs(
    sets: &PairSets,
    agencies: usize,
    components: usize,
    protection: Protection,
) -> ReleasedPairs {
    let table = Table::new(sets, agencies, components);
    // Agencies whose totals the audit wants withheld.
    let mut forced: BTreeSet<usize> = BTreeSet::new();
    loop {
        let shown = table.choose(&forced, protection);
        if !protection.audited {
            return table.released(&shown);
        }
        match table.audit(&shown, protection.persons_min) {
            Verdict::Protected => return table.released(&shown),
            Verdict::Agency(agency) if forced.insert(agency) => {}
            // Without a verdict nothing is released; nor if withholding did not help.
            Verdict::Agency(_) | Verdict::All | Verdict::None => {
                return table.released(&Shown::nothing(agencies));
            }
        }
    }
}

/// Which cells are shown.
struct Shown {
    all: bool,
    agencies: Vec<bool>,
    pairs: Vec<Vec<bool>>,
}

impl Shown {
    fn nothing(agencies: usize) -> Self {
        let none = vec![false; agencies];
        Self { all: false, pairs: vec![none.clone(); agencies], agencies: none }
    }
}

/// What the audit says.
enum Verdict {
    Protected,
    /// A pair under this agency's total is not protected: the total is to be withheld.
    Agency(usize),
    /// A total of an agency is not protected: everything is to be withheld.
    All,
    /// It cannot say.
    None,
}

struct Table {
    components: usize,
    all: Cell,
    agencies: Vec<Cell>,
    /// By agency, then by partner; the place of an agency with itself stays empty.
    pairs: Vec<Vec<Cell>>,
}

impl Table {
    fn new(sets: &PairSets, agencies: usize, components: usize) -> Self {
        let row = |agency| {
            let cell = |partner| Cell::of_pair(sets.get(&(agency, partner)), components);
            (0..agencies).map(cell).collect::<Vec<_>>()
        };
        let pairs: Vec<Vec<Cell>> = (0..agencies).map(row).collect();
        let sum = |cells: &[Cell]| {
            let mut total = Cell::empty(components);
            cells.iter().for_each(|cell| total.add(cell));
            total
        };
        let totals: Vec<Cell> = pairs.iter().map(|row| sum(row)).collect();
        Self { components, all: sum(&totals), agencies: totals, pairs }
    }

    /// Steps 1 to 3.
    fn choose(&self, forced: &BTreeSet<usize>, protection: Protection) -> Shown {
        let count = self.agencies.len();
        if !self.all.has(protection.persons_min) {
            return Shown::nothing(count);
        }
        let agencies: Vec<(usize, &Cell)> = self.agencies.iter().enumerate().collect();
        let shown = keep(&agencies, count, forced, protection);
        let row = |(agency, row): (usize, &Vec<Cell>)| {
            if shown.get(agency) != Some(&true) {
                return vec![false; count];
            }
            let partners: Vec<(usize, &Cell)> =
                row.iter().enumerate().filter(|(partner, _)| *partner != agency).collect();
            keep(&partners, count, &BTreeSet::new(), protection)
        };
        let pairs = self.pairs.iter().enumerate().map(row).collect();
        Shown { all: true, agencies: shown, pairs }
    }

    fn released(&self, shown: &Shown) -> ReleasedPairs {
        let number = |shown: bool, cell: &Cell| shown.then(|| cell.values.clone());
        let row = |(shown, cells): (&Vec<bool>, &Vec<Cell>)| {
            shown.iter().zip(cells).map(|(shown, cell)| number(*shown, cell)).collect()
        };
        ReleasedPairs {
            all: number(shown.all, &self.all),
            agencies: shown
                .agencies
                .iter()
                .zip(&self.agencies)
                .map(|(shown, cell)| number(*shown, cell))
                .collect(),
            pairs: shown.pairs.iter().zip(&self.pairs).map(row).collect(),
        }
    }

    /// Step 4: from what is shown alone, and the sums that everybody knows to hold.
    fn audit(&self, shown: &Shown, persons_min: u32) -> Verdict {
        let released = self.released(shown);
        for component in 0..self.components {
            let Attack { system, unknowns } = Attack::on(&released, component);
            let Some(ranges) = audit::ranges(&system) else { return Verdict::None };
            for (unknown, range) in unknowns.iter().zip(&ranges) {
                if !range.hides(persons_min) {
                    return match unknown {
                        Unknown::All | Unknown::Agency => Verdict::All,
                        Unknown::Pair(agency) => Verdict::Agency(*agency),
                    };
                }
            }
        }
        Verdict::Protected
    }
}

/// Which of the children of one total are shown: by their places among all agencies.
fn keep(
    children: &[(usize, &Cell)],
    places: usize,
    forced: &BTreeSet<usize>,
    protection: Protection,
) -> Vec<bool> {
    let persons_min = protection.persons_min;
    let mut shown = vec![false; places];
    for (place, cell) in children {
        if let Some(shown) = shown.get_mut(*place) {
            *shown = cell.has(persons_min) && !forced.contains(place);
        }
    }
    let is_whole = children.iter().all(|(place, _)| shown.get(*place) == Some(&true));
    if is_whole || !protection.complementary {
        return shown;
    }
    let start = protection.turn.checked_rem(children.len()).unwrap_or_default();
    let order = children.iter().cycle().skip(start).take(children.len());
    for ((place, _), position) in order.zip(0..) {
        if position > 0 && is_group(children, &shown, persons_min) {
            break;
        }
        if let Some(shown) = shown.get_mut(*place) {
            *shown = false;
        }
    }
    shown
}

/// Whether what is withheld has two cells and enough persons behind its sum.
fn is_group(children: &[(usize, &Cell)], shown: &[bool], persons_min: u32) -> bool {
    let withheld = || children.iter().filter(|(place, _)| shown.get(*place) != Some(&true));
    let mut sum = Cell::default();
    if let Some((_, first)) = withheld().next() {
        sum = Cell::empty(first.persons.len());
    }
    withheld().for_each(|(_, cell)| sum.add(cell));
    withheld().count() >= 2 && sum.has(persons_min)
}

/// A cell that is not shown.
enum Unknown {
    All,
    Agency,
    /// A pair of this agency.
    Pair(usize),
}

/// What somebody can write down who has the released table.
struct Attack {
    system: System,
    unknowns: Vec<Unknown>,
}

impl Attack {
    fn on(released: &ReleasedPairs, component: usize) -> Self {
        let mut attack = Self { system: System::default(), unknowns: Vec::new() };
        let value = |cell: &Option<Vec<u64>>| {
            cell.as_ref().and_then(|values| values.get(component)).copied()
        };
        let all = attack.term(value(&released.all), Unknown::All);
        let mut top = Sum::equals(all);
        for (agency, (total, row)) in released.agencies.iter().zip(&released.pairs).enumerate() {
            let total = attack.term(value(total), Unknown::Agency);
            top.add(total);
            let mut sum = Sum::equals(total);
            for (partner, cell) in row.iter().enumerate() {
                if partner != agency {
                    sum.add(attack.term(value(cell), Unknown::Pair(agency)));
                }
            }
            attack.system.equations.extend(sum.equation());
        }
        attack.system.equations.extend(top.equation());
        attack.system.unknowns = attack.unknowns.len();
        attack
    }

    fn term(&mut self, value: Option<u64>, unknown: Unknown) -> Term {
        if let Some(value) = value {
            return Term::Known(i128::from(value));
        }
        self.unknowns.push(unknown);
        Term::Unknown(self.unknowns.len() - 1)
    }
}

#[derive(Clone, Copy)]
enum Term {
    Known(i128),
    Unknown(usize),
}

/// Parts minus their total: nought.
struct Sum(Equation);

impl Sum {
    fn equals(total: Term) -> Self {
        Self(match total {
            Term::Known(value) => Equation { terms: Vec::new(), value },
            Term::Unknown(unknown) => Equation { terms: vec![(unknown, -1)], value: 0 },
        })
    }

    fn add(&mut self, part: Term) {
        match part {
            Term::Known(value) => self.0.value = self.0.value.saturating_sub(value),
            Term::Unknown(unknown) => self.0.terms.push((unknown, 1)),
        }
    }

    /// The equation, unless everything in it is known.
    fn equation(self) -> Option<Equation> {
        (!self.0.terms.is_empty()).then_some(self.0)
    }
}

#[cfg(test)]
mod tests;
