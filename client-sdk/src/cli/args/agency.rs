//! Arguments of the agencies' commands.

use std::path::PathBuf;

use super::deadlines::AgencyDeadlinesArguments;
use clap::{ArgGroup, Args, Subcommand};
use schleuse_client::{Address, ParticipantReference, ThreadId};

/// Commands of an agency.
#[derive(Debug, Subcommand)]
pub(crate) enum AgencyCommand {
    /// Publishes functions and public sealing keys of the own agency, signed.
    ///
    /// Example: schleuse agency publish --name "DRV Bayern Süd" --function reha-beratung=Reha-Beratung
    /// --sealing sealing.toml
    Publish(PublishArguments),
    /// Seals, signs and sends one message.
    ///
    /// Example: schleuse agency send --participant REF --to drv-bayern-sued/reha-beratung
    /// --as fallmanagement --purpose unterlagen --kind unterlagen.supply --category gesundheit
    /// --file report.pdf
    ///
    /// A Fallkonferenz file: place = "…", answer_by = "2026-12-01", `[[agenda]]` title, categories,
    /// minutes; `[[date]]` starts_at = "2026-12-08T09:00:00Z", minutes.
    #[command(verbatim_doc_comment)]
    Send(SendArguments),
    /// Answers an invitation to a Fallkonferenz.
    ///
    /// Example: schleuse agency answer --participant REF --to jobcenter-stadt-regensburg/fallmanagement
    /// --as reha-beratung --thread HEX --conference HEX --accept 2026-12-08T09:00:00Z
    Answer(AnswerArguments),
    /// Fetches what waits now.
    ///
    /// Example: schleuse agency inbox --function reha-beratung --sealing sealing.toml --acknowledge
    Inbox(InboxArguments),
    /// Fetches evidence of own acts: decisions on messages sent, hand-outs received.
    ///
    /// Example: schleuse agency evidence 17 18 --out evidence.json
    Evidence(EvidenceArguments),
    /// Receives messages as they come, until Ctrl-C or a number of them.
    ///
    /// Example: schleuse agency receive --function reha-beratung --sealing sealing.toml --count 1
    Receive(ReceiveArguments),
    /// Lists what is due by when, counted from the messages of the case file. Hints with their norm, never
    /// decisions; time limits of the law run whatever is shown.
    ///
    /// Example: schleuse agency deadlines --case-file case.jsonl --at 2026-12-01 --land BY
    Deadlines(AgencyDeadlinesArguments),
}

/// Arguments of `agency publish`.
#[derive(Args, Debug)]
pub(crate) struct PublishArguments {
    /// Name of the agency for people.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Function and its name for people; may be given several times.
    #[arg(long, value_name = "ID=NAME", required = true)]
    pub(crate) function: Vec<String>,
    /// Sealing keys of the agency; only the public ones leave this machine.
    #[arg(long, env = "SCHLEUSE_SEALING", value_name = "FILE")]
    pub(crate) sealing: PathBuf,
    /// How long the keys are valid, in days from now on.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1095))]
    pub(crate) days: u32,
}

/// Arguments of `agency evidence`.
#[derive(Args, Debug)]
pub(crate) struct EvidenceArguments {
    /// Log records, as the answers to one's calls named them.
    #[arg(required = true, num_args = 1..=100, value_name = "RECORD")]
    pub(crate) records: Vec<u64>,
    /// File to write; anybody can check it with: schleuse verify FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Where a message goes and under which label.
#[derive(Args, Debug)]
pub(crate) struct Envelope {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Recipient.
    #[arg(long, value_name = "AGENCY/FUNCTION")]
    pub(crate) to: Address,
    /// Own function that sends.
    #[arg(long = "as", value_name = "FUNCTION")]
    pub(crate) function: String,
    /// Thread to which the message belongs, in hexadecimal digits; without it a new one.
    #[arg(long, value_name = "HEX")]
    pub(crate) thread: Option<ThreadId>,
    /// How long the message may wait, in days.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub(crate) days: u32,
    /// Suite to seal with: mlkem1024-p384 or dhkem-p256; without it, the recipient's first key.
    #[arg(long, value_name = "SUITE")]
    pub(crate) suite: Option<String>,
    /// Case file: the message is entered there without its content, and deadlines are counted from it.
    #[arg(long, env = "SCHLEUSE_CASE_FILE", value_name = "FILE")]
    pub(crate) case_file: Option<PathBuf>,
}

/// Arguments of `agency send`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("content").required(true).args(["text", "file", "fallkonferenz"])))]
pub(crate) struct SendArguments {
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    /// Purpose code of the catalogue.
    #[arg(long, value_name = "CODE")]
    pub(crate) purpose: String,
    /// Message kind code of the catalogue.
    #[arg(long, value_name = "CODE")]
    pub(crate) kind: String,
    /// Data categories of the catalogue that the content touches.
    #[arg(long, value_name = "CODE", value_delimiter = ',', required = true)]
    pub(crate) category: Vec<String>,
    /// Plain text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Subject of the text, or note beside the file.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) subject: String,
    /// A file of at most 1 MiB.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Media type of the file; without it, by the file's ending.
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Invitation to a Fallkonferenz, from a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) fallkonferenz: Option<PathBuf>,
}

/// Arguments of `agency answer`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("reply").required(true).args(["accept", "decline", "propose"])))]
pub(crate) struct AnswerArguments {
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    /// The conference, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) conference: schleuse_client::ConferenceId,
    /// Takes part at this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) accept: Option<String>,
    /// Does not take part, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) decline: Option<String>,
    /// Proposes other times.
    #[arg(long, value_name = "TIME", value_delimiter = ',')]
    pub(crate) propose: Vec<String>,
    /// Length in minutes.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=480))]
    pub(crate) minutes: u32,
    /// Purpose code of the catalogue.
    #[arg(long, value_name = "CODE", default_value = "fallkonferenz")]
    pub(crate) purpose: String,
    /// Message kind code of the catalogue.
    #[arg(long, value_name = "CODE", default_value = "fallkonferenz.answer")]
    pub(crate) kind: String,
    /// Data categories of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',', default_value = "termine")]
    pub(crate) category: Vec<String>,
}

/// For whom and with which keys to receive.
#[derive(Args, Debug)]
pub(crate) struct Incoming {
    /// Own functions to receive for.
    #[arg(long, value_name = "FUNCTION", value_delimiter = ',', required = true)]
    pub(crate) function: Vec<String>,
    /// Private sealing keys of the agency.
    #[arg(long, env = "SCHLEUSE_SEALING", value_name = "FILE")]
    pub(crate) sealing: PathBuf,
    /// Takes the messages over: they are not handed out again.
    #[arg(long)]
    pub(crate) acknowledge: bool,
    /// Folder into which received files are written.
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,
    /// Book of references, kept here; introductions are entered, and names shown from it.
    #[arg(long, env = "SCHLEUSE_BOOK", value_name = "FILE")]
    pub(crate) book: Option<PathBuf>,
    /// Case file: messages are entered there without their contents, and deadlines are counted from it.
    #[arg(long, env = "SCHLEUSE_CASE_FILE", value_name = "FILE")]
    pub(crate) case_file: Option<PathBuf>,
}

/// Arguments of `agency inbox`.
#[derive(Args, Debug)]
pub(crate) struct InboxArguments {
    #[command(flatten)]
    pub(crate) incoming: Incoming,
    /// At most that many messages.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) max: u32,
}

/// Arguments of `agency receive`.
#[derive(Args, Debug)]
pub(crate) struct ReceiveArguments {
    #[command(flatten)]
    pub(crate) incoming: Incoming,
    /// Ends after that many messages.
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}
