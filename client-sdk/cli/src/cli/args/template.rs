//! Arguments of consent texts and their templates.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands about templates.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Checks templates: what an informed consent needs, and how readable they are.
    ///
    /// Example: schleuse lotse template lint ops/reference/consent-templates/*.md --catalogue catalogue.toml
    Lint {
        /// Templates.
        #[arg(required = true, num_args = 1..=100, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Catalogue of purposes and categories.
        #[arg(long, env = "SCHLEUSE_CATALOGUE", value_name = "FILE")]
        catalogue: PathBuf,
    },
    /// Makes the text to read out and to sign, for the grants of one consent, and prints its SHA-256.
    ///
    /// Example: schleuse lotse template render unterlagen.md --grants grants.toml
    /// --catalogue catalogue.toml --agencies agencies.toml --contact "Lotsin, 0941 0000" --out text.txt
    Render {
        /// The template.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Grants, as for `lotse consent record`; an objection has none.
        #[arg(long, value_name = "FILE")]
        grants: Option<PathBuf>,
        #[command(flatten)]
        source: TemplateSource,
        /// Catalogue of purposes and categories.
        #[arg(long, env = "SCHLEUSE_CATALOGUE", value_name = "FILE")]
        catalogue: PathBuf,
        /// Text to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// What is filled into a template besides the grants.
#[derive(Args, Debug)]
pub(crate) struct TemplateSource {
    /// Names of agencies, `[agency.ID]` tables with name and functions; without it, identifiers are shown.
    #[arg(long, env = "SCHLEUSE_AGENCIES", value_name = "FILE")]
    pub(crate) agencies: Option<PathBuf>,
    /// Whom the participant asks, for example the Lotse's name and telephone.
    #[arg(long, env = "SCHLEUSE_CONTACT", value_name = "TEXT", default_value = "")]
    pub(crate) contact: String,
    /// First day in Germany on which the grants hold, whatever the text is made of; without it, today with a
    /// template, else from now on. A text and the record of its consent name the same day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) valid_from: Option<String>,
}

/// The text of a consent: from a file, or from a template.
#[derive(Args, Debug)]
pub(crate) struct TextSource {
    /// File with the text that the participant was given; only its hash leaves this machine.
    #[arg(long, value_name = "FILE", required_unless_present = "template")]
    pub(crate) text: Option<PathBuf>,
    /// Version of the text; a template has its own.
    #[arg(
        long,
        value_name = "VERSION",
        required_unless_present = "template",
        conflicts_with = "template"
    )]
    pub(crate) text_version: Option<String>,
    /// Language of the text; a template has its own.
    #[arg(long, value_name = "TAG", default_value = "de")]
    pub(crate) language: String,
    /// Template of the text.
    #[arg(long, value_name = "FILE", requires = "catalogue")]
    pub(crate) template: Option<PathBuf>,
    /// Catalogue of purposes and categories, for a template.
    #[arg(long, env = "SCHLEUSE_CATALOGUE", value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filling: TemplateSource,
    /// Where the text of a template is kept; needed unless --text is given.
    #[arg(long, value_name = "FILE", requires = "template", conflicts_with = "text")]
    pub(crate) text_out: Option<PathBuf>,
}
