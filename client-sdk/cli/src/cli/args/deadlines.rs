//! Arguments of deadlines.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use schleuse_client::ParticipantReference;
use schleuse_client::deadlines::Place;

/// What is shown, and for which place and day.
#[derive(Args, Debug)]
pub(crate) struct ShownDeadlines {
    /// As of this day (at its end) or instant; without it, now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Land of the agency, whose public holidays count; /catholic, /plain or /augsburg behind it where the
    /// community matters. BY alone is a community with Mariä Himmelfahrt, such as Regensburg.
    #[arg(long, env = "SCHLEUSE_LAND", value_name = "LAND", default_value_t = Place::default())]
    pub(crate) land: Place,
    /// Also what was met and what another rule took the place of.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `agency deadlines`.
#[derive(Args, Debug)]
pub(crate) struct AgencyDeadlinesArguments {
    /// Case file, as `send`, `answer`, `inbox` and `receive` write it, or the output of `inbox --json`.
    #[arg(long, env = "SCHLEUSE_CASE_FILE", value_name = "FILE")]
    pub(crate) case_file: PathBuf,
    /// Only about this participant: the own reference.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: Option<ParticipantReference>,
    #[command(flatten)]
    pub(crate) shown: ShownDeadlines,
}

/// Arguments of `lotse deadlines`.
#[derive(Args, Debug)]
pub(crate) struct LotseDeadlinesArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Why the log is read: 10 to 500 characters; kept in the log.
    #[arg(long, value_name = "TEXT", default_value = "deadlines of the participant")]
    pub(crate) reason: String,
    /// Day of joining, if it is not the day of registration.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) joined: Option<String>,
    /// Day on which the participation ended.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) left: Option<String>,
    #[command(flatten)]
    pub(crate) shown: ShownDeadlines,
}

/// Commands about deadlines that need no broker.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadlineCommand {
    /// Lists all rules with their norms.
    ///
    /// Example: schleuse deadlines rules
    Rules,
    /// Lists the public holidays of a year.
    ///
    /// Example: schleuse deadlines holidays --year 2026 --land BY
    Holidays {
        /// The year, 2020 to 2050.
        #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(2020..=2050))]
        year: i16,
        /// The Land, as for `agency deadlines`.
        #[arg(long, env = "SCHLEUSE_LAND", value_name = "LAND", default_value_t = Place::default())]
        land: Place,
    },
    /// Prints the last day by each rule for events on each day, as CSV: rule, day of the event, last day,
    /// first instant at which it is overdue.
    ///
    /// Example: schleuse deadlines table --from 2026-01-01 --until 2026-12-31 --land BY
    Table {
        /// First day of an event.
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: String,
        /// Last day of an event.
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: String,
        /// The Land, as for `agency deadlines`.
        #[arg(long, env = "SCHLEUSE_LAND", value_name = "LAND", default_value_t = Place::default())]
        land: Place,
    },
}
