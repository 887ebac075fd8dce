//! The audit: what somebody who knows everything that is released can conclude about what is not.
//!
//! Everything released is a system of linear equations over whole numbers that are not negative. The smallest and
//! the largest value that each unknown can take is found by the simplex method over exact fractions (Bland's rule,
//! so that it ends). Totals over pairs and agencies nest, so the system is totally unimodular: its corners are whole
//! numbers, and the range over fractions is the range over whole numbers. Where a number does not fit, or it takes
//! too long, there is no verdict, and without a verdict nothing is released.

use std::cmp::Ordering;

use super::ratio::Ratio;

/// Most steps of one search for a corner.
const PIVOTS_MAX: usize = 100_000;

/// Unknowns, and equations between them.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// Number of unknowns.
    pub unknowns: usize,
    /// The equations.
    pub equations: Vec<Equation>,
}

/// A sum of unknowns, each with a factor, and its value.
#[derive(Clone, Debug, Default)]
pub struct Equation {
    /// Unknowns and their factors, each unknown once.
    pub terms: Vec<(usize, i128)>,
    /// What they add up to.
    pub value: i128,
}

/// What an unknown can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub low: Ratio,
    /// At most; none: without bound.
    pub high: Option<Ratio>,
}

impl Range {
    /// Whether both nought and the minimum are possible: then nobody can tell whether there is anybody, nor
    /// that there are few.
    #[must_use]
    pub fn hides(&self, persons_min: u32) -> bool {
        let wanted = Ratio::whole(i128::from(persons_min));
        let reaches = self.high.is_none_or(|high| {
            matches!(high.compare(wanted), Some(Ordering::Equal | Ordering::Greater))
        });
        self.low.is_zero() && reaches
    }
}

/// The range of each unknown; none: no verdict.
#[must_use]
pub fn ranges(system: &System) -> Option<Vec<Range>> {
    let free = Range { low: Ratio::ZERO, high: None };
    let mut found = vec![free; system.unknowns];
    for part in parts(system) {
        let mut tableau = Tableau::feasible(&part)?;
        for (place, unknown) in part.unknowns.iter().enumerate() {
            let high = tableau.largest(place, Ratio::ONE)?;
            let low = tableau.largest(place, Ratio::ONE.negated()?)?;
            let low = low.map_or(Some(Ratio::ZERO), Ratio::negated)?;
            *found.get_mut(*unknown)? = Range { low, high };
        }
    }
    Some(found)
}

/// Equations that share unknowns, and those unknowns.
#[derive(Default)]
struct Part<'a> {
    unknowns: Vec<usize>,
    equations: Vec<&'a Equation>,
}

/// Takes a system apart into what has nothing to do with each other: each is small.
fn parts(system: &System) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for equation in &system.equations {
        let mut joined = Part { unknowns: Vec::new(), equations: vec![equation] };
        joined.unknowns.extend(equation.terms.iter().map(|(unknown, _)| *unknown));
        let touches = |part: &Part<'_>| {
            equation.terms.iter().any(|(unknown, _)| part.unknowns.contains(unknown))
        };
        let (touching, apart) = parts.into_iter().partition(touches);
        parts = apart;
        let touching: Vec<Part<'_>> = touching;
        for part in touching {
            joined.unknowns.extend(part.unknowns);
            joined.equations.extend(part.equations);
        }
        joined.unknowns.sort_unstable();
        joined.unknowns.dedup();
        parts.push(joined);
    }
    parts
}

/// Equations solved for a corner: each row has a basic unknown, whose value is the last number of the row.
struct Tableau {
    rows: Vec<Row>,
    columns: usize,
}

struct Row {
    basic: usize,
    factors: Vec<Ratio>,
    value: Ratio,
}

impl Tableau {
    /// Some corner; none if there is none, which cannot be for what is true.
    fn feasible(part: &Part<'_>) -> Option<Self> {
        let columns = part.unknowns.len();
        let helpers = part.equations.len();
        let mut rows = Vec::with_capacity(helpers);
        for (equation, helper) in part.equations.iter().zip(columns..) {
            let sign = if equation.value < 0 { -1 } else { 1 };
            let mut factors = vec![Ratio::ZERO; columns + helpers];
            for (unknown, factor) in &equation.terms {
                let place = part.unknowns.binary_search(unknown).ok()?;
                *factors.get_mut(place)? = Ratio::whole(factor.checked_mul(sign)?);
            }
            *factors.get_mut(helper)? = Ratio::ONE;
            let value = Ratio::whole(equation.value.checked_mul(sign)?);
            rows.push(Row { basic: helper, factors, value });
        }
        let mut tableau = Self { rows, columns: columns + helpers };
        // First the helpers are made as small as they can be: nought.
        let mut costs = vec![Ratio::ZERO; columns];
        costs.resize(columns + helpers, Ratio::ONE.negated()?);
        let rest = tableau.maximise(costs)??;
        if !rest.is_zero() {
            return None;
        }
        tableau.drop_helpers(columns)?;
        Some(tableau)
    }

    /// Takes the helpers out: a row whose helper cannot be exchanged says nothing.
    fn drop_helpers(&mut self, columns: usize) -> Option<()> {
        for place in 0..self.rows.len() {
            let row = self.rows.get(place)?;
            if row.basic >= columns
                && let Some(column) =
                    row.factors.iter().take(columns).position(|factor| !factor.is_zero())
            {
                self.exchange(place, column)?;
            }
        }
        self.rows.retain(|row| row.basic < columns);
        for row in &mut self.rows {
            row.factors.truncate(columns);
        }
        self.columns = columns;
        Some(())
    }

    /// The largest value of an unknown times a sign; an inner none: without bound.
    fn largest(&mut self, unknown: usize, sign: Ratio) -> Option<Option<Ratio>> {
        let mut costs = vec![Ratio::ZERO; self.columns];
        *costs.get_mut(unknown)? = sign;
        self.maximise(costs)
    }

    /// Goes from corner to corner to the largest weighted sum.
    fn maximise(&mut self, mut costs: Vec<Ratio>) -> Option<Option<Ratio>> {
        let mut reached = Ratio::ZERO;
        for row in &self.rows {
            reached = clear(&mut costs, reached, row)?;
        }
        for _ in 0..PIVOTS_MAX {
            // Bland's rule: the first column that helps, the smallest basic unknown of those that bind.
            let Some(column) = costs.iter().position(Ratio::is_positive) else {
                return Some(Some(reached));
            };
            let Some(place) = self.binding(column)? else { return Some(None) };
            self.exchange(place, column)?;
            reached = clear(&mut costs, reached, self.rows.get(place)?)?;
        }
        None
    }

    /// The row that first stops an unknown from growing; an inner none: nothing stops it.
    fn binding(&self, column: usize) -> Option<Option<usize>> {
        let mut best: Option<(Ratio, usize, usize)> = None;
        for (place, row) in self.rows.iter().enumerate() {
            let factor = *row.factors.get(column)?;
            if !factor.is_positive() {
                continue;
            }
            let limit = row.value.over(factor)?;
            let is_better = match &best {
                None => true,
                Some((least, basic, _)) => match limit.compare(*least)? {
                    Ordering::Less => true,
                    Ordering::Equal => row.basic < *basic,
                    Ordering::Greater => false,
                },
            };
            if is_better {
                best = Some((limit, row.basic, place));
            }
        }
        Some(best.map(|(_, _, place)| place))
    }

    /// Makes an unknown the basic one of a row.
    fn exchange(&mut self, place: usize, column: usize) -> Option<()> {
        let row = self.rows.get_mut(place)?;
        let divisor = *row.factors.get(column)?;
        for factor in &mut row.factors {
            *factor = factor.over(divisor)?;
        }
        row.value = row.value.over(divisor)?;
        row.basic = column;
        let pivot = Row { basic: column, factors: row.factors.clone(), value: row.value };
        for (other, row) in self.rows.iter_mut().enumerate() {
            if other == place {
                continue;
            }
            let times = *row.factors.get(column)?;
            if !times.is_zero() {
                for (factor, of_pivot) in row.factors.iter_mut().zip(&pivot.factors) {
                    *factor = factor.minus(times.times(*of_pivot)?)?;
                }
                row.value = row.value.minus(times.times(pivot.value)?)?;
            }
        }
        Some(())
    }
}

/// Expresses costs without the basic unknown of a row; returns what they add up to at the corner.
fn clear(costs: &mut [Ratio], reached: Ratio, row: &Row) -> Option<Ratio> {
    let times = *costs.get(row.basic)?;
    if times.is_zero() {
        return Some(reached);
    }
    for (cost, factor) in costs.iter_mut().zip(&row.factors) {
        *cost = cost.minus(times.times(*factor)?)?;
    }
    reached.plus(times.times(row.value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(unknowns: usize, equations: &[(&[(usize, i128)], i128)]) -> System {
        let equation = |(terms, value): &(&[(usize, i128)], i128)| Equation {
            terms: terms.to_vec(),
            value: *value,
        };
        System { unknowns, equations: equations.iter().map(equation).collect() }
    }

    fn range(low: i128, high: i128) -> Range {
        Range { low: Ratio::whole(low), high: Some(Ratio::whole(high)) }
    }

    #[test]
    fn a_single_unknown_of_a_sum_is_known() {
        let found = ranges(&system(1, &[(&[(0, 1)], 3)])).unwrap();
        assert_eq!(found, [range(3, 3)]);
        assert!(!found[0].hides(2));
    }

    #[test]
    fn two_unknowns_of_a_sum_hide_each_other_as_far_as_the_sum_goes() {
        let found = ranges(&system(2, &[(&[(0, 1), (1, 1)], 7)])).unwrap();
        assert_eq!(found, [range(0, 7), range(0, 7)]);
        assert!(found[0].hides(5) && !found[0].hides(8));
    }

    #[test]
    fn rows_and_columns_together_can_tell_what_each_hides() {
        // A square of two by two with all its margins: one unknown moves all others.
        let margins = system(
            4,
            &[
                (&[(0, 1), (1, 1)], 5),
                (&[(2, 1), (3, 1)], 9),
                (&[(0, 1), (2, 1)], 2),
                (&[(1, 1), (3, 1)], 12),
            ],
        );
        let found = ranges(&margins).unwrap();
        assert_eq!(found, [range(0, 2), range(3, 5), range(0, 2), range(7, 9)]);
        // Three in a ring, each sum known: all are known, though every sum has two unknowns.
        let ring =
            system(3, &[(&[(0, 1), (1, 1)], 5), (&[(1, 1), (2, 1)], 7), (&[(0, 1), (2, 1)], 6)]);
        assert_eq!(ranges(&ring).unwrap(), [range(2, 2), range(3, 3), range(4, 4)]);
    }

    #[test]
    fn what_no_equation_bounds_is_free_and_what_is_false_has_no_verdict() {
        let found = ranges(&system(3, &[(&[(0, 1), (1, -1)], 0)])).unwrap();
        assert!(found.iter().all(|range| range.high.is_none() && range.low.is_zero()));
        assert_eq!(ranges(&system(1, &[(&[(0, 1)], -1)])), None);
        assert_eq!(ranges(&system(1, &[(&[(0, 1)], 1), (&[(0, 1)], 2)])), None);
    }

    #[test]
    fn an_equation_that_repeats_others_changes_nothing() {
        let found = ranges(&system(
            2,
            &[(&[(0, 1), (1, 1)], 6), (&[(0, 2), (1, 2)], 12), (&[(0, 1), (1, 1)], 6)],
        ));
        assert_eq!(found.unwrap(), [range(0, 6), range(0, 6)]);
    }
}
