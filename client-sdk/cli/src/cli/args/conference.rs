//! Arguments of the commands about conferences; the same for an agency and for a Lotse.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use schleuse_client::{AgreementId, ConferenceId, ItemId, MessageId, ParticipantReference, v1};

/// Commands about conferences.
#[derive(Debug, Subcommand)]
pub(crate) enum ConferenceCommand {
    /// Plans a conference; nobody is told of it yet.
    ///
    /// Example: schleuse lotse conference plan plan.toml --participant REF --dir conferences
    ///
    /// The file: convener = "AGENCY/FUNCTION", bodies = [ "AGENCY/FUNCTION" ], place = "…", answer_by = "2026-12-01"
    /// (a day alone: all of it, in Germany), `[[date]]` starts_at = "2026-12-08T10:00:00+01:00", minutes; `[[item]]`
    /// title, categories, minutes, and if wanted notes, bodies and professional_secret = true (§ 203 StGB; above
    /// `[[date]]`: all that the function sends is one). For a purpose without participant:
    /// purpose = "strukturfragen", and no categories.
    #[command(verbatim_doc_comment)]
    Plan {
        /// TOML file.
        file: PathBuf,
        /// Own reference of the participant; none for a purpose without participant.
        #[arg(long, value_name = "REF")]
        participant: Option<ParticipantReference>,
        /// Catalogue of purposes and categories; without it, the broker looks at the codes when bodies are invited.
        #[arg(long, env = "SCHLEUSE_CATALOGUE", value_name = "FILE")]
        catalogue: Option<PathBuf>,
        #[command(flatten)]
        folder: Folder,
    },
    /// Asks the broker who may receive what, then invites, and sends each body the items that are covered for it. Names
    /// whom and what it leaves out. Repeated, it sends only what is newly covered, and
    /// the newest date to whom it did not reach.
    ///
    /// Example: schleuse agency conference invite --conference HEX --dir conferences --dry-run
    Invite {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        sending: Sending,
        /// Only asks, and shows who would receive what. Questions are logged like messages.
        #[arg(long)]
        dry_run: bool,
    },
    /// Fetches what waits for a function and takes in what belongs to conferences; the rest stays.
    ///
    /// Example: schleuse agency conference take --function reha-beratung --sealing sealing.toml --dir conferences
    Take {
        #[command(flatten)]
        folder: Folder,
        /// Own function to receive for.
        #[arg(long, value_name = "FUNCTION")]
        function: String,
        /// Private sealing keys of the agency.
        #[arg(long, env = "SCHLEUSE_SEALING", value_name = "FILE")]
        sealing: PathBuf,
    },
    /// Answers an invitation.
    ///
    /// Example: schleuse agency conference answer --conference HEX --accept 2026-12-08T09:00:00Z --dir conferences
    Answer(AnswerConference),
    /// Fixes the date.
    ///
    /// Example: schleuse lotse conference fix --conference HEX --date 2026-12-08T09:00:00Z --dir conferences
    Fix(Dates),
    /// Moves the conference to one date, or to several to choose from.
    ///
    /// Example: schleuse lotse conference move --conference HEX --date 2026-12-15T09:00:00Z --reason documents
    Move {
        #[command(flatten)]
        dates: Dates,
        /// Why.
        #[arg(long, value_name = "REASON")]
        reason: ChangeReason,
        /// With several dates: until when to answer; a day (all of it) or a time with its offset.
        #[arg(long, value_name = "DAY|TIME")]
        answer_by: Option<String>,
    },
    /// Cancels the conference.
    ///
    /// Example: schleuse lotse conference cancel --conference HEX --reason settled --dir conferences
    Cancel {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        sending: Sending,
        /// Why.
        #[arg(long, value_name = "REASON")]
        reason: ChangeReason,
    },
    /// Sends minutes of an item to those who hold it.
    ///
    /// Example: schleuse lotse conference minutes --conference HEX --item HEX minutes.toml --dir conferences
    ///
    /// The file: text = "…", `[[agreement]]` who = "AGENCY/FUNCTION", what = "…", until = "2026-12-31" (a day alone:
    /// all of it, in Germany), and to keep one in corrected minutes its id.
    #[command(verbatim_doc_comment)]
    Minutes {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        sending: Sending,
        /// The item, in hexadecimal digits, as `conference show` prints it.
        #[arg(long, value_name = "HEX")]
        item: ItemId,
        /// TOML file.
        file: PathBuf,
    },
    /// Confirms minutes, or objects to them.
    ///
    /// Example: schleuse agency conference confirm --conference HEX --item HEX --dir conferences
    Confirm {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        sending: Sending,
        #[command(flatten)]
        secrecy: Secrecy,
        /// The item, in hexadecimal digits, as `conference show` prints it.
        #[arg(long, value_name = "HEX")]
        item: ItemId,
        /// What is objected to; without it the minutes are confirmed.
        #[arg(long, value_name = "TEXT", default_value = "")]
        objection: String,
    },
    /// Reports an agreement kept, or later than agreed.
    ///
    /// Example: schleuse agency conference agreement --conference HEX --agreement HEX --kept 2026-12-20
    Agreement(AgreementReport),
    /// Asks the broker again, recalls what is no longer covered, and notes what was recalled and what was too late.
    /// Everything else goes on, and nobody is told. While processing is restricted (GDPR Art. 18) the broker answers
    /// every question with the same no, so that a review recalls everything that waits.
    ///
    /// Example: schleuse agency conference review --conference HEX --dir conferences --dry-run
    Review {
        #[command(flatten)]
        chosen: Chosen,
        /// Only asks, and shows what would be recalled.
        #[arg(long)]
        dry_run: bool,
    },
    /// Notes what was done elsewhere: messages that `agency recall` recalled, or that were never delivered.
    ///
    /// Example: schleuse lotse conference recalled --conference HEX --message HEX --dir conferences
    Recalled {
        #[command(flatten)]
        chosen: Chosen,
        /// Message, in hexadecimal digits; may be given several times.
        #[arg(long, value_name = "HEX", required = true)]
        message: Vec<MessageId>,
        /// They were not recalled, but not delivered.
        #[arg(long)]
        not_delivered: bool,
    },
    /// Shows a conference, in German: dates, answers, items, agreements, what is open and whose turn it is.
    ///
    /// Example: schleuse agency conference show --conference HEX --dir conferences
    Show {
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Lists the conferences of a folder.
    ///
    /// Example: schleuse agency conference list --dir conferences
    List {
        #[command(flatten)]
        folder: Folder,
    },
    /// Writes the fixed date as an iCalendar file without personal data.
    ///
    /// Example: schleuse agency conference ical --conference HEX --out fallkonferenz.ics --dir conferences
    Ical {
        #[command(flatten)]
        chosen: Chosen,
        /// File to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Writes the place too: rooms can be telling.
        #[arg(long)]
        with_place: bool,
    },
}

/// Where conferences are kept.
#[derive(Args, Debug)]
pub(crate) struct Folder {
    /// Folder of conferences, one file each. The files hold plaintext.
    #[arg(long = "dir", env = "SCHLEUSE_CONFERENCES", value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Which conference.
#[derive(Args, Debug)]
pub(crate) struct Chosen {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// The conference, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) conference: ConferenceId,
}

/// How messages are sent.
#[derive(Args, Debug)]
pub(crate) struct Sending {
    /// How long a message may wait, in days.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub(crate) days: u32,
}

/// Whether a body sends a professional secret; the convener says so in its plan.
#[derive(Args, Debug)]
pub(crate) struct Secrecy {
    /// It is a professional secret (§ 203 StGB).
    #[arg(long)]
    pub(crate) professional_secret: bool,
}

/// Arguments of `conference answer`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("reply").required(true).args(["accept", "decline", "propose"])))]
pub(crate) struct AnswerConference {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) sending: Sending,
    #[command(flatten)]
    pub(crate) secrecy: Secrecy,
    /// Takes part on any of these, the preferred one first.
    #[arg(long, value_name = "TIME", value_delimiter = ',')]
    pub(crate) accept: Vec<String>,
    /// Does not take part, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) decline: Option<DeclineReason>,
    /// Proposes other dates, the preferred one first.
    #[arg(long, value_name = "TIME", value_delimiter = ',')]
    pub(crate) propose: Vec<String>,
    /// Length in minutes.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=480))]
    pub(crate) minutes: u32,
    /// Explanation beside the reason.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) text: String,
}

/// Dates that the convener names.
#[derive(Args, Debug)]
pub(crate) struct Dates {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) sending: Sending,
    /// The date.
    #[arg(long, value_name = "TIME", value_delimiter = ',', required = true)]
    pub(crate) date: Vec<String>,
    /// Length in minutes.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=480))]
    pub(crate) minutes: u32,
    /// Room or link; without it, as before.
    #[arg(long, value_name = "TEXT")]
    pub(crate) place: Option<String>,
}

/// Arguments of `conference agreement`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("report").required(true).args(["kept", "late"])))]
pub(crate) struct AgreementReport {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) sending: Sending,
    #[command(flatten)]
    pub(crate) secrecy: Secrecy,
    /// The agreement, in hexadecimal digits, as `conference show` prints it.
    #[arg(long, value_name = "HEX")]
    pub(crate) agreement: AgreementId,
    /// When it was kept: a day or a time with its offset, not in the future.
    #[arg(long, value_name = "DAY|TIME")]
    pub(crate) kept: Option<String>,
    /// Until when it will be kept, later than agreed: a day (all of it) or a time with its offset.
    #[arg(long, value_name = "DAY|TIME")]
    pub(crate) late: Option<String>,
    /// Why it is late.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) text: String,
}

/// Why a body does not take part.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DeclineReason {
    /// No date is possible.
    NoDate,
    /// The body is not concerned.
    NotConcerned,
    /// Another function of the agency is to be invited.
    OtherFunction,
    /// A written statement follows.
    InWriting,
    /// Too few staff.
    Capacity,
    /// Something else: needs a text.
    Other,
}

impl DeclineReason {
    pub(crate) fn to_wire(self) -> v1::FallkonferenzDeclineReason {
        match self {
            Self::NoDate => v1::FallkonferenzDeclineReason::NoDate,
            Self::NotConcerned => v1::FallkonferenzDeclineReason::NotConcerned,
            Self::OtherFunction => v1::FallkonferenzDeclineReason::OtherFunction,
            Self::InWriting => v1::FallkonferenzDeclineReason::InWriting,
            Self::Capacity => v1::FallkonferenzDeclineReason::Capacity,
            Self::Other => v1::FallkonferenzDeclineReason::Other,
        }
    }
}

/// Why a conference is moved or cancelled.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ChangeReason {
    /// Somebody who is needed cannot come.
    Attendance,
    /// Papers or an opinion are missing.
    Documents,
    /// Room or link is not available.
    Place,
    /// It is settled.
    Settled,
    /// Not said; also when a consent ended.
    NotStated,
}

impl ChangeReason {
    pub(crate) fn to_wire(self) -> v1::FallkonferenzChangeReason {
        match self {
            Self::Attendance => v1::FallkonferenzChangeReason::Attendance,
            Self::Documents => v1::FallkonferenzChangeReason::Documents,
            Self::Place => v1::FallkonferenzChangeReason::Place,
            Self::Settled => v1::FallkonferenzChangeReason::Settled,
            Self::NotStated => v1::FallkonferenzChangeReason::NotStated,
        }
    }
}
