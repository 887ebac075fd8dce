//! Rows and counts of the log as files for spreadsheets.

use std::path::Path;

use schleuse_client::{
    ClientError, LogCount, LogRow, cells_csv, counts_csv, rows_csv, rows_json_lines,
};
use serde_json::Value;

use super::files;

/// Writes the files that were asked for.
pub(crate) fn write(
    rows: &[LogRow],
    csv: Option<&Path>,
    jsonl: Option<&Path>,
) -> Result<(), ClientError> {
    if let Some(path) = csv {
        files::write(path, rows_csv(rows).as_bytes())?;
    }
    if let Some(path) = jsonl {
        files::write(path, rows_json_lines(rows).as_bytes())?;
    }
    Ok(())
}

/// Writes counts, with a column for each grouping.
pub(crate) fn write_counts(
    by: &[&str],
    groups: &[LogCount],
    path: &Path,
) -> Result<(), ClientError> {
    files::write(path, counts_csv(by, groups).as_bytes())
}

/// Writes rows of cells under a heading.
pub(crate) fn write_rows(
    heading: &[&str],
    rows: &[Vec<Value>],
    path: &Path,
) -> Result<(), ClientError> {
    files::write(path, cells_csv(heading, rows).as_bytes())
}
