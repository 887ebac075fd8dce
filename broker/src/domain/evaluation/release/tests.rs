//! The fixed set, and what figures and medians say.

use super::*;

fn persons(range: std::ops::Range<u32>) -> BTreeSet<Person> {
    range.collect()
}

fn number(tables: &ReleasedTables, kind: FigureKind) -> Option<(u64, u64)> {
    tables.figures.iter().find(|figure| figure.kind == kind).unwrap().number
}

#[test]
fn the_set_is_the_same_whatever_happened() {
    let empty = release(&Counts { agencies: 3, ..Counts::default() }, 5, 0);
    let measures: Vec<Measure> = empty.tables.iter().map(|(measure, _)| *measure).collect();
    let expected =
        [Measure::Conferences, Measure::Agreements, Measure::Responsibility, Measure::Answers];
    assert_eq!(measures, expected);
    // Three agencies with their total and two pairs each, and all.
    assert!(empty.tables.iter().all(|(_, cells)| cells.len() == 10));
    assert!(empty.tables.iter().flat_map(|(_, cells)| cells).all(|cell| cell.numbers.is_none()));
    assert_eq!(empty.figures.len(), 8);
    assert!(empty.figures.iter().all(|figure| figure.number.is_none()));
}

#[test]
fn a_share_is_released_only_with_enough_on_both_sides() {
    let counts =
        |given| Counts { active: persons(0..12), given: persons(0..given), ..Counts::default() };
    for given in 0..=12 {
        let tables = release(&counts(given), 5, 0);
        let expected = (5..=7).contains(&given).then_some((u64::from(given), 12));
        assert_eq!(number(&tables, FigureKind::ConsentsGiven), expected, "{given}");
        assert_eq!(number(&tables, FigureKind::Participants), Some((12, 0)));
    }
    let few = Counts { active: persons(0..4), given: persons(0..4), ..Counts::default() };
    assert!(release(&few, 5, 0).figures.iter().all(|figure| figure.number.is_none()));
}

#[test]
fn a_median_is_of_persons_and_coarse() {
    let mut answers: BTreeMap<Pair, BTreeMap<Person, Vec<u32>>> = BTreeMap::new();
    // Five persons with 10 days and more; the sixth has answered a hundred times on the same day.
    let first = answers.entry((0, 1)).or_default();
    first.extend((0..5).map(|person| (person, vec![10 + person])));
    first.insert(5, vec![0; 100]);
    answers.insert((1, 0), (0..6).map(|person| (person, vec![40])).collect());
    let counts = Counts { agencies: 2, answers, ..Counts::default() };
    let tables = release(&counts, 5, 0);
    let (_, cells) = tables.tables.last().unwrap();
    let medians: Vec<_> =
        cells.iter().map(|cell| cell.numbers.map(|n| (n.persons, n.median))).collect();
    let (short, long) = (Some((6, Some(DaysClass::UpTo14))), Some((6, Some(DaysClass::UpTo56))));
    // Of all together: each person's own median first.
    let all = Some((12, Some(DaysClass::UpTo14)));
    assert_eq!(medians, [short, short, long, long, all]);
}

#[test]
fn conferences_are_released_with_enough_persons_of_whom_none_dominates() {
    let threads = |persons: u32| {
        let three = |person: u32| {
            let id = |n: u32| {
                crate::domain::ids::ThreadId::from_bytes(u128::from(person * 9 + n).to_be_bytes())
            };
            (person, (0..3).map(id).collect())
        };
        Counts { conference_threads: (0..persons).map(three).collect(), ..Counts::default() }
    };
    assert_eq!(number(&release(&threads(4), 5, 0), FigureKind::Conferences), None);
    assert_eq!(number(&release(&threads(5), 5, 0), FigureKind::Conferences), Some((15, 0)));
}
