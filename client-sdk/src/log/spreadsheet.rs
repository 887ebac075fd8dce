//! Rows and counts of the log as CSV (RFC 4180), rows also as JSON Lines.

use serde_json::{Value, json};

use super::{LogCount, LogRow};
use crate::clock::rfc3339;

/// Columns: heading, and where the value stands in the JSON of a row.
const COLUMNS: [(&str, &str); 16] = [
    ("record", "/record"),
    ("time", "/time"),
    ("type", "/type"),
    ("by", "/actor"),
    ("participant", "/participant"),
    ("sender", "/event/sender"),
    ("recipient", "/event/recipient"),
    ("purpose", "/event/purpose"),
    ("kind", "/event/kind"),
    ("categories", "/event/categories"),
    ("accepted", "/event/accepted"),
    ("deny reason", "/findings/deny_reason"),
    ("consent", "/findings/consent"),
    ("what", "/summary"),
    ("stated reason", "/event/reason"),
    ("leaf hash", "/leaf_hash"),
];

/// Rows as CSV: a heading, then one line for each.
#[must_use]
pub fn rows_csv(rows: &[LogRow]) -> String {
    csv_text(rows.iter().map(LogRow::to_json))
}

/// Rows as JSON Lines.
#[must_use]
pub fn rows_json_lines(rows: &[LogRow]) -> String {
    rows.iter().map(|row| format!("{}\n", row.to_json())).collect()
}

/// Rows of cells under a heading as CSV.
#[must_use]
pub fn cells_csv(heading: &[&str], rows: &[Vec<Value>]) -> String {
    let lines = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(","));
    let lines = std::iter::once(heading.join(",")).chain(lines);
    lines.map(|line| line + "\r\n").collect()
}

/// Counts as CSV, with a column for each grouping.
#[must_use]
pub fn counts_csv(by: &[&str], groups: &[LogCount]) -> String {
    let heading = by.iter().chain(&["records", "first", "last"]).map(|&name| name.to_owned());
    let lines = groups.iter().map(|group| {
        let keys = group.keys.iter().map(|key| json!(key));
        let times = [json!(rfc3339(group.first_ms)), json!(rfc3339(group.last_ms))];
        let values = keys.chain([json!(group.records)]).chain(times);
        values.map(|value| cell(&value)).collect::<Vec<_>>().join(",")
    });
    let lines = std::iter::once(heading.collect::<Vec<_>>().join(",")).chain(lines);
    lines.map(|line| line + "\r\n").collect()
}

fn csv_text(rows: impl Iterator<Item = Value>) -> String {
    let heading = COLUMNS.map(|(name, _)| name.to_owned()).join(",");
    let lines = rows.map(|row| {
        let cells = COLUMNS.map(|(_, place)| cell(row.pointer(place).unwrap_or(&Value::Null)));
        cells.join(",")
    });
    let lines = std::iter::once(heading).chain(lines);
    lines.map(|line| line + "\r\n").collect()
}

/// One cell. A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP
/// advises for CSV injection.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().unwrap_or_default());
            texts.collect::<Vec<_>>().join("; ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text };
    let text = text.replace(['\r', '\n'], " ");
    if text.contains([',', '"', ';', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_cell_is_a_formula_or_breaks_its_line() {
        for formula in ["=1+1", "+49", "-2", "@SUM(A1)", "\t=1", "\r=1"] {
            let cell = cell(&json!(formula));
            assert!(cell.starts_with("\"'"), "{cell}");
        }
        assert_eq!(cell(&json!("a \"b\", c\r\n=d")), "\"a \"\"b\"\", c  =d\"");
        assert_eq!(cell(&json!(["x", "y"])), "\"x; y\"");
        assert_eq!(cell(&json!(true)), "true");
    }

    #[test]
    fn every_row_is_one_line_with_all_columns() {
        let row = json!({
            "record": 7,
            "time": "2026-11-21T00:00:00Z",
            "event": { "reason": "=HYPERLINK(\"x\")", "sender": "drv/reha" },
        });
        let text = csv_text([row].into_iter());
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("record,time,type,by,"));
        assert!(lines[1].contains("drv/reha") && lines[1].contains("\"'=HYPERLINK(\"\"x\"\")\""));
        assert_eq!(lines[0].split(',').count(), COLUMNS.len());
    }

    #[test]
    fn rows_of_cells_are_lines_and_no_formulas() {
        let rows = [vec![json!("=1+1"), json!(7), Value::Null]];
        assert_eq!(cells_csv(&["a", "b", "c"], &rows), "a,b,c\r\n\"'=1+1\",7,\r\n");
    }

    #[test]
    fn every_group_is_one_line_and_its_keys_are_no_formulas() {
        let keys = vec!["=1+1".to_owned(), "a>b".to_owned()];
        let group = LogCount { keys, records: 3, first_ms: 0, last_ms: 1000 };
        let text = counts_csv(&["kind", "agency-pair"], &[group]);
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines[0], "kind,agency-pair,records,first,last");
        assert_eq!(lines[1], "\"'=1+1\",a>b,3,1970-01-01T00:00:00Z,1970-01-01T00:00:01Z");
    }
}
