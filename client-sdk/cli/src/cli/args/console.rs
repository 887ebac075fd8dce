//! Arguments of the console.

use std::path::PathBuf;

use clap::Args;
use schleuse_client::deadlines::Place;

/// Longest time without a request after which a session ends, in minutes.
const IDLE_MINUTES_MAX: u64 = 12 * 60;

/// Arguments of both consoles.
#[derive(Args, Debug)]
pub(crate) struct ConsoleArguments {
    /// Port on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) port: u16,
    /// Minutes without a request after which the session ends; at most 12 hours.
    #[arg(long, default_value_t = 60, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=IDLE_MINUTES_MAX))]
    pub(crate) idle_minutes: u64,
    /// Folder for what stays on this machine: names of participants, conferences. Without it, a folder in --state.
    #[arg(long, env = "SCHLEUSE_CONSOLE", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

/// Arguments of `lotse console`.
#[derive(Args, Debug)]
pub(crate) struct LotseConsoleArguments {
    #[command(flatten)]
    pub(crate) console: ConsoleArguments,
    /// Catalogue of purposes, categories and kinds, as the broker has it (for example ops/reference/catalogue.toml): the
    /// forms offer what stands in it.
    #[arg(long, env = "SCHLEUSE_CATALOGUE", value_name = "FILE")]
    pub(crate) catalogue: PathBuf,
    /// Folder of consent templates (*.md).
    #[arg(long, env = "SCHLEUSE_TEMPLATES", value_name = "FOLDER")]
    pub(crate) templates: Option<PathBuf>,
    /// How participants reach the Lotse; stands in texts of consents.
    #[arg(long, env = "SCHLEUSE_CONTACT", value_name = "TEXT")]
    pub(crate) contact: Option<String>,
    /// Land of the agency, whose public holidays count for deadlines; as in lotse deadlines.
    #[arg(long, env = "SCHLEUSE_LAND", value_name = "LAND", default_value_t = Place::default())]
    pub(crate) land: Place,
    /// Private sealing keys, to read what agencies answer to conferences.
    #[arg(long, env = "SCHLEUSE_SEALING", value_name = "FILE")]
    pub(crate) sealing: Option<PathBuf>,
}

/// Arguments of `dpo console`.
#[derive(Args, Debug)]
pub(crate) struct DpoConsoleArguments {
    #[command(flatten)]
    pub(crate) console: ConsoleArguments,
    /// Catalogue of purposes, categories and kinds, for their names; without it, pages show codes.
    #[arg(long, env = "SCHLEUSE_CATALOGUE", value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
}
