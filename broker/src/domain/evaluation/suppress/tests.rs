//! Tables made by hand, and what an attacker makes of them. The large search is in the tests crate.

use super::*;

/// A table of numbers: by agency, then by partner; every number is so many persons of their own.
fn table(rows: &[&[u32]]) -> PairSets {
    let mut next = 0;
    let mut sets = PairSets::new();
    for (agency, row) in rows.iter().enumerate() {
        for (partner, number) in row.iter().enumerate() {
            let persons = (next..next + number).collect();
            next += number;
            sets.insert((agency, partner), vec![persons]);
        }
    }
    sets
}

/// What is shown: of all, of agencies, of pairs.
type Shows = (Option<u64>, Vec<Option<u64>>, Vec<Vec<Option<u64>>>);

fn numbers(released: &ReleasedPairs) -> Shows {
    let one = |cell: &Option<Vec<u64>>| cell.as_ref().map(|values| values[0]);
    let all = one(&released.all);
    let agencies = released.agencies.iter().map(one).collect();
    (all, agencies, released.pairs.iter().map(|row| row.iter().map(one).collect()).collect())
}

/// With five persons; the order begins at the first.
fn protection() -> Protection {
    Protection::full(5, 0)
}

#[test]
fn a_small_cell_never_stays_alone() {
    let sets = table(&[&[0, 6, 2, 9], &[8, 0, 9, 7], &[5, 6, 0, 7], &[6, 7, 8, 0]]);
    let released = release_pairs(&sets, 4, 1, protection());
    let (all, agencies, pairs) = numbers(&released);
    assert_eq!((all, agencies), (Some(80), vec![Some(17), Some(24), Some(18), Some(21)]));
    // The 2 goes, and the first of its row with it: together 8, each from 0 to 8.
    assert_eq!(pairs[0], [None, None, None, Some(9)]);
    assert_eq!(pairs[1], [Some(8), None, Some(9), Some(7)]);
}

#[test]
fn noughts_are_small_and_their_sum_is_not_told() {
    // Told the 7 and the total, everybody would know that there is nobody else.
    let sets = table(&[&[0, 7, 0, 0], &[9, 0, 9, 9], &[9, 9, 0, 9], &[9, 9, 9, 0]]);
    let (all, agencies, pairs) = numbers(&release_pairs(&sets, 4, 1, protection()));
    assert_eq!((all, agencies[0]), (Some(88), Some(7)));
    assert_eq!(pairs[0], [None; 4]);
}

#[test]
fn a_total_that_is_withheld_takes_another_and_all_below_with_it() {
    let sets = table(&[&[0, 9, 9, 9], &[9, 0, 9, 9], &[1, 0, 0, 2], &[9, 9, 9, 0]]);
    let (all, agencies, pairs) = numbers(&release_pairs(&sets, 4, 1, protection()));
    assert_eq!(all, Some(84));
    assert_eq!(agencies, [None, Some(27), None, Some(27)]);
    assert_eq!((&pairs[0], &pairs[2]), (&vec![None; 4], &vec![None; 4]));
    assert_eq!(pairs[1], [Some(9), None, Some(9), Some(9)]);
    // In the next quarter another one goes.
    let next = release_pairs(&sets, 4, 1, Protection::full(5, 1));
    assert_eq!(numbers(&next).1, [Some(27), None, None, Some(27)]);
}

#[test]
fn one_person_in_many_cells_is_not_many() {
    // The same four persons everywhere: 36 are no more than 4.
    let four: BTreeSet<Person> = (0..4).collect();
    let pairs = (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).filter(|(a, b)| a != b);
    let mut sets: PairSets = pairs.map(|pair| (pair, vec![four.clone()])).collect();
    assert_eq!(numbers(&release_pairs(&sets, 4, 1, protection())).0, None);
    // A group of suppressed cells in which there is one person only is no group.
    sets = table(&[&[0, 9, 0, 0], &[9, 0, 9, 9], &[9, 9, 0, 9], &[9, 9, 9, 0]]);
    for partner in [2, 3] {
        sets.insert((0, partner), vec![(500..503).collect()]);
    }
    let (_, agencies, pairs) = numbers(&release_pairs(&sets, 4, 1, protection()));
    assert_eq!(agencies[0], Some(15));
    assert_eq!(pairs[0], [None; 4]);
}

#[test]
fn shares_need_enough_on_both_sides() {
    let mut sets = PairSets::new();
    for (agency, partner, reached, not) in
        [(0, 1, 9, 8), (0, 2, 20, 3), (1, 0, 7, 7), (1, 2, 6, 6), (2, 0, 5, 5), (2, 1, 8, 8)]
    {
        let start = 100 * u32::try_from(3 * agency + partner).unwrap();
        let persons = |from: u32, number: u32| (start + from..start + from + number).collect();
        sets.insert((agency, partner), vec![persons(0, reached), persons(50, not)]);
    }
    let released = release_pairs(&sets, 3, 2, protection());
    assert_eq!(released.agencies[0], Some(vec![29, 11]));
    assert_eq!(released.pairs[0], [None, None, None]);
    assert_eq!(released.pairs[1], [Some(vec![7, 7]), None, Some(vec![6, 6])]);
}

#[test]
fn the_audit_sees_what_the_second_step_left_out_and_has_more_withheld() {
    let sets = table(&[&[0, 6, 2, 9], &[8, 0, 9, 7], &[5, 6, 0, 7], &[6, 7, 8, 0]]);
    let primary = Protection { complementary: false, audited: false, ..protection() };
    let (_, agencies, pairs) = numbers(&release_pairs(&sets, 4, 1, primary));
    // So anybody computes 17 - 6 - 9 = 2.
    assert_eq!((agencies[0], &pairs[0]), (Some(17), &vec![None, Some(6), None, Some(9)]));
    let audited = Protection { complementary: false, ..protection() };
    let released = release_pairs(&sets, 4, 1, audited);
    // Without the second step the total that goes is alone too, and so all of it goes.
    assert_eq!(numbers(&released), (None, vec![None; 4], vec![vec![None; 4]; 4]));
}

#[test]
fn two_agencies_and_none_are_released_or_not_as_a_whole() {
    let good = release_pairs(&table(&[&[0, 5], &[6, 0]]), 2, 1, protection());
    assert_eq!(
        numbers(&good),
        (Some(11), vec![Some(5), Some(6)], vec![vec![None, Some(5)], vec![Some(6), None]])
    );
    let small = release_pairs(&table(&[&[0, 4], &[6, 0]]), 2, 1, protection());
    assert_eq!(numbers(&small), (Some(10), vec![None; 2], vec![vec![None; 2]; 2]));
    for agencies in 0..2 {
        let nothing = release_pairs(&PairSets::new(), agencies, 1, protection());
        assert_eq!(nothing.all, None);
    }
}

#[test]
fn the_audit_of_the_largest_installation_comes_to_a_verdict() {
    let agencies = crate::domain::evaluation::AGENCIES_MAX;
    let number = |a: usize, b: usize| u32::try_from((a * 7 + b * 5) % 11).unwrap();
    let rows: Vec<Vec<u32>> = (0..agencies)
        .map(|a| (0..agencies).map(|b| if a == b { 0 } else { number(a, b) }).collect())
        .collect();
    let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    let released = release_pairs(&table(&rows), agencies, 1, protection());
    assert!(released.all.is_some() && released.agencies.iter().all(Option::is_some));
}

#[test]
fn the_audit_comes_to_a_verdict_when_only_the_total_of_all_is_shown() {
    let agencies = crate::domain::evaluation::AGENCIES_MAX;
    let mut sets = PairSets::new();
    for agency in 0..agencies {
        let person = u32::try_from(agency).unwrap();
        sets.insert((agency, (agency + 1) % agencies), vec![BTreeSet::from([person])]);
    }
    let released = release_pairs(&sets, agencies, 1, protection());
    assert_eq!(released.all, Some(vec![32]));
    assert!(released.agencies.iter().all(Option::is_none));
}
