//! Errors of the client: one enum, and which of them a repetition may cure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schleuse_proto::checkpoint::CheckpointError;
use schleuse_proto::identity::IdentityError;
use schleuse_proto::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::attachments::AttachmentError;
use crate::content::ContentError;
use crate::seal::SealError;

/// Everything that can go wrong between an agency and the broker.
///
/// "Not covered by a consent" is not among it: that is an outcome, see
/// [`SendOutcome`](crate::SendOutcome).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The broker cannot be reached, or the connection broke.
    #[error("connection to {endpoint}: {why}")]
    Connection {
        /// Where to.
        endpoint: String,
        /// What happened.
        why: String,
    },
    /// The broker refused the call.
    #[error("refused by the broker ({reason}): {message}")]
    Refused {
        /// gRPC code.
        code: Code,
        /// Name of the `ErrorReason`, for example `ERROR_REASON_NOT_FOUND`.
        reason: String,
        /// Explanation for developers.
        message: String,
        /// Metadata that belongs to the reason.
        metadata: BTreeMap<String, String>,
        /// Whether the same request may succeed later.
        retryable: bool,
    },
    /// The trust file, or a certificate or key of one's own, cannot be used.
    #[error("trust: {0}")]
    Trust(String),
    /// Something that came through the broker does not prove what it claims.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// ALARM: the broker's log is shorter than one it has signed before.
    #[error(
        "ALARM: the broker was rolled back: its log had {known_size} records and now has {seen_size}"
    )]
    RolledBack {
        /// Size of the newest checkpoint known here.
        known_size: u64,
        /// Size that the broker states now.
        seen_size: u64,
    },
    /// ALARM: the broker signed two logs that contradict each other.
    #[error("ALARM: the broker's log was forked: sizes {older} and {newer} contradict each other")]
    Forked {
        /// Size of the smaller checkpoint.
        older: u64,
        /// Size of the larger checkpoint.
        newer: u64,
    },
    /// The broker answers no more questions of this agency for now. Nothing follows from those that it answered.
    #[error(
        "the broker answers no more questions whether a message would pass for now ({limit}; {answered} of {asked} answered): nothing was sent, repeat it in a minute"
    )]
    QuestionsLimited {
        /// Name of the limit.
        limit: String,
        /// Questions that were answered.
        answered: usize,
        /// Questions that were to be answered.
        asked: usize,
    },
    /// This client has no private key: what is signed with it is done where the key is.
    #[error("there is no key here: do this with the program on the machine that has the key")]
    NoKey,
    /// A file cannot be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and how to cure it.
        why: String,
    },
    /// A content that may not be sent.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// An attachment, or a part of one, that is refused.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// An argument that cannot be used.
    #[error("{what}: expected {expected}")]
    Argument {
        /// Which one.
        what: &'static str,
        /// What is allowed.
        expected: String,
    },
    /// What was asked for cannot be done, for a reason that a person can do something about.
    #[error("{what}: {why}")]
    Precondition {
        /// What it is about.
        what: &'static str,
        /// Why, and what to do instead.
        why: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random,
}

impl ClientError {
    /// Whether the same call may succeed later. Every call of this crate may be repeated with the
    /// same bytes: it then has one effect.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::QuestionsLimited { .. } => true,
            Self::Refused { retryable, .. } => *retryable,
            Self::Trust(_)
            | Self::Evidence(_)
            | Self::RolledBack { .. }
            | Self::Forked { .. }
            | Self::File { .. }
            | Self::Content(_)
            | Self::Attachment(_)
            | Self::Argument { .. }
            | Self::Precondition { .. }
            | Self::NoKey
            | Self::Random => false,
        }
    }

    /// Whether somebody must look at the broker: rolled back, forked, or evidence that is false.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::RolledBack { .. } | Self::Forked { .. } => true,
            // Of another major version: the message is sound, this program is too old.
            Self::Evidence(error) => {
                !matches!(error.fault, EvidenceFault::Content(ContentError::UnknownMajor { .. }))
            }
            Self::Attachment(error) => error.is_alarm(),
            Self::Connection { .. }
            | Self::QuestionsLimited { .. }
            | Self::Refused { .. }
            | Self::Trust(_)
            | Self::File { .. }
            | Self::Content(_)
            | Self::Argument { .. }
            | Self::Precondition { .. }
            | Self::NoKey
            | Self::Random => false,
        }
    }

    /// Whether the broker refused for this reason.
    #[must_use]
    pub fn is_refused_for(&self, wanted: ErrorReason) -> bool {
        matches!(self, Self::Refused { reason, .. } if reason == wanted.as_str_name())
    }

    /// Whether there is no such object for us.
    pub fn is_not_found(&self) -> bool {
        self.is_refused_for(ErrorReason::NotFound)
    }

    /// The same of a question that is one of several: a limit is named with how far they got.
    pub(crate) fn of_questions(self, answered: usize, asked: usize) -> Self {
        let Self::Refused { metadata, .. } = &self else { return self };
        if !self.is_refused_for(ErrorReason::RateLimited) {
            return self;
        }
        let limit = metadata.get("limit").cloned().unwrap_or_default();
        Self::QuestionsLimited { limit, answered, asked }
    }

    /// Reads a status of the broker, or of the connection if it has no named reason.
    #[must_use]
    pub fn from_status(endpoint: &str, status: &Status) -> Self {
        if let Some(info) = status.get_details_error_info() {
            return Self::Refused {
                code: status.code(),
                reason: info.reason,
                message: status.message().to_owned(),
                metadata: info.metadata.into_iter().collect(),
                retryable: status.get_details_retry_info().is_some(),
            };
        }
        match status.code() {
            // Without a named reason these come from the connection, not from the broker.
            Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::Internal
            | Code::Aborted
            | Code::DeadlineExceeded
            | Code::Ok => Self::Connection { endpoint: endpoint.to_owned(), why: causes(status) },
            code @ (Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
            | Code::Unauthenticated) => Self::Refused {
                code,
                reason: ErrorReason::Unspecified.as_str_name().to_owned(),
                message: status.message().to_owned(),
                metadata: BTreeMap::new(),
                retryable: false,
            },
        }
    }

    pub(crate) fn file(path: &std::path::Path, why: impl ToString) -> Self {
        Self::File { path: path.to_owned(), why: why.to_string() }
    }

    pub(crate) fn argument(what: &'static str, expected: impl Into<String>) -> Self {
        Self::Argument { what, expected: expected.into() }
    }

    pub(crate) fn evidence(fault: EvidenceFault) -> Self {
        Self::Evidence(EvidenceError { message_number: None, fault })
    }

    /// A response that breaks the protocol.
    pub(crate) fn protocol(what: &'static str) -> Self {
        Self::evidence(EvidenceFault::Protocol(what))
    }
}

/// Something that came through the broker and does not prove what it claims.
#[derive(Debug, thiserror::Error)]
#[error("{}{fault}", message_number.map(|n| format!("message {n}: ")).unwrap_or_default())]
pub struct EvidenceError {
    /// Number of the message, if it is about one.
    pub message_number: Option<u64>,
    /// What is wrong.
    pub fault: EvidenceFault,
}

/// What is wrong with a piece of evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceFault {
    /// The signature or its certificate.
    #[error("signature: {0}")]
    Signature(#[from] IdentityError),
    /// The batch proof does not lead from the message to the signed root.
    #[error("signature: malformed batch proof")]
    Batch,
    /// The signer may not speak for the agency.
    #[error("signature: made by {signer}, which may not speak for {agency}")]
    Signer {
        /// Identity in the certificate.
        signer: String,
        /// Agency that was claimed.
        agency: String,
    },
    /// The label.
    #[error("label: {0}")]
    Label(&'static str),
    /// The seal.
    #[error("sealing: {0}")]
    Sealing(#[from] SealError),
    /// The opened content.
    #[error("content: {0}")]
    Content(#[from] ContentError),
    /// A directory entry.
    #[error("directory entry of {agency}: {why}")]
    Directory {
        /// Whose.
        agency: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A checkpoint that the log's key did not sign.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A row of the log.
    #[error("log record {number}: {why}")]
    LogRow {
        /// Which record.
        number: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A response that breaks the protocol.
    #[error("the broker's answer breaks the protocol: {0}")]
    Protocol(&'static str),
}

/// The texts of an error and of what caused it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    // Bounded: a chain of causes is short, and a cycle would never end.
    for _ in 0..8 {
        let Some(cause) = source else { break };
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_a_named_reason_is_a_broken_connection() {
        let error = ClientError::from_status("x", &Status::from_error("reset".into()));
        assert!(matches!(error, ClientError::Connection { .. }));
        assert!(error.retryable() && !error.is_alarm());
    }

    #[test]
    fn a_limit_on_questions_says_how_far_they_got_and_other_errors_stay() {
        let refused = |reason: ErrorReason| ClientError::Refused {
            code: Code::ResourceExhausted,
            reason: reason.as_str_name().to_owned(),
            message: String::new(),
            metadata: [("limit".to_owned(), "questions".to_owned())].into(),
            retryable: true,
        };
        let limited = refused(ErrorReason::RateLimited).of_questions(3, 8);
        assert!(limited.retryable() && !limited.is_alarm());
        let text = limited.to_string();
        assert!(text.contains("questions; 3 of 8 answered"), "{text}");
        let other = refused(ErrorReason::UnknownCode).of_questions(3, 8);
        assert!(other.is_refused_for(ErrorReason::UnknownCode));
    }

    #[test]
    fn alarms_are_never_repeated() {
        let error = ClientError::RolledBack { known_size: 9, seen_size: 3 };
        assert!(error.is_alarm() && !error.retryable());
        let error = ClientError::protocol("no receipt");
        assert!(error.is_alarm() && !error.retryable());
    }
}
