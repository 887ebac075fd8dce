//! Arguments of the Lotse's commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::planning::{ParticipationCommand, TaskCommand};
use super::rights::RestrictArguments;
use schleuse_client::{Address, ConsentForm, ConsentId, ParticipantReference, RepresentationKind};

use super::conference::ConferenceCommand;
use super::console::LotseConsoleArguments;
use super::safeguards::{
    DeputyCommand, EndArguments, NarrowArguments, ObjectionCommand, ReleaseCommand, RenewArguments,
    ReviewsArguments,
};

use super::deadlines::LotseDeadlinesArguments;
use super::report::{CheckCodeArguments, ReceiptArguments, ReportArguments};
use super::template::{TemplateCommand, TextSource};

/// Commands of the Lotse.
#[derive(Debug, Subcommand)]
pub(crate) enum LotseCommand {
    /// Opens the web console on this machine, where the Lotse's key is. It prints a link that works once.
    ///
    /// Example: schleuse lotse console --catalogue catalogue.toml --templates consent-templates
    Console(LotseConsoleArguments),
    /// Participants and the references by which agencies address them.
    #[command(subcommand)]
    Participant(ParticipantCommand),
    /// Consents.
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// Conferences: plan, invite, fix, minutes, agreements, and what to recall when a consent ends.
    #[command(subcommand)]
    Conference(ConferenceCommand),
    /// Releases from professional secrecy (§ 203 StGB).
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Objections: they beat any consent.
    #[command(subcommand)]
    Objection(ObjectionCommand),
    /// Deputies, while the participant agrees.
    #[command(subcommand)]
    Deputy(DeputyCommand),
    /// Lists reviews that are due soon, overdue, or were missed.
    ///
    /// Example: schleuse lotse reviews --days 30
    Reviews(ReviewsArguments),
    /// Tells one agency, sealed and under a consent, whom its reference means.
    ///
    /// Example: schleuse lotse introduce --participant REF --to drv-bayern-sued/reha-beratung
    /// --as lotse --name "Gerhard W." --born 1989-02-03
    Introduce(IntroduceArguments),
    /// Lists what is to be done: consent requests, grants that end, reviews, 24 months, free places.
    ///
    /// Example: schleuse lotse tasks
    Tasks,
    /// One task.
    #[command(subcommand)]
    Task(TaskCommand),
    /// Participations: phases and the waiting list.
    #[command(subcommand)]
    Participation(ParticipationCommand),
    /// Counts the places of each Jobcenter.
    ///
    /// Example: schleuse lotse places
    Places,
    /// Writes everything that the log has about an own participant, as a page for that person (GDPR
    /// Art. 15) and as an export with its proofs. Each page that is read becomes a record.
    ///
    /// Example: schleuse lotse report --participant REF --reason "asked on 2026-12-01" --out report.html
    /// --proofs report.json --catalogue catalogue.toml --text consent.txt
    Report(ReportArguments),
    /// Lists what is due by when for an own participant, counted from the log. Hints with their norm, never
    /// decisions. The query becomes a record.
    ///
    /// Example: schleuse lotse deadlines --participant REF --joined 2026-03-02
    Deadlines(LotseDeadlinesArguments),
    /// Templates of consent texts.
    #[command(subcommand)]
    Template(TemplateCommand),
}

/// Commands about participants.
#[derive(Debug, Subcommand)]
pub(crate) enum ParticipantCommand {
    /// Registers a new participant and prints the own reference.
    ///
    /// Example: schleuse lotse participant register
    Register,
    /// Lists the own participants.
    ///
    /// Example: schleuse lotse participant list
    List,
    /// Makes (or repeats) the reference by which one agency addresses a participant.
    ///
    /// Example: schleuse lotse participant reference --participant REF --agency drv-bayern-sued
    Reference {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
        /// The agency.
        #[arg(long, value_name = "AGENCY")]
        agency: String,
    },
    /// Restricts the processing of a participant's data (GDPR Art. 18): nothing passes, nothing is erased.
    ///
    /// Example: schleuse lotse participant restrict --participant REF
    Restrict(RestrictArguments),
    /// Shows what the end of a participation stops, asks, and ends it: nothing passes any more.
    ///
    /// Example: schleuse lotse participant end --participant REF
    End(EndArguments),
    /// Says what it means, asks for the person once more, and hands a participant over to another Lotse of the own
    /// agency. The broker does not know whether there is such a person; only they can hand the participant back.
    ///
    /// Example: schleuse lotse participant hand-over --participant REF --lotse l-02
    HandOver {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
        /// Person part of the other Lotse's certificate identity.
        #[arg(long, value_name = "PERSON")]
        lotse: String,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Commands about consents.
#[derive(Debug, Subcommand)]
pub(crate) enum ConsentCommand {
    /// Signs and records a consent, with one grant from the options or several from a file.
    ///
    /// Example: schleuse lotse consent record --participant REF --to drv-bayern-sued/reha-beratung
    /// --from jobcenter-stadt-regensburg --purpose reha-einleitung --category gesundheit,termine
    /// --months 12 --text consent.txt --text-version 2026-1 --evidence scan.pdf
    ///
    /// A grants file holds `[[grant]]` tables with from = ["AGENCY"], to = "AGENCY/FUNCTION",
    /// purpose, categories = ["CODE"], months.
    ///
    /// If a representative consented: --representative betreuer --scope "Gesundheitssorge"
    /// --scope-purpose reha-einleitung --scope-category gesundheit,termine --scope-until 2027-12-31
    #[command(verbatim_doc_comment)]
    Record(Box<RecordArguments>),
    /// Lists the consents of a participant.
    ///
    /// Example: schleuse lotse consent list --participant REF
    List {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
    },
    /// Confirms with the participant's word that a consent still holds: its review is done, a suspension ends.
    ///
    /// Example: schleuse lotse consent confirm --participant REF --consent
    /// 00112233445566778899aabbccddeeff
    Confirm {
        /// Own reference of the participant.
        #[arg(long, value_name = "REF")]
        participant: ParticipantReference,
        /// The consent, in hexadecimal digits.
        #[arg(long, value_name = "HEX")]
        consent: ConsentId,
        /// When it is to be reviewed next, in calendar months from now on; without it, as late as allowed.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=24))]
        next_review_months: Option<u32>,
    },
    /// Shows what a narrowing stops, asks, and records the narrower revision.
    ///
    /// Example: schleuse lotse consent narrow --participant REF --consent 00112233445566778899aabbccddeeff
    /// --grant 1 --drop-category gesundheit
    Narrow(NarrowArguments),
    /// Renews all grants of a consent with new evidence.
    ///
    /// Example: schleuse lotse consent renew --participant REF --consent 00112233445566778899aabbccddeeff
    /// --months 12 --evidence scan.pdf
    Renew(RenewArguments),
    /// Shows what a revocation stops, asks, and revokes.
    ///
    /// Example: schleuse lotse consent revoke --consent 00112233445566778899aabbccddeeff
    Revoke(RevokeArguments),
    /// Writes the receipt of a consent, for the participant to take home.
    ///
    /// Example: schleuse lotse consent receipt --participant REF --consent HEX --out receipt.html
    /// --receipt-json receipt.json --catalogue catalogue.toml --text consent.txt
    Receipt(ReceiptArguments),
    /// Says which consent the check code of a receipt is of, whether it is unchanged, and its state.
    ///
    /// Example: schleuse lotse consent check-code --participant REF ABCD-EFGH-JKMN-PQRS
    CheckCode(CheckCodeArguments),
}

/// Arguments of `lotse consent record`.
#[derive(Args, Debug)]
pub(crate) struct RecordArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// File with several grants, instead of --to, --from, --purpose, --category, --months.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "from", "purpose", "category"])]
    pub(crate) grants: Option<PathBuf>,
    /// Recipient.
    #[arg(long, value_name = "AGENCY/FUNCTION", required_unless_present = "grants")]
    pub(crate) to: Option<Address>,
    /// Agencies that may send.
    #[arg(long, value_name = "AGENCY", value_delimiter = ',', required_unless_present = "grants")]
    pub(crate) from: Vec<String>,
    /// Purpose code of the catalogue.
    #[arg(long, value_name = "CODE", required_unless_present = "grants")]
    pub(crate) purpose: Option<String>,
    /// Data categories of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',', required_unless_present = "grants")]
    pub(crate) category: Vec<String>,
    /// How long it holds, in calendar months from now on or from --valid-from on.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub(crate) months: u32,
    /// Also takes recipients that the directory does not have yet; without it they are refused, since a name with
    /// a typing error looks the same.
    #[arg(long)]
    pub(crate) not_yet_in_directory: bool,
    #[command(flatten)]
    pub(crate) source: TextSource,
    /// How the consent was given.
    #[arg(long, value_enum, default_value_t = Form::Written)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) representation: RepresentationArguments,
    /// Files of evidence, such as the signed paper; only their hashes leave this machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Vec<PathBuf>,
    /// When it is to be reviewed with the participant, in calendar months from now on.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub(crate) review_months: u32,
}

/// Who consented for the participant; without it, the participant did. No grant goes beyond the representation.
#[derive(Args, Debug)]
pub(crate) struct RepresentationArguments {
    /// A representative consented, who is one because of this. No name: it belongs to the evidence.
    #[arg(
        long,
        value_name = "KIND",
        requires_all = ["scope", "scope_purpose", "scope_category"]
    )]
    pub(crate) representative: Option<Representative>,
    /// Scope of the representation in words, for example the court's: 1 to 200 bytes, no personal data.
    #[arg(long, value_name = "TEXT", requires = "representative")]
    pub(crate) scope: Option<String>,
    /// Purposes that the representation covers.
    #[arg(long, value_name = "CODE", value_delimiter = ',', requires = "representative")]
    pub(crate) scope_purpose: Vec<String>,
    /// Data categories that the representation covers.
    #[arg(long, value_name = "CODE", value_delimiter = ',', requires = "representative")]
    pub(crate) scope_category: Vec<String>,
    /// When the representation ends (UTC), if it does: no grant lasts longer.
    #[arg(long, value_name = "TIME", requires = "representative")]
    pub(crate) scope_until: Option<String>,
}

/// What makes somebody a representative.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Representative {
    /// Parents or a guardian (§§ 1629, 1789 BGB).
    ParentOrGuardian,
    /// A Betreuer, within the scope that the court named (§ 1815 BGB).
    Betreuer,
    /// Power of attorney (§ 1820 BGB).
    PowerOfAttorney,
}

impl From<Representative> for RepresentationKind {
    fn from(representative: Representative) -> Self {
        match representative {
            Representative::ParentOrGuardian => Self::ParentOrGuardian,
            Representative::Betreuer => Self::Betreuer,
            Representative::PowerOfAttorney => Self::PowerOfAttorney,
        }
    }
}

/// How a consent was given.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    /// In writing.
    Written,
    /// Electronically.
    Electronic,
    /// Otherwise, because of special circumstances (§ 67b (2) SGB X).
    SpecialReason,
}

impl From<Form> for ConsentForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Written => Self::Written,
            Form::Electronic => Self::Electronic,
            Form::SpecialReason => Self::SpecialReason,
        }
    }
}

/// Arguments of `lotse consent revoke`.
#[derive(Args, Debug)]
pub(crate) struct RevokeArguments {
    /// The consent, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) consent: ConsentId,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `lotse introduce`.
#[derive(Args, Debug)]
pub(crate) struct IntroduceArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Recipient.
    #[arg(long, value_name = "AGENCY/FUNCTION")]
    pub(crate) to: Address,
    /// Own function that sends.
    #[arg(long = "as", value_name = "FUNCTION")]
    pub(crate) function: String,
    /// Name of the participant.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Date of birth.
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "")]
    pub(crate) born: String,
    /// The recipient's own file number, if it is known.
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub(crate) file_number: String,
    /// Purpose code of the catalogue.
    #[arg(long, value_name = "CODE", default_value = "zuleitung")]
    pub(crate) purpose: String,
    /// Message kind code of the catalogue.
    #[arg(long, value_name = "CODE", default_value = "zuleitung.introduction")]
    pub(crate) kind: String,
    /// Data categories of the catalogue.
    #[arg(long, value_name = "CODE", value_delimiter = ',', default_value = "stammdaten")]
    pub(crate) category: Vec<String>,
}
