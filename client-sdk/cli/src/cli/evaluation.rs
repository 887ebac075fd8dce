//! `schleuse evaluation`: tables of a quarter for the scientific evaluation.

use schleuse_client::{
    ClientError, all_if_empty, days_name, evaluation_tables_json, figure_name, has_reached, hex,
    measure_name, v1,
};
use serde_json::{Value, json};

use super::args::{EvaluationCommand, ExportArguments, Global};
use super::output::Output;
use super::table::Table;
use super::{Ending, connect, spreadsheet};

const HEAD: [&str; 7] = ["table", "agency", "partner", "persons", "reached", "of", "median days"];
const SUPPRESSED: &str = "suppressed";

/// Runs a command of the evaluation.
pub(crate) async fn run(
    global: &Global,
    command: EvaluationCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        EvaluationCommand::Export(arguments) => export(global, &arguments, output).await,
    }
}

async fn export(
    global: &Global,
    arguments: &ExportArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let client = connect(global, None, output).await?;
    let export = client.export_evaluation(&arguments.quarter).await?;
    let hash = schleuse_proto::evidence::sha256(&[&export.bytes]);
    let value = json!({
        "tables": evaluation_tables_json(&export.tables),
        "tables_hash": hex(&hash),
        "release_record": export.release.record_number,
        "export_record": export.receipt.record_number,
    });
    let rows = rows(&export.tables);
    output.table(&value, || table(&rows));
    if let Some(path) = &arguments.csv {
        spreadsheet::write_rows(&HEAD, &rows, path)?;
        output.note(&format!("wrote {}", path.display()));
    }
    let (release, receipt) = (export.release.record_number, export.receipt.record_number);
    output.note(&format!("this export is log record {receipt}; released by record {release}"));
    Ok(Ending::Done)
}

/// One row for each cell and figure, in the order of the tables.
fn rows(tables: &v1::EvaluationTables) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in &tables.pair_tables {
        for cell in &table.cells {
            let shown = |value: Value| if cell.suppressed { json!(SUPPRESSED) } else { value };
            let measure = table.measure();
            let reached = has_reached(measure);
            rows.push(vec![
                json!(measure_name(measure)),
                json!(all_if_empty(&cell.agency)),
                json!(all_if_empty(&cell.partner)),
                shown(json!(cell.persons)),
                if reached { shown(json!(cell.reached)) } else { Value::Null },
                if reached { shown(json!(cell.persons)) } else { Value::Null },
                if cell.suppressed { Value::Null } else { json!(days_name(cell.median_days())) },
            ]);
        }
    }
    for figure in &tables.figures {
        let shown = |number: u64| if figure.suppressed { json!(SUPPRESSED) } else { json!(number) };
        let is_share = figure.of_participants > 0;
        rows.push(vec![
            json!(figure_name(figure.kind())),
            json!(all_if_empty("")),
            json!(all_if_empty("")),
            shown(figure.number),
            Value::Null,
            if is_share { shown(figure.of_participants) } else { Value::Null },
            Value::Null,
        ]);
    }
    rows
}

fn table(rows: &[Vec<Value>]) -> Table {
    let mut table = Table::new(&HEAD, "no tables");
    for row in rows {
        let text = |value: &Value| match value {
            Value::Null => "-".to_owned(),
            Value::String(text) if text.is_empty() => "-".to_owned(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                value.to_string()
            }
        };
        table.row(row.iter().map(text).collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_suppressed_says_so_and_nothing_else() {
        let cell = |suppressed, persons, reached| v1::PairCell {
            agency: "drv".to_owned(),
            partner: String::new(),
            suppressed,
            persons,
            reached,
            median_days: 0,
        };
        let tables = v1::EvaluationTables {
            pair_tables: vec![v1::PairTable {
                measure: v1::EvaluationMeasure::Agreements.into(),
                cells: vec![cell(true, 0, 0), cell(false, 12, 7)],
            }],
            figures: vec![v1::EvaluationFigure {
                kind: v1::EvaluationFigureKind::ConsentsRevoked.into(),
                suppressed: true,
                ..v1::EvaluationFigure::default()
            }],
            ..v1::EvaluationTables::default()
        };
        let text = table(&rows(&tables)).to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
        let hidden = ["agreements", "drv", "(all)", "suppressed", "suppressed", "suppressed", "-"];
        assert_eq!(lines[1], hidden);
        assert_eq!(lines[2], ["agreements", "drv", "(all)", "12", "7", "12", "-"]);
        assert_eq!(lines[3][..4], ["consents-revoked", "(all)", "(all)", "suppressed"]);
        let json = evaluation_tables_json(&tables);
        assert_eq!(json["tables"][0]["cells"][0]["persons"], Value::Null);
        assert_eq!(json["tables"][0]["cells"][1]["reached"], 7);
    }
}
