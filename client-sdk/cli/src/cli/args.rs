//! Arguments of the command line.

mod agency;
mod conference;
mod console;
mod deadlines;
mod delivery;
mod dpo;
mod evaluation;
mod lotse;
mod planning;
mod report;
mod rights;
mod safeguards;
mod simulate;
mod template;
mod witness;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use agency::{
    AgencyCommand, AnswerArguments, Envelope, EvidenceArguments, InboxArguments, Incoming,
    KindsArguments, KindsCommand, PublishArguments, ReceiveArguments, SendArguments,
};
pub(crate) use conference::{
    AgreementReport, AnswerConference, Chosen, ConferenceCommand, Dates, Folder, Secrecy, Sending,
};
pub(crate) use console::{ConsoleArguments, DpoConsoleArguments, LotseConsoleArguments};
pub(crate) use deadlines::{
    AgencyDeadlinesArguments, DeadlineCommand, LotseDeadlinesArguments, ShownDeadlines,
};
pub(crate) use delivery::{
    ConfirmArguments, DeletionsArguments, MailboxArguments, NoticesArguments, OperatorCommand,
    OwnMessages, RejectArguments,
};
pub(crate) use dpo::{CountArguments, FilterArguments, LogArguments};
pub(crate) use evaluation::{EvaluationCommand, ExportArguments};
pub(crate) use lotse::{
    ConsentCommand, IntroduceArguments, LotseCommand, ParticipantCommand, RecordArguments,
    RepresentationArguments, RevokeArguments,
};
pub(crate) use planning::{
    ContactArguments, ParticipationCommand, PlannedArguments, RequestConsentArguments,
    SearchArguments, SetParticipationArguments, TaskCommand,
};
pub(crate) use report::{CheckCodeArguments, ReceiptArguments, ReportArguments};
pub(crate) use rights::{
    ApproveArguments, CheckpointCommand, EraseArguments, HoldCommand, ProposalArguments,
    RestrictArguments,
};
pub(crate) use safeguards::{
    DeputyArguments, DeputyCommand, EndArguments, NarrowArguments, ObjectionArguments,
    ObjectionCommand, ReleaseArguments, ReleaseCommand, RenewArguments, ReviewsArguments,
};
pub(crate) use simulate::SimulateArguments;
pub(crate) use template::{TemplateCommand, TemplateSource, TextSource};
pub(crate) use witness::{ServeArguments, WitnessCommand};

/// Exchanges sealed messages between social agencies, under the consent of the person concerned.
///
/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not covered by a consent, 4 alarm
/// (the broker was rolled back or forked, or evidence does not hold).
#[derive(Debug, Parser)]
#[command(name = "schleuse", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of all commands.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Where the broker listens.
    #[arg(
        long,
        env = "SCHLEUSE_ENDPOINT",
        default_value = "https://localhost:8443",
        value_name = "URL",
        global = true
    )]
    pub(crate) endpoint: String,
    /// Name in the broker's certificate, if it is not the host of the endpoint.
    #[arg(long, env = "SCHLEUSE_SERVER_NAME", value_name = "NAME", global = true)]
    pub(crate) server_name: Option<String>,
    /// Trust file of the installation.
    #[arg(long, env = "SCHLEUSE_TRUST", value_name = "FILE", global = true)]
    pub(crate) trust: Option<PathBuf>,
    /// Own certificate chain, PEM.
    #[arg(long, env = "SCHLEUSE_CERTIFICATE", value_name = "FILE", global = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// Own private key, PEM; without it, the certificate's path with the ending .key.
    #[arg(long, env = "SCHLEUSE_KEY", value_name = "FILE", global = true)]
    pub(crate) key: Option<PathBuf>,
    /// Folder in which the newest checkpoint of the broker's log is kept.
    #[arg(long, env = "SCHLEUSE_STATE", value_name = "DIR", global = true)]
    pub(crate) state: Option<PathBuf>,
    /// Prints one JSON document instead of a table (one per line for what arrives over time).
    #[arg(long, env = "SCHLEUSE_JSON", global = true)]
    pub(crate) json: bool,
}

/// What to do, by role.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "parsed once in the life of the program")]
pub(crate) enum Command {
    /// Participants and their consents (role lotse).
    #[command(subcommand)]
    Lotse(LotseCommand),
    /// Sending and receiving messages (role system; a Lotse for the own agency).
    #[command(subcommand)]
    Agency(AgencyCommand),
    /// The access log (role dpo; a Lotse for own participants).
    #[command(subcommand)]
    Dpo(DpoCommand),
    /// What operators watch (role operator).
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Tables for the scientific evaluation (role evaluation).
    #[command(subcommand)]
    Evaluation(EvaluationCommand),
    /// The directory of agencies and functions.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// The newest checkpoint of the broker's log that is kept here.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Deadlines: the rules, the holidays, and tables to check other programs with. Needs no broker.
    #[command(subcommand)]
    Deadlines(DeadlineCommand),
    /// Checks an export of the log, or evidence, without the broker.
    ///
    /// Example: schleuse verify export.json --trust pki/trust.toml
    Verify(VerifyArguments),
    /// A witness of the broker's log: it cosigns checkpoints that continue the log it has seen.
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Plays a region against a broker with development keys: ten agencies, 45 participants.
    ///
    /// Example: schleuse simulate --pki pki --messages 10000
    Simulate(SimulateArguments),
}

/// Commands of the data-protection officer.
#[derive(Debug, Subcommand)]
pub(crate) enum DpoCommand {
    /// Lists records of the access log. The query itself becomes a record.
    ///
    /// Example: schleuse dpo log --reason "quarterly control" --type handed-out --export q3.json
    Log(Box<LogArguments>),
    /// Lists what was handed out, and what was sent, under a certificate, by an agency, or since a time:
    /// the basis of a notification. Each page that is read becomes a record.
    ///
    /// Example: schleuse dpo incident --reason "stolen key of the DRV" --certificate-serial 4a1f
    /// --known-since 2026-12-01T08:00:00Z
    Incident(IncidentArguments),
    /// Counts records of the access log in groups. The count itself becomes a record.
    ///
    /// Example: schleuse dpo count --reason "yearly report" --type handed-out --by purpose,month
    Count(Box<CountArguments>),
    /// Proposes to erase everything about a participant for good, and shows how much that is now. Another person
    /// approves it. For officers of the project, with a certificate that names a person.
    ///
    /// Example: schleuse dpo erase --participant REF --reason "request of 2026-12-01"
    Erase(EraseArguments),
    /// Proposes to erase the contents of records whose retention period has ended, and shows how much that is now.
    /// Another person approves it. For officers of the project, with a certificate that names a person.
    ///
    /// Example: schleuse dpo retention --reason "retention of the third quarter"
    Retention(ProposalArguments),
    /// Lists the open runs: what was proposed, why, by whom, and until when another person can approve it. For
    /// officers of the project.
    ///
    /// Example: schleuse dpo runs
    Runs,
    /// Approves a run that another person proposed, after a look at what it is: it erases for good. Proofs still
    /// verify. For officers of the project; destroy the keys of earlier backups afterwards.
    ///
    /// Example: schleuse dpo approve 4711
    Approve(ApproveArguments),
    /// Withdraws an open run. For officers of the project.
    ///
    /// Example: schleuse dpo withdraw 4711
    Withdraw {
        /// Number of the run, see: schleuse dpo runs
        #[arg(value_name = "NUMBER")]
        run: u64,
    },
    /// Restricts the processing of a participant's data (GDPR Art. 18): nothing passes, nothing is erased. For
    /// the project's officer.
    ///
    /// Example: schleuse dpo restrict --participant REF
    Restrict(RestrictArguments),
    /// Holds on erasure, for example while an incident is open. For the project's officer.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Writes everything that the log has about one participant, as a page for that person (GDPR Art. 15)
    /// and as an export with its proofs. Each page that is read becomes a record. For the project's officer:
    /// an agency's does not see all that there is.
    ///
    /// Example: schleuse dpo report --participant REF --reason "request of 2026-12-01" --out report.html
    /// --proofs report.json --catalogue catalogue.toml --text consent.txt
    Report(ReportArguments),
    /// Lists duties of recipients to delete data whose basis has ended: of the own agency, for the project's
    /// officer of all. The list becomes a record.
    ///
    /// Example: schleuse dpo deletions --overdue
    Deletions(DeletionsArguments),
    /// Opens the web console on this machine: what the broker's own console shows, but proofs are checked here, and
    /// the key stays here.
    ///
    /// Example: schleuse dpo console --catalogue catalogue.toml
    Console(DpoConsoleArguments),
}

/// Arguments of `dpo incident`.
#[derive(Args, Debug)]
pub(crate) struct IncidentArguments {
    /// Why the log is read: 10 to 500 characters; kept in the log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) scope: IncidentScope,
    /// Only before this date or time (UTC).
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// When the incident became known; the 72 hours of GDPR Art. 33 count from here.
    #[arg(long, value_name = "TIME")]
    pub(crate) known_since: Option<String>,
}

/// What the incident is about; at least one.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct IncidentScope {
    /// Serial number of the certificate that received or sent, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) certificate_serial: Option<String>,
    /// Agency that sent or received.
    #[arg(long, value_name = "AGENCY")]
    pub(crate) agency: Option<String>,
    /// From this date or time on (UTC).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

/// Commands of the directory.
#[derive(Debug, Subcommand)]
pub(crate) enum DirectoryCommand {
    /// Lists agencies and their functions.
    ///
    /// Example: schleuse directory list --due
    List {
        /// Only entries that are stale or to be confirmed within 30 days.
        #[arg(long)]
        due: bool,
    },
    /// Searches names, functions, offers and contacts.
    ///
    /// Example: schleuse directory search schuldnerberatung --region oberpfalz
    Search(SearchArguments),
    /// Confirms that the own agency's entry is still so (role system or lotse).
    ///
    /// Example: schleuse directory confirm
    Confirm,
    /// Adds a body that is not connected to the own agency's entry, or replaces it (role system or lotse).
    ///
    /// Example: schleuse directory add-contact --id schuldnerberatung-mitte --name "Schuldnerberatung Mitte"
    /// --kind beratungsstelle --offer "Schuldner- und Insolvenzberatung" --topic schulden --region Regensburg
    AddContact(ContactArguments),
    /// Shows one agency: functions, sealing keys, who signed.
    ///
    /// Example: schleuse directory show drv-bayern-sued
    Show {
        /// The agency.
        agency: String,
    },
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// Written by `dpo log --export` or `agency evidence`.
    pub(crate) file: PathBuf,
    /// Public key of the log; without it, the one in the trust file.
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: Option<String>,
    /// Fails unless there is a row for every record of the log, so that nothing can be left out.
    #[arg(long)]
    pub(crate) complete: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent_and_each_command_shows_an_example() {
        fn leaves(command: &clap::Command, found: &mut Vec<(String, String)>) {
            let mut below = command.get_subcommands().peekable();
            if below.peek().is_none() {
                let help = command.clone().render_long_help().to_string();
                found.push((command.get_name().to_owned(), help));
            }
            below.for_each(|command| leaves(command, found));
        }
        Arguments::command().debug_assert();
        let mut found = Vec::new();
        leaves(&Arguments::command(), &mut found);
        assert!(found.len() > 100, "{} commands", found.len());
        for (name, help) in found {
            assert!(help.contains("Example: schleuse "), "{name} has no example");
        }
    }

    #[test]
    fn a_consent_is_recorded_from_options_or_from_a_file() {
        let reference = "a".repeat(26);
        let parse = |rest: &[&str]| {
            let fixed = ["schleuse", "lotse", "consent", "record", "--participant", &reference];
            let text = ["--text", "t", "--text-version", "1"];
            Arguments::try_parse_from(fixed.iter().chain(&text).chain(rest))
        };
        let options = ["--to", "drv/reha", "--from", "a,b", "--purpose", "p", "--category", "c"];
        assert!(parse(&options).is_ok());
        assert!(parse(&["--grants", "g.toml"]).is_ok());
        assert!(parse(&["--grants", "g.toml", "--to", "drv/reha"]).is_err());
        assert!(parse(&options[..6]).is_err());
        assert!(parse(&[&options[..], &["--months", "25"]].concat()).is_err());
    }

    #[test]
    fn a_representative_is_named_with_the_whole_representation_or_not_at_all() {
        let reference = "a".repeat(26);
        let parse = |rest: &[&str]| {
            let fixed = ["schleuse", "lotse", "consent", "record", "--participant", &reference];
            let text = ["--text", "t", "--text-version", "1", "--grants", "g.toml"];
            Arguments::try_parse_from(fixed.iter().chain(&text).chain(rest))
        };
        let whole = ["--representative", "betreuer", "--scope", "s", "--scope-purpose", "p"];
        let whole =
            [&whole[..], &["--scope-category", "c", "--scope-until", "2030-01-01"]].concat();
        assert!(parse(&whole).is_ok() && parse(&whole[..8]).is_ok());
        for left_out in [0, 2, 4, 6] {
            let mut part = whole.clone();
            part.drain(left_out..left_out + 2);
            assert!(parse(&part).is_err(), "{part:?}");
        }
    }

    #[test]
    fn a_message_has_exactly_one_content() {
        let reference = "a".repeat(26);
        let parse = |rest: &[&str]| {
            let fixed = [
                "schleuse",
                "agency",
                "send",
                "--participant",
                &reference,
                "--to",
                "drv/reha",
                "--as",
                "f",
                "--purpose",
                "p",
                "--kind",
                "k",
                "--category",
                "c",
            ];
            Arguments::try_parse_from(fixed.iter().chain(rest))
        };
        assert!(parse(&["--text", "t"]).is_ok());
        assert!(parse(&["--file", "f", "--subject", "note"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--text", "t", "--file", "f"]).is_err());
        let id = "0".repeat(32);
        assert!(parse(&["--json-content", "f", "--about", &id, "--in-reply-to", &id]).is_ok());
        assert!(parse(&["--text", "t", "--about", &id]).is_err());
    }
}
