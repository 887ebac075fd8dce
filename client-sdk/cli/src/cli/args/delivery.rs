//! Arguments of what becomes of messages, notices and duties to delete.

use clap::{ArgGroup, Args, Subcommand};
use schleuse_client::{Address, MessageId};

/// Own messages.
#[derive(Args, Debug)]
pub(crate) struct OwnMessages {
    /// Identifiers of own messages, in hexadecimal digits, as `send` printed them.
    #[arg(required = true, num_args = 1..=100, value_name = "MESSAGE")]
    pub(crate) messages: Vec<MessageId>,
}

/// Arguments of `agency reject`.
#[derive(Args, Debug)]
pub(crate) struct RejectArguments {
    /// Numbers of received messages.
    #[arg(required = true, num_args = 1..=100, value_name = "NUMBER")]
    pub(crate) numbers: Vec<u64>,
    /// Why: cannot-open, misdirected, unknown-version or unreadable. The sender is told.
    #[arg(long, value_name = "CODE", value_parser = ["cannot-open", "misdirected", "unknown-version", "unreadable"])]
    pub(crate) reason: String,
}

/// Arguments of `agency notices`.
#[derive(Args, Debug)]
pub(crate) struct NoticesArguments {
    /// Notices behind this number, the last one that was worked on.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) after: u64,
    /// At most that many; without it all.
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<u64>,
    /// Waits for those to come, until Ctrl-C or --max.
    #[arg(long)]
    pub(crate) follow: bool,
}

/// Arguments of `agency mailbox`.
#[derive(Args, Debug)]
pub(crate) struct MailboxArguments {
    /// Whose.
    #[arg(value_name = "AGENCY/FUNCTION")]
    pub(crate) address: Address,
}

/// Arguments of `agency deletions` and `dpo deletions`.
#[derive(Args, Debug)]
pub(crate) struct DeletionsArguments {
    /// Only those that are due and not answered. Exit code 1 if there is one.
    #[arg(long)]
    pub(crate) overdue: bool,
    /// Only those that are not answered.
    #[arg(long, conflicts_with = "overdue")]
    pub(crate) open: bool,
}

/// Arguments of `agency confirm-deletion`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("answer").required(true).args(["deleted", "retained"])))]
pub(crate) struct ConfirmArguments {
    /// The duty, as `deletions` lists it.
    #[arg(value_name = "DUTY")]
    pub(crate) duty: u64,
    /// The data is deleted.
    #[arg(long)]
    pub(crate) deleted: bool,
    /// The data is kept under this rule, for example "§ 84 SGB X". No personal data.
    #[arg(long, value_name = "RULE")]
    pub(crate) retained: Option<String>,
}

/// Commands of operators.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Lists mailboxes: how regularly each is read, and what waits there. Nothing about participants.
    ///
    /// Exit code 1 if messages wait in a mailbox that nobody reads: for monitoring.
    ///
    /// Example: schleuse operator mailboxes
    Mailboxes,
    /// Shows how the broker is: log, witnesses, certificates, queues, volume. Nothing about participants. Also for
    /// data-protection officers.
    ///
    /// Exit code 1 if nothing can be permitted now, or a certificate or revocation list has run out: for monitoring.
    ///
    /// Example: schleuse operator status
    Status,
}
