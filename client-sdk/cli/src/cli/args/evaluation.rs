//! Arguments of the commands of the evaluation.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands of the evaluation.
#[derive(Debug, Subcommand)]
pub(crate) enum EvaluationCommand {
    /// Exports the tables of a quarter that is over. The first export has them computed and logged; every later one
    /// is the same. What could single out a person is suppressed.
    ///
    /// Example: schleuse evaluation export --quarter 2026-Q4 --csv 2026-Q4.csv
    Export(ExportArguments),
}

/// Arguments of `evaluation export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// The quarter, in UTC, for example 2026-Q4.
    #[arg(long, value_name = "QUARTER")]
    pub(crate) quarter: String,
    /// Also writes the tables as CSV for a spreadsheet.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
}
