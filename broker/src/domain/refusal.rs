//! Why a command is refused. A refused command changes nothing and leaves no record.
//!
//! That a message is not covered is not a refusal but an outcome, see [`super::command::Outcome`].

use super::evaluation::Quarter;
use super::ids::RecordNumber;

/// Why a command is refused. Texts are outward: stable, without personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field is missing, malformed or out of range.
    #[error("{field}: expected {expected}")]
    InvalidField {
        /// Name of the field.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
    },
    /// A code that the catalogue does not have.
    #[error("{field}: code {value:?} is not in the catalogue")]
    UnknownCode {
        /// Name of the field.
        field: &'static str,
        /// The code, at most 40 characters.
        value: String,
    },
    /// A consent names a wildcard or an empty set.
    #[error(
        "{field}: a consent names each {field} expressly; wildcards and empty sets are not allowed"
    )]
    TooBroad {
        /// Name of the field.
        field: &'static str,
    },
    /// A grant lasts too long.
    #[error("grants.not_after_ms: a grant ends at most {max_months} months after it begins")]
    TooLong {
        /// Most months.
        max_months: u32,
    },
    /// A grant is outside the representation of whoever gave the consent.
    #[error(
        "{field}: a representative consents within the categories, purposes and duration of the representation only; narrow the grant, or have given_by name what the representation covers"
    )]
    RepresentationExceeded {
        /// Name of the field.
        field: &'static str,
    },
    /// The next review is too late.
    #[error(
        "{field}: a consent is reviewed at most {max_months} months after it was signed or confirmed"
    )]
    ReviewTooLate {
        /// Name of the field.
        field: &'static str,
        /// Most months.
        max_months: u32,
    },
    /// The participation has ended.
    #[error("the participation has ended: who comes back is registered anew")]
    ParticipationEnded,
    /// Only for the Lotse in person.
    #[error("a deputy may not {act}: only the Lotse of the participant may")]
    NotForDeputy {
        /// What.
        act: &'static str,
    },
    /// Health data without evidence.
    #[error(
        "evidence_hashes: category {category:?} is health data and needs evidence of an explicit consent"
    )]
    EvidenceMissing {
        /// The category.
        category: String,
    },
    /// Not the next revision.
    #[error(
        "revision: the next revision of this consent is {expected}, with the hash of the one before"
    )]
    RevisionConflict {
        /// Revision that would be accepted.
        expected: u32,
    },
    /// The identifier was used with other content.
    #[error("{field}: was used before with other content")]
    IdempotencyConflict {
        /// Name of the field.
        field: &'static str,
    },
    /// No such object for this caller.
    #[error("{field}: not found")]
    NotFound {
        /// Name of the field.
        field: &'static str,
    },
    /// A bound is reached.
    #[error("{limit}: the limit is reached, send again later")]
    Overloaded {
        /// Name of the limit.
        limit: &'static str,
    },
    /// A time does not fit.
    #[error("{field}: the time is out of range for the broker's clock")]
    TimeOutOfRange {
        /// Name of the field.
        field: &'static str,
    },
    /// The clock was set back.
    #[error("the broker's clock was set back: nothing is permitted until it has caught up")]
    ClockSetBack,
    /// The disk is almost full.
    #[error("free disk space is below the reserve: only revocations and log queries are served")]
    StorageReserve,
    /// The log lost records that somebody has a checkpoint of.
    #[error(
        "the broker lost records: until an operator has reconciled its log, only revocations and reading are served"
    )]
    LogBehind,
    /// Too few witnesses have cosigned lately.
    #[error(
        "too few witnesses have cosigned the log lately: only revocations and reading are served"
    )]
    WitnessesLate,
    /// Erasure is on hold.
    #[error("erasure is on hold: {hold}")]
    OnHold {
        /// Why, in one word of ours.
        hold: &'static str,
    },
    /// The caller proposed the run.
    #[error("whoever proposed a run does not approve it: another person has to")]
    SecondPersonNeeded,
    /// The certificate names no person.
    #[error(
        "the certificate names no person: runs are proposed and approved with certificates of persons"
    )]
    PersonMissing,
    /// A run of the same thing is open.
    #[error("run {run} is about the same and open: have another person approve it, or withdraw it")]
    RunOpen {
        /// Its number.
        run: RecordNumber,
    },
    /// Too many open runs.
    #[error("{max} runs are open: have one approved by another person, or withdraw one")]
    RunsFull {
        /// Most open runs.
        max: usize,
    },
    /// For the officer of the project.
    #[error("only the data-protection officer of the project may do that")]
    ProjectDpoOnly,
    /// The sender has given this upload up.
    #[error(
        "label.part_of: this upload was discarded; send the message and its attachments with new identifiers"
    )]
    UploadDiscarded,
    /// A quarter has not ended.
    #[error("quarter: {quarter} is not over; only a quarter that has ended (in UTC) is exported")]
    QuarterNotOver {
        /// The quarter.
        quarter: Quarter,
    },
    /// The broker is going down.
    #[error("the broker is shutting down, connect again")]
    Draining,
}
