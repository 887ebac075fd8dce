//! Arguments of planning: questions before sending, requests, tasks, participations.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use schleuse_client::{
    Address, ParticipantReference, ParticipationPhase, RequestReason, TaskResult,
};

/// What somebody would like to send.
#[derive(Args, Debug)]
pub(crate) struct PlannedArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// Recipient.
    #[arg(long, value_name = "AGENCY/FUNCTION")]
    pub(crate) to: Address,
    /// Own function that would send.
    #[arg(long = "as", value_name = "FUNCTION")]
    pub(crate) function: String,
    /// Purpose code of the catalogue.
    #[arg(long, value_name = "CODE")]
    pub(crate) purpose: String,
    /// Message kind code of the catalogue.
    #[arg(long, value_name = "CODE")]
    pub(crate) kind: String,
    /// Data categories of the catalogue that the content would touch.
    #[arg(long, value_name = "CODE", value_delimiter = ',', required = true)]
    pub(crate) category: Vec<String>,
    /// The content would be a professional secret (§ 203 StGB).
    #[arg(long)]
    pub(crate) professional_secret: bool,
}

/// Arguments of `agency request-consent`.
#[derive(Args, Debug)]
pub(crate) struct RequestConsentArguments {
    #[command(flatten)]
    pub(crate) planned: PlannedArguments,
    /// Why it is needed.
    #[arg(long, value_enum)]
    pub(crate) reason: Option<Reason>,
}

/// Why a consent is asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Reason {
    /// A statutory period runs.
    PeriodRuns,
    /// A benefit is or would be interrupted.
    BenefitAtRisk,
    /// The home is at risk.
    HomeAtRisk,
    /// It is not settled who is responsible.
    ResponsibilityOpen,
    /// A Fallkonferenz is to be prepared.
    ConferencePlanned,
    /// An application for rehabilitation is to be prepared.
    RehabilitationPlanned,
}

impl From<Reason> for RequestReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::PeriodRuns => Self::PeriodRuns,
            Reason::BenefitAtRisk => Self::BenefitAtRisk,
            Reason::HomeAtRisk => Self::HomeAtRisk,
            Reason::ResponsibilityOpen => Self::ResponsibilityOpen,
            Reason::ConferencePlanned => Self::ConferencePlanned,
            Reason::RehabilitationPlanned => Self::RehabilitationPlanned,
        }
    }
}

/// Commands about one task.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Closes a consent request. Whoever asked learns nothing of it.
    ///
    /// Example: schleuse lotse task close 17 --result done
    Close {
        /// Number of the request, as `lotse tasks` shows it.
        task: u64,
        /// What became of it.
        #[arg(long, value_enum, default_value_t = ClosedAs::Done)]
        result: ClosedAs,
    },
}

/// What became of a consent request.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ClosedAs {
    /// Talked about with the participant and settled.
    Done,
    /// The participant does not want it.
    Declined,
    /// Not needed any more.
    Obsolete,
}

impl From<ClosedAs> for TaskResult {
    fn from(result: ClosedAs) -> Self {
        match result {
            ClosedAs::Done => Self::Done,
            ClosedAs::Declined => Self::Declined,
            ClosedAs::Obsolete => Self::Obsolete,
        }
    }
}

/// Commands about participations.
#[derive(Debug, Subcommand)]
pub(crate) enum ParticipationCommand {
    /// Records the phase of a participation. Without a free place the participant waits instead.
    ///
    /// Example: schleuse lotse participation set --participant REF --phase contact
    /// --jobcenter jobcenter-stadt-regensburg --employability-at-start 1
    Set(SetParticipationArguments),
    /// Lists the participations of the own participants, and of those whose deputy one is.
    ///
    /// Example: schleuse lotse participation list
    List,
}

/// Arguments of `lotse participation set`.
#[derive(Args, Debug)]
pub(crate) struct SetParticipationArguments {
    /// Own reference of the participant.
    #[arg(long, value_name = "REF")]
    pub(crate) participant: ParticipantReference,
    /// The phase.
    #[arg(long, value_enum)]
    pub(crate) phase: PhaseName,
    /// Jobcenter whose place it is; needed at the beginning.
    #[arg(long, value_name = "AGENCY")]
    pub(crate) jobcenter: Option<String>,
    /// Employability at the beginning, step 1 to 4.
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) employability_at_start: Option<u32>,
    /// Employability at the end, step 1 to 4.
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) employability_at_end: Option<u32>,
}

/// Phase of a participation.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PhaseName {
    /// Vorschlag.
    Proposed,
    /// Vormerkliste.
    Waiting,
    /// Kontaktaufbau.
    Contact,
    /// Assessment.
    Assessment,
    /// Zielvereinbarung.
    Goals,
    /// Förder- und Unterstützungsplanung.
    SupportPlanning,
    /// Durchführung.
    Implementation,
    /// Reflexion.
    Reflection,
    /// Überleitung.
    Transition,
    /// Nachbetreuung.
    FollowUp,
    /// Ended: after the signed end of the participation, to add the employability at the end.
    Ended,
}

impl From<PhaseName> for ParticipationPhase {
    fn from(phase: PhaseName) -> Self {
        match phase {
            PhaseName::Proposed => Self::Proposed,
            PhaseName::Waiting => Self::Waiting,
            PhaseName::Contact => Self::Contact,
            PhaseName::Assessment => Self::Assessment,
            PhaseName::Goals => Self::Goals,
            PhaseName::SupportPlanning => Self::SupportPlanning,
            PhaseName::Implementation => Self::Implementation,
            PhaseName::Reflection => Self::Reflection,
            PhaseName::Transition => Self::Transition,
            PhaseName::FollowUp => Self::FollowUp,
            PhaseName::Ended => Self::Ended,
        }
    }
}

/// Arguments of `directory search`.
#[derive(Args, Debug)]
pub(crate) struct SearchArguments {
    /// Words that must all occur; case and umlauts do not matter.
    pub(crate) words: Vec<String>,
    /// Kind of agency, a code.
    #[arg(long, value_name = "CODE", default_value = "")]
    pub(crate) kind: String,
    /// Topic, a code.
    #[arg(long, value_name = "CODE", default_value = "")]
    pub(crate) topic: String,
    /// Part of the name of a region.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) region: String,
    /// At most that many hits.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) max: u32,
    /// Page, as the one before named it.
    #[arg(long, value_name = "PAGE", default_value = "")]
    pub(crate) page: String,
}

/// Arguments of `directory add-contact`.
#[derive(Args, Debug)]
pub(crate) struct ContactArguments {
    /// Identifier within the own entry.
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
    /// Name for people.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Kind of agency, a code.
    #[arg(long, value_name = "CODE", default_value = "")]
    pub(crate) kind: String,
    /// What it offers.
    #[arg(long, value_name = "TITLE")]
    pub(crate) offer: Option<String>,
    /// Topics of the offer, codes.
    #[arg(long, value_name = "CODE", value_delimiter = ',', requires = "offer")]
    pub(crate) topic: Vec<String>,
    /// Region for which the offer is.
    #[arg(long, value_name = "TEXT", default_value = "", requires = "offer")]
    pub(crate) region: String,
    /// How to reach it: institutional address, telephone or site.
    #[arg(long, value_name = "TEXT", default_value = "", requires = "offer")]
    pub(crate) reach: String,
}

/// File with what an entry says beside functions and keys.
#[derive(Args, Debug)]
pub(crate) struct DetailsArguments {
    /// File with `agency_kind`, `valid_until_ms`, `[[function]]` (function, description), `[[offer]]` (title, topics,
    /// region, reach, description) and `[[contact]]` (contact, display_name, agency_kind, `[[contact.offer]]`);
    /// without it, all that stays as it was published before.
    #[arg(long, value_name = "FILE")]
    pub(crate) details: Option<PathBuf>,
}
