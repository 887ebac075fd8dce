//! Arguments of the commands about rights of participants and about checkpoints.

use clap::{Args, Subcommand};
use schleuse_client::ParticipantReference;

/// Arguments of `dpo erase`.
#[derive(Args, Debug)]
pub(crate) struct EraseArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    #[command(flatten)]
    pub(crate) proposal: ProposalArguments,
}

/// How a run is proposed.
#[derive(Args, Debug)]
pub(crate) struct ProposalArguments {
    /// Why: 10 to 500 characters; kept in the log, of an erasure until it is carried out.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub(crate) reason: Option<String>,
    /// Only counts what would be erased; proposes nothing.
    #[arg(long, conflicts_with = "reason")]
    pub(crate) dry_run: bool,
}

/// Arguments of `dpo approve`.
#[derive(Args, Debug)]
pub(crate) struct ApproveArguments {
    /// Number of the run, see: schleuse dpo runs
    #[arg(value_name = "NUMBER")]
    pub(crate) run: u64,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `dpo restrict` and `lotse participant restrict`.
#[derive(Args, Debug)]
pub(crate) struct RestrictArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Ends the restriction: what waited goes on.
    #[arg(long)]
    pub(crate) end: bool,
}

/// Commands about holds.
#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Puts erasure on hold, for one participant or all.
    ///
    /// Example: schleuse dpo hold place --reason "incident of 22 November" --participant REF
    Place {
        /// Why: 10 to 500 characters; kept in the log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Own reference of the participant; without it, nothing at all is erased.
        #[arg(long, value_name = "REF")]
        participant: Option<ParticipantReference>,
    },
    /// Ends a hold.
    ///
    /// Example: schleuse dpo hold release 00112233445566778899aabbccddeeff
    Release {
        /// The hold, in hexadecimal digits.
        hold: String,
    },
    /// Lists the holds.
    ///
    /// Example: schleuse dpo hold list
    List,
}

/// Commands about checkpoints.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointCommand {
    /// Shows the kept checkpoint, the broker's, and how old the word of its witnesses is.
    ///
    /// Example: schleuse checkpoint show --witness "witness.example/dpo+1a2b3c4d+BASE64"
    Show {
        /// Public keys of witnesses that are believed; may be given several times.
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// Follows a broker whose log was reconciled after it had lost records. Ask its operator first what
    /// happened: until this is done, every command raises an alarm.
    ///
    /// Example: schleuse checkpoint accept --state state
    Accept {
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}
