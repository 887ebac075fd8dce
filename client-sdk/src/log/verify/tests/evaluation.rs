//! Tests of what may be released to the evaluation.

use super::*;
use crate::test_log::{evaluation_exported, evaluation_released, evaluation_tables};

/// Faults of a log with tables that were changed.
fn changed(change: impl FnOnce(&mut v1::EvaluationTables)) -> Vec<&'static str> {
    let mut tables = evaluation_tables();
    change(&mut tables);
    faults(&[evaluation_released(&tables)])
}

/// Agency 0 has its total and pairs in cells 0 to 3, agency 1 in 4 to 7, …; cell 16 is the total of all.
fn cells(tables: &mut v1::EvaluationTables, table: usize) -> &mut Vec<v1::PairCell> {
    &mut tables.pair_tables[table].cells
}

fn suppress(cell: &mut v1::PairCell) {
    let (agency, partner) = (cell.agency.clone(), cell.partner.clone());
    *cell = v1::PairCell { agency, partner, suppressed: true, ..Default::default() };
}

#[test]
fn released_tables_are_sound_and_exported_as_they_were_released() {
    let tables = evaluation_tables();
    assert_eq!(changed(|_| ()), Vec::<&str>::new());
    let bytes = tables.encode_to_vec();
    let exported = |release, bytes: &[u8]| evaluation_exported("2026-Q1", release, bytes);
    let released = || evaluation_released(&tables);
    assert_eq!(faults(&[released(), exported(0, &bytes)]), Vec::<&str>::new());
    let faulty = [
        ("other tables", vec![released(), exported(0, b"others")]),
        ("of no release", vec![no_consent(), exported(0, &bytes)]),
        ("of itself", vec![released(), exported(1, &bytes)]),
        ("of another quarter", vec![released(), evaluation_exported("2026-Q2", 0, &bytes)]),
        ("released twice", vec![released(), released()]),
        ("by somebody else", vec![released().by("projekt", "dpo")]),
        ("exported by somebody else", vec![released(), exported(0, &bytes).by("projekt", "dpo")]),
    ];
    for (what, entries) in faulty {
        assert_eq!(faults(&entries), ["evaluation"], "{what}");
    }
}

#[test]
fn a_release_is_of_a_whole_quarter_that_is_over() {
    for quarter in ["2099-Q1", "2026", "2026-Q5", "2026-03", ""] {
        let found = changed(|tables| tables.quarter = quarter.to_owned());
        assert_eq!(found, ["evaluation"], "{quarter}");
    }
}

#[test]
fn no_number_has_few_persons_behind_it() {
    type Change = fn(&mut v1::EvaluationTables);
    let faulty: [(&str, Change); 16] = [
        ("a smaller minimum", |t| t.persons_min = 4),
        ("a small cell", |t| cells(t, 0)[1].persons = 4),
        ("a single suppressed cell", |t| suppress(&mut cells(t, 0)[1])),
        ("few persons in two suppressed cells", |t| {
            suppress(&mut cells(t, 0)[1]);
            suppress(&mut cells(t, 0)[2]);
            cells(t, 0)[0].persons -= 28;
            cells(t, 0)[16].persons -= 28;
        }),
        ("a sum that is none", |t| cells(t, 0)[0].persons += 1),
        ("a pair under a suppressed total", |t| suppress(&mut cells(t, 0)[0])),
        ("numbers in a suppressed cell", |t| cells(t, 0)[1].suppressed = true),
        ("a share of nearly all", |t| cells(t, 1)[1].reached = 12),
        ("a share of more than all", |t| cells(t, 1)[1].reached = 17),
        ("a share where there is none", |t| cells(t, 0)[1].reached = 5),
        ("no class of days", |t| cells(t, 3)[1].median_days = 0),
        ("cells in another order", |t| cells(t, 0).swap(1, 2)),
        ("a missing table", |t| drop(t.pair_tables.pop())),
        ("a small figure", |t| t.figures[2].number = 4),
        ("a figure of nearly all", |t| t.figures[2].number = 36),
        ("a figure of others", |t| t.figures[2].of_participants = 41),
    ];
    for (what, change) in faulty {
        assert_eq!(changed(change), ["evaluation"], "{what}");
    }
    // What a broker suppresses is suppressed well.
    let good = changed(|t| {
        suppress(&mut cells(t, 0)[1]);
        suppress(&mut cells(t, 0)[2]);
    });
    assert_eq!(good, Vec::<&str>::new());
}

#[test]
fn releases_are_about_nobody_and_never_erased() {
    let tables = evaluation_tables();
    let mut entries: Vec<Entry> =
        vec![registered().erased(), evaluation_released(&tables).erased()];
    entries.push(erasure_begun().erased());
    entries.push(records_erased(v1::ErasureGround::Participant, &[(0, 3)]));
    assert_eq!(faults(&entries), ["erased"]);
}
