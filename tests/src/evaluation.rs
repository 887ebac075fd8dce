//! Attacks on the tables of the evaluation, apart from the program that protects them.
//!
//! Small tables are searched exhaustively: every table that there could be, released by the real program, so that the
//! attacker knows all that is released and the program as well. Large ones are attacked with linear algebra and with
//! ranges that follow from the sums alone. Nothing here shares a line with the audit inside the broker.

mod attacks;
mod counting;

use std::collections::{BTreeMap, BTreeSet};

use attacks::{Attacker, numbers};
use proptest::prelude::*;
use schleuse_broker::domain::evaluation::collect::{PairSets, Person};
use schleuse_broker::domain::evaluation::suppress::{Protection, ReleasedPairs, release_pairs};

/// A table of numbers of persons: by agency and partner, and by component.
type Numbers = Vec<u64>;

/// Places of pairs: an agency is no partner of itself.
fn pairs(agencies: usize) -> Vec<(usize, usize)> {
    let all = (0..agencies).flat_map(|a| (0..agencies).map(move |p| (a, p)));
    all.filter(|(a, p)| a != p).collect()
}

/// Every number is so many persons of their own.
fn apart(numbers: &Numbers, agencies: usize, components: usize) -> PairSets {
    let mut next: Person = 0;
    let mut numbers = numbers.iter();
    let mut sets = PairSets::new();
    for pair in pairs(agencies) {
        let component = |number: &u64| {
            let first = next;
            next += Person::try_from(*number).unwrap();
            (first..next).collect::<BTreeSet<_>>()
        };
        sets.insert(pair, numbers.by_ref().take(components).map(component).collect());
    }
    sets
}

/// All ways to have at most so many in so many places.
fn all_numbers(places: usize, most: u64) -> Vec<Numbers> {
    let mut found = vec![Vec::new()];
    for _ in 0..places {
        found = found
            .into_iter()
            .flat_map(|start: Numbers| {
                let left = most - start.iter().sum::<u64>();
                (0..=left).map(move |next| start.iter().copied().chain([next]).collect())
            })
            .collect();
    }
    found
}

/// What each cell that is not shown can be, for somebody who knows the release and the program: its value in every
/// table that the program would have released in the same way. The smallest number of values of any such cell.
fn least_doubt(
    agencies: usize,
    components: usize,
    most: u64,
    protection: Protection,
) -> (usize, Option<String>) {
    let places = pairs(agencies).len() * components;
    let mut worlds: BTreeMap<String, (ReleasedPairs, Vec<Numbers>)> = BTreeMap::new();
    for numbers in all_numbers(places, most) {
        let sets = apart(&numbers, agencies, components);
        let released = release_pairs(&sets, agencies, components, protection);
        let key = format!("{released:?}");
        worlds.entry(key).or_insert_with(|| (released, Vec::new())).1.push(numbers);
    }
    assert!(worlds.len() > 2, "the program shows next to nothing");
    let (mut least, mut example) = (usize::MAX, None);
    for (released, tables) in worlds.values() {
        for (place, (agency, partner)) in pairs(agencies).into_iter().enumerate() {
            if released.pairs[agency][partner].is_some() {
                continue;
            }
            for component in 0..components {
                let at = place * components + component;
                let values: BTreeSet<u64> = tables.iter().map(|table| table[at]).collect();
                if values.len() < least {
                    least = values.len();
                    example = Some(format!("{agency}/{partner}: {values:?} in {released:?}"));
                }
            }
        }
    }
    (least, example)
}

/// Every table of a few persons: whoever knows the release and the program is left with at least as many values of a
/// suppressed cell as the minimum has persons.
#[test]
fn no_small_table_can_be_computed_even_with_the_program_at_hand() {
    for (agencies, components, most, persons_min) in
        [(3, 1, 9, 2), (3, 1, 10, 3), (4, 1, 5, 2), (2, 2, 9, 2), (3, 2, 5, 2)]
    {
        for turn in 0..agencies {
            let protection = Protection::full(persons_min, turn);
            let (least, example) = least_doubt(agencies, components, most, protection);
            assert!(least >= persons_min as usize, "{agencies} {persons_min} {turn}: {example:?}");
        }
    }
}

/// The same search finds what a program gives away that leaves out the complementary step.
#[test]
fn the_search_finds_a_cell_that_nothing_protects() {
    let bare = Protection { complementary: false, audited: false, ..Protection::full(2, 0) };
    assert_eq!(least_doubt(3, 1, 9, bare).0, 1);
    // The audit alone hides every cell from the sums, but not from whoever knows what it would have hidden
    // otherwise: two cells of one person each, where nothing else makes two.
    let audited = Protection { complementary: false, ..Protection::full(2, 0) };
    assert_eq!(least_doubt(3, 1, 9, audited).0, 1);
}

/// Every small table once more, now for somebody who knows the sums only: each cell can be nought and the minimum.
#[test]
fn every_suppressed_cell_of_a_small_table_may_be_nought_or_enough() {
    let (agencies, persons_min) = (3, 2);
    let mut by_total: BTreeMap<u64, Vec<Numbers>> = BTreeMap::new();
    for numbers in all_numbers(6, 9) {
        by_total.entry(numbers.iter().sum()).or_default().push(numbers);
    }
    let mut looked_at = BTreeSet::new();
    for numbers in all_numbers(6, 9) {
        let sets = apart(&numbers, agencies, 1);
        let released = release_pairs(&sets, agencies, 1, Protection::full(persons_min, 1));
        let Some(total) = released.all.as_ref().map(|all| all[0]) else { continue };
        if !looked_at.insert(format!("{released:?}")) {
            continue;
        }
        let fits = |table: &&Numbers| {
            let agency_sum = |agency: usize| table[agency * 2] + table[agency * 2 + 1];
            let shown = |value: u64, cell: &Option<Vec<u64>>| {
                cell.as_ref().is_none_or(|cell| cell[0] == value)
            };
            pairs(agencies)
                .iter()
                .zip(table.iter())
                .all(|((a, p), v)| shown(*v, &released.pairs[*a][*p]))
                && (0..agencies).all(|a| shown(agency_sum(a), &released.agencies[a]))
        };
        let possible: Vec<&Numbers> = by_total[&total].iter().filter(fits).collect();
        for (place, (agency, partner)) in pairs(agencies).into_iter().enumerate() {
            if released.pairs[agency][partner].is_none() {
                let values: BTreeSet<u64> = possible.iter().map(|table| table[place]).collect();
                assert!(values.contains(&0), "{released:?}");
                assert!(values.last() >= Some(&u64::from(persons_min)), "{released:?}");
            }
        }
    }
    assert!(looked_at.len() > 50, "{} releases", looked_at.len());
}

/// Persons in cells, at random: few agencies have much to do with each other, and some persons are everywhere.
fn sets(components: usize) -> impl Strategy<Value = (usize, u32, usize, PairSets)> {
    (2_usize..=9, 5_u32..=8, 0_usize..40, 5_u32..120).prop_flat_map(
        move |(agencies, persons_min, turn, pool)| {
            let cell = prop_oneof![
                3 => Just(0_usize),
                2 => 1_usize..6,
                3 => 5_usize..30,
            ];
            let everybody: Vec<Person> = (0..pool).collect();
            let persons = cell.prop_flat_map(move |count| {
                let some =
                    proptest::sample::subsequence(everybody.clone(), count.min(pool as usize));
                some.prop_map(|some| some.into_iter().collect::<BTreeSet<_>>())
            });
            let count = pairs(agencies).len();
            let rows = proptest::collection::vec(
                proptest::collection::vec(persons, components),
                count..=count,
            );
            rows.prop_map(move |rows| {
                let sets = pairs(agencies).into_iter().zip(rows).collect();
                (agencies, persons_min, turn, sets)
            })
        },
    )
}

/// What must hold of a release of any table.
fn holds(
    agencies: usize,
    components: usize,
    persons_min: u32,
    turn: usize,
    sets: &PairSets,
) -> Result<(), TestCaseError> {
    let protection = Protection::full(persons_min, turn);
    let released = release_pairs(sets, agencies, components, protection);
    prop_assert_eq!(&release_pairs(sets, agencies, components, protection), &released);
    // The first three steps suffice: the audit has never had anything to add.
    let unaudited = Protection { audited: false, ..protection };
    prop_assert_eq!(&release_pairs(sets, agencies, components, unaudited), &released);
    // Which number a person has makes no difference.
    let renumbered: PairSets = sets
        .iter()
        .map(|(pair, cell)| {
            let turned = |set: &BTreeSet<Person>| set.iter().map(|person| 1_000 - person).collect();
            (*pair, cell.iter().map(turned).collect())
        })
        .collect();
    prop_assert_eq!(&release_pairs(&renumbered, agencies, components, protection), &released);
    for component in 0..components {
        let attacker = Attacker::on(&released, component);
        prop_assert_eq!(attacker.determined(), Vec::<usize>::new());
        for (low, high) in attacker.ranges() {
            prop_assert!(low == 0 && high >= i128::from(persons_min), "{low} to {high}");
        }
        let few = attacks::few_behind(&released, sets, component, persons_min as usize);
        prop_assert_eq!(few, None);
    }
    // What is shown is true.
    for ((agency, partner), cell) in sets {
        if let Some(shown) = &released.pairs[*agency][*partner] {
            let sizes: Vec<u64> = cell.iter().map(|set| set.len() as u64).collect();
            prop_assert_eq!(shown, &sizes);
        }
    }
    Ok(())
}

proptest! {
    // A failing seed is printed and kept in tests/proptest-regressions.
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_release_of_a_random_table_lets_a_cell_be_computed(
        (agencies, persons_min, turn, sets) in sets(1),
    ) {
        holds(agencies, 1, persons_min, turn, &sets)?;
    }

    #[test]
    fn nor_do_the_two_sides_of_a_share(
        (agencies, persons_min, turn, sets) in sets(2),
    ) {
        holds(agencies, 2, persons_min, turn, &sets)?;
    }
}

/// Without the complementary step, linear algebra computes cells of random tables; so the attacks can succeed.
#[test]
fn the_attacks_succeed_where_the_complementary_step_is_missing() {
    let bare = Protection { complementary: false, audited: false, ..Protection::full(5, 0) };
    let numbers_of =
        |seed: u64| -> Numbers { (0..20).map(|place| (seed * 31 + place * 17) % 13).collect() };
    let (mut determined, mut narrow) = (0, 0);
    for seed in 0..50 {
        let released = release_pairs(&apart(&numbers_of(seed), 5, 1), 5, 1, bare);
        let attacker = Attacker::on(&released, 0);
        determined += attacker.determined().len();
        narrow += attacker.ranges().iter().filter(|(low, high)| *low > 0 || *high < 5).count();
        assert!(numbers(&released) > 0);
    }
    assert!(determined > 10 && narrow > determined, "{determined} {narrow}");
}
