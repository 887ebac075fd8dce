//! Arguments of the agencies' commands.

use std::path::PathBuf;

use super::deadlines::AgencyDeadlinesArguments;
use super::planning::{DetailsArguments, PlannedArguments, RequestConsentArguments};
use clap::{ArgGroup, Args, Subcommand};
use schleuse_client::{Address, MessageId, ParticipantReference, ThreadId};

use super::conference::ConferenceCommand;
use super::delivery::{
    ConfirmArguments, DeletionsArguments, MailboxArguments, NoticesArguments, OwnMessages,
    RejectArguments,
};

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
    /// Example: schleuse agency send --participant REF --to drv-bayern-sued/reha-beratung
    /// --as fallmanagement --kind zustaendigkeit.ask --category gesundheit --json-content ask.json
    ///
    /// What a kind holds, with an example to copy: schleuse agency kinds show KIND
    ///
    /// Attachments of up to 100 MiB, each with categories of its own: --text "anbei" --attach scan.pdf:gesundheit
    /// --attach plan.odt. Interrupted, the same command goes on where it was, if --state is given.
    ///
    /// A Fallkonferenz file: place = "…", answer_by = "2026-12-01", `[[agenda]]` title, categories,
    /// minutes; `[[date]]` starts_at = "2026-12-08T09:00:00Z", minutes.
    #[command(verbatim_doc_comment)]
    Send(SendArguments),
    /// Asks whether a message would pass, without sending it: exit code 0 covered, 3 not covered.
    ///
    /// Example: schleuse agency ask --participant REF --to drv-bayern-sued/reha-beratung
    /// --as fallmanagement --purpose unterlagen --kind unterlagen.supply --category gesundheit
    Ask(PlannedArguments),
    /// Asks the Lotse for a consent. What becomes of it is not told.
    ///
    /// Example: schleuse agency request-consent --participant REF --to drv-bayern-sued/reha-beratung
    /// --as fallmanagement --purpose unterlagen --kind unterlagen.supply --category gesundheit
    /// --reason period-runs
    RequestConsent(RequestConsentArguments),
    /// Lists the message kinds, or shows the fields and an example of one.
    ///
    /// Example: schleuse agency kinds
    ///
    /// Example: schleuse agency kinds show zustaendigkeit.ask
    Kinds(KindsArguments),
    /// Answers an invitation to a Fallkonferenz.
    ///
    /// Example: schleuse agency answer --participant REF --to jobcenter-stadt-regensburg/fallmanagement
    /// --as reha-beratung --thread HEX --conference HEX --accept 2026-12-08T09:00:00Z
    Answer(AnswerArguments),
    /// Conferences: plan, invite, answer, fix, minutes, agreements.
    #[command(subcommand)]
    Conference(ConferenceCommand),
    /// Fetches what waits now.
    ///
    /// What is shown is handed out: without --acknowledge the mailbox does not show it again for a minute or so.
    /// With it, a message whose file or attachments are not saved here is not taken over: exit code 1.
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
    /// Recalls own messages: what was not handed out never is.
    ///
    /// Exit code 1 if one was handed out before: it is not handed out again, but its recipient may have read it. Also
    /// if it was taken up, had ended, or is unknown.
    ///
    /// Example: schleuse agency recall 9f86d081884c7d659a2feaa0c55ad015
    Recall(OwnMessages),
    /// Shows where own messages are: handed out, opened, taken up, or how they ended.
    ///
    /// Example: schleuse agency track 9f86d081884c7d659a2feaa0c55ad015
    Track(OwnMessages),
    /// Lists what the broker tells about own messages and about duties to delete.
    ///
    /// Example: schleuse agency notices --after 1207 --follow
    Notices(NoticesArguments),
    /// Rejects received messages that cannot be processed; their sender is told why.
    ///
    /// Example: schleuse agency reject 1207 --reason misdirected
    Reject(RejectArguments),
    /// Lists messages to the own agency that are dead letters.
    ///
    /// Example: schleuse agency dead-letters
    DeadLetters,
    /// Shows how regularly a mailbox is read: read, slow or unread.
    ///
    /// Example: schleuse agency mailbox drv-bayern-sued/reha-beratung
    Mailbox(MailboxArguments),
    /// Lists duties to delete data whose basis has ended.
    ///
    /// Example: schleuse agency deletions --open
    Deletions(DeletionsArguments),
    /// Answers a duty: deleted, or kept under a rule.
    ///
    /// Example: schleuse agency confirm-deletion 1310 --retained "§ 84 SGB X"
    ConfirmDeletion(ConfirmArguments),
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
    #[command(flatten)]
    pub(crate) details: DetailsArguments,
    /// How long the keys are valid, in days from now on.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1095))]
    pub(crate) days: u32,
    /// Does not ask when functions of the present entry are left out.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `agency kinds`.
#[derive(Args, Debug)]
pub(crate) struct KindsArguments {
    /// Only kinds of this purpose.
    #[arg(long, value_name = "CODE")]
    pub(crate) purpose: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<KindsCommand>,
}

/// What to see of the kinds; all of them without it.
#[derive(Debug, Subcommand)]
pub(crate) enum KindsCommand {
    /// Shows the fields of a kind and an example of its content.
    ///
    /// With --json, `example` is what --json-content takes.
    ///
    /// Example: schleuse agency kinds show zustaendigkeit.ask
    Show {
        /// Code of the kind.
        #[arg(value_name = "KIND")]
        kind: String,
        /// Prints only the example, ready for --json-content.
        #[arg(long)]
        example: bool,
    },
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
    /// The content is a professional secret (§ 203 StGB): then a release must cover it beside a consent.
    #[arg(long)]
    pub(crate) professional_secret: bool,
    /// Suite to seal with: mlkem1024-p384 or dhkem-p256; without it, the recipient's first key.
    #[arg(long, value_name = "SUITE")]
    pub(crate) suite: Option<String>,
    /// Case file: the message is entered there without its content, and deadlines are counted from it.
    #[arg(long, env = "SCHLEUSE_CASE_FILE", value_name = "FILE")]
    pub(crate) case_file: Option<PathBuf>,
}

/// Arguments of `agency send`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("content").required(true).args(["text", "file", "fallkonferenz", "json_content"])))]
pub(crate) struct SendArguments {
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    /// Purpose code of the catalogue; may be left out if the kind belongs to one purpose only.
    #[arg(long, value_name = "CODE")]
    pub(crate) purpose: Option<String>,
    /// Message kind code of the catalogue; see: schleuse agency kinds
    #[arg(long, value_name = "CODE")]
    pub(crate) kind: String,
    /// Data categories of the catalogue that the content touches.
    #[arg(long, value_name = "CODE", value_delimiter = ',', required = true)]
    pub(crate) category: Vec<String>,
    /// Plain text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Subject of the text or of the JSON content, or note beside the file.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) subject: String,
    /// Content of the kind as JSON; the example of `schleuse agency kinds show` shows its form.
    #[arg(long, value_name = "FILE")]
    pub(crate) json_content: Option<PathBuf>,
    /// Message that this one answers, in hexadecimal digits; only its recipient sees that.
    #[arg(long, value_name = "HEX")]
    pub(crate) in_reply_to: Option<MessageId>,
    /// With --json-content: message that it is about, for kinds that name one (`message_id`).
    #[arg(long, value_name = "HEX", conflicts_with_all = ["text", "file", "fallkonferenz"])]
    pub(crate) about: Option<MessageId>,
    /// A file of at most 1 MiB.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Media type of the file; without it, by the file's ending.
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Invitation to a Fallkonferenz, from a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) fallkonferenz: Option<PathBuf>,
    /// A file of at most 100 MiB that goes with the message, in parts; may be given up to 16 times. Its data
    /// categories follow a colon; without them it has those of the message.
    #[arg(long, value_name = "FILE[:CODE,CODE]")]
    pub(crate) attach: Vec<String>,
    /// Sends the message without the attachments that are not covered by a consent, and names them: exit code 0.
    /// Without this option nothing is sent then: exit code 3.
    #[arg(long, requires = "attach")]
    pub(crate) leave_out_uncovered: bool,
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
    /// Takes the messages over: they are not handed out again. One with a file needs --save, one with attachments
    /// --attachments-dir: it is not taken over without.
    #[arg(long)]
    pub(crate) acknowledge: bool,
    /// A person takes them up, not a system; the senders are told.
    #[arg(long, requires = "acknowledge")]
    pub(crate) person: bool,
    /// Folder into which received files are written; it is made if need be.
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,
    /// Folder into which attachments are collected; of one process at a time. With --acknowledge each part is
    /// taken over when it is on disk; without this option parts are left where they are.
    #[arg(long, value_name = "DIR")]
    pub(crate) attachments_dir: Option<PathBuf>,
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
