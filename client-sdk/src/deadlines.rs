//! Deadlines of the casework, counted from receipts without reading contents.
//!
//! Owns the calendar (§§ 187 to 193 BGB, § 26 SGB X), the holidays of the Länder, the table of rules and
//! what follows from them for the messages about a participant: pure functions, the clock and the data are
//! parameters. A deadline is a hint with its norm. Nothing is ever decided, sent or stopped because of one,
//! and the broker knows nothing of them.

mod calendar;
mod case_file;
mod compute;
mod holidays;
mod log_rows;
mod of_log;
mod rules;

use jiff::civil::Date;
use serde_json::{Value, json};

pub use calendar::{
    Begin, End, Period, day_of, end_of, extended, german_day, last_day, next_workday, start_of,
};
pub(crate) use calendar::{civil, instant};
pub use case_file::CaseFile;
pub use compute::deadlines;
pub use holidays::{Community, FIRST_YEAR, LAST_YEAR, Land, Place, easter_sunday};
pub use log_rows::case_events;
pub use rules::{
    CONSENT_CONFIRMED, CONSENT_RECORDED, CONSENT_REVOKED, JOINED, LEFT, Moment, Party, RULES, Rule,
    Scope,
};

use crate::clock::rfc3339;
use crate::ids::ParticipantReference;

/// Who had a part in a message, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// We sent it.
    Sent,
    /// We received it.
    Received,
    /// Others exchanged it, or it is no message.
    Observed,
}

/// One message, or one event of the participation: no content, only that it was and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseEvent {
    /// Our reference of the participant.
    pub participant: Option<ParticipantReference>,
    /// Kind code of the message, or the code of an event such as [`JOINED`].
    pub kind: String,
    /// Thread of the message, or the consent, in hexadecimal digits; empty if there is none.
    pub thread: String,
    /// What tells this message from others; handed out again, it has the same.
    pub message: String,
    /// Agency that sent; empty if it is no message.
    pub sender: String,
    /// Agency that received; empty if it is no message.
    pub recipient: String,
    /// Who had a part in it.
    pub direction: Direction,
    /// When the broker accepted it, or when it happened.
    pub accepted_ms: i64,
    /// When it was first handed out, if that is known.
    pub handed_out_ms: Option<i64>,
    /// When somebody or some system there took it over, if that is known.
    pub taken_up_ms: Option<i64>,
}

/// How it stands with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadlineState {
    /// It runs.
    Open,
    /// What was due was done in time, or the span is simply over.
    Met,
    /// What was due was done, but late.
    Late,
    /// The last day is over and nothing was done.
    Overdue,
    /// Something happened after which another rule counts.
    Superseded,
}

impl DeadlineState {
    /// The state for programs, for example `open`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Met => "met",
            Self::Late => "late",
            Self::Overdue => "overdue",
            Self::Superseded => "superseded",
        }
    }
}

/// What is due when, by which norm. A hint, never a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The row of the table.
    pub rule: &'static Rule,
    /// About whom.
    pub participant: Option<ParticipantReference>,
    /// Thread or consent; empty for deadlines of the participation.
    pub thread: String,
    /// Code of what started it.
    pub begun_by: String,
    /// The day of that.
    pub begun_on: Date,
    /// Whether that is a receipt, or only the acceptance because no receipt is known.
    pub receipt_known: bool,
    /// Agency whose duty it is; empty if nobody's in particular, or our own in [`Direction::Sent`].
    pub obliged: String,
    /// Whether it is our own duty; none if it is nobody's in particular or only observed.
    pub ours: Option<bool>,
    /// Last day.
    pub due: Date,
    /// First instant after the last day.
    pub overdue_from_ms: i64,
    /// Code of what ended it, and its day.
    pub ended: Option<(String, Date)>,
    /// How it stands.
    pub state: DeadlineState,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

impl Deadline {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "rule": self.rule.id,
            "what": self.rule.what,
            "norm": self.rule.norm,
            "hint": self.rule.hint,
            "period": self.rule.period.german(),
            "participant": self.participant.as_ref().map(|reference| reference.as_text().to_owned()),
            "thread": self.thread,
            "begun_by": self.begun_by,
            "begun_on": self.begun_on.to_string(),
            "receipt_known": self.receipt_known,
            "obliged": self.obliged,
            "ours": self.ours,
            "due": self.due.to_string(),
            "overdue_from": rfc3339(self.overdue_from_ms),
            "ended_by": self.ended.as_ref().map(|(kind, _)| kind),
            "ended_on": self.ended.as_ref().map(|(_, day)| day.to_string()),
            "state": self.state.name(),
        })
    }
}
