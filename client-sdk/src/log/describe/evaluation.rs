//! Records of the evaluation in plain words and as JSON.

use schleuse_proto::evidence::sha256;
use schleuse_proto::v1;
use serde_json::{Value, json};

use crate::ids::hex;

pub(super) fn released_text(event: &v1::EvaluationReleased) -> String {
    format!("tables of {} released to the evaluation", event.quarter)
}

pub(super) fn exported_text(event: &v1::EvaluationExported) -> String {
    format!("tables of {}, released by record {}, exported", event.quarter, event.release_number)
}

pub(super) fn released_json(event: &v1::EvaluationReleased) -> Value {
    let tables = schleuse_proto::evidence::decode_canonical(&event.tables).ok();
    json!({
        "quarter": event.quarter,
        "tables_hash": hex(&sha256(&[&event.tables])),
        "tables": tables.as_ref().map(tables_json),
    })
}

pub(super) fn exported_json(event: &v1::EvaluationExported) -> Value {
    json!({
        "quarter": event.quarter,
        "release": event.release_number,
        "tables_hash": hex(&event.tables_hash),
    })
}

/// Tables of the evaluation as JSON; what is suppressed is null.
#[must_use]
pub fn tables_json(tables: &v1::EvaluationTables) -> Value {
    let pair_tables = tables.pair_tables.iter().map(|table| {
        let cells = table.cells.iter().map(|cell| cell_json(table.measure(), cell));
        json!({ "measure": measure_name(table.measure()), "cells": cells.collect::<Value>() })
    });
    json!({
        "quarter": tables.quarter,
        "rules_version": tables.rules_version,
        "persons_min": tables.persons_min,
        "agencies": tables.agencies,
        "tables": pair_tables.collect::<Value>(),
        "figures": tables.figures.iter().map(figure_json).collect::<Value>(),
    })
}

fn cell_json(measure: v1::EvaluationMeasure, cell: &v1::PairCell) -> Value {
    let shown = |value: Value| if cell.suppressed { Value::Null } else { value };
    let mut value = serde_json::Map::new();
    let mut add = |name: &str, of: Value| value.insert(name.to_owned(), of);
    add("agency", json!(all_if_empty(&cell.agency)));
    add("partner", json!(all_if_empty(&cell.partner)));
    add("suppressed", json!(cell.suppressed));
    add("persons", shown(json!(cell.persons)));
    if has_reached(measure) {
        add("reached", shown(json!(cell.reached)));
    }
    if measure == v1::EvaluationMeasure::Answers {
        add("median_days", shown(json!(days_name(cell.median_days()))));
    }
    value.into()
}

fn figure_json(figure: &v1::EvaluationFigure) -> Value {
    let shown = |number: u64| if figure.suppressed { Value::Null } else { json!(number) };
    let is_share = figure.of_participants > 0;
    json!({
        "figure": figure_name(figure.kind()),
        "suppressed": figure.suppressed,
        "number": shown(figure.number),
        "of_participants": is_share.then_some(figure.of_participants),
    })
}

/// An agency, or all of them, in a word that is no identifier of an agency.
#[must_use]
pub fn all_if_empty(agency: &str) -> &str {
    if agency.is_empty() { "(all)" } else { agency }
}

/// Whether cells of a measure say how many were reached.
#[must_use]
pub fn has_reached(measure: v1::EvaluationMeasure) -> bool {
    match measure {
        v1::EvaluationMeasure::Agreements | v1::EvaluationMeasure::Responsibility => true,
        v1::EvaluationMeasure::Unspecified
        | v1::EvaluationMeasure::Conferences
        | v1::EvaluationMeasure::Answers => false,
    }
}

/// Short name of a measure, for example `agreements`.
#[must_use]
pub fn measure_name(measure: v1::EvaluationMeasure) -> String {
    super::short(measure.as_str_name(), "EVALUATION_MEASURE_")
}

/// Short name of a figure, for example `consents-given`.
#[must_use]
pub fn figure_name(kind: v1::EvaluationFigureKind) -> String {
    super::short(kind.as_str_name(), "EVALUATION_FIGURE_KIND_")
}

/// A class of days in words.
#[must_use]
pub fn days_name(class: v1::DaysClass) -> &'static str {
    match class {
        v1::DaysClass::Unspecified => "",
        v1::DaysClass::UpTo7 => "up to 7",
        v1::DaysClass::UpTo14 => "8 to 14",
        v1::DaysClass::UpTo28 => "15 to 28",
        v1::DaysClass::UpTo56 => "29 to 56",
        v1::DaysClass::UpTo91 => "57 to 91",
        v1::DaysClass::More => "more than 91",
    }
}
