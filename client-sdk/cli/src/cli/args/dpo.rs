//! Arguments of the commands of the data-protection officer.

use std::path::PathBuf;

use clap::Args;
use schleuse_client::ConsentId;

/// Arguments of `dpo log`.
#[derive(Args, Debug)]
pub(crate) struct LogArguments {
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// Only from this record on; the next page begins one after the last row.
    #[arg(long, value_name = "RECORD")]
    pub(crate) first_record: Option<u64>,
    /// At most that many rows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) max_rows: Option<u32>,
    /// Also writes everything that is needed to check the rows without the broker.
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Also writes the rows as CSV for a spreadsheet; with their proof beside, unless --export says where.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Also writes the rows as JSON Lines; with their proof beside, unless --export says where.
    #[arg(long, value_name = "FILE")]
    pub(crate) jsonl: Option<PathBuf>,
}

/// Arguments of `dpo count`.
#[derive(Args, Debug)]
pub(crate) struct CountArguments {
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// What the counts are grouped by, at most three: type, agency, agency-pair, purpose, kind, outcome,
    /// day, month.
    #[arg(long, value_name = "GROUPING", value_delimiter = ',', required = true)]
    pub(crate) by: Vec<String>,
    /// Also writes the counts as CSV for a spreadsheet.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
}

/// Which records of the log.
#[derive(Args, Debug)]
pub(crate) struct FilterArguments {
    /// Why the log is read: 10 to 500 characters; kept in the log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only about the participant with this own reference. The Lotse makes it with: schleuse lotse participant
    /// reference --participant REF --agency AGENCY
    #[arg(long, value_name = "REF")]
    pub(crate) participant: Option<String>,
    /// Only with this agency as a party.
    #[arg(long, value_name = "AGENCY")]
    pub(crate) agency: Option<String>,
    /// Only what this agency took part in as well.
    #[arg(long, value_name = "AGENCY", requires = "agency")]
    pub(crate) counterpart: Option<String>,
    /// Only decisions and hand-outs of this purpose.
    #[arg(long, value_name = "CODE")]
    pub(crate) purpose: Option<String>,
    /// Only decisions and hand-outs with this category.
    #[arg(long, value_name = "CODE")]
    pub(crate) category: Option<String>,
    /// Only decisions and hand-outs of this message kind.
    #[arg(long, value_name = "CODE")]
    pub(crate) kind: Option<String>,
    /// Only decisions with this outcome.
    #[arg(long, value_name = "OUTCOME", value_parser = ["accepted", "refused"])]
    pub(crate) outcome: Option<String>,
    /// Only this consent and what it covered (a Lotse or the officer of the project).
    #[arg(long, value_name = "CONSENT")]
    pub(crate) consent: Option<ConsentId>,
    /// Only what was caused with the certificate of this serial number, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) certificate_serial: Option<String>,
    /// Only from this date or time on (UTC).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only before this date or time (UTC).
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only records of these types, for example handed-out or consent-revoked.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
}
