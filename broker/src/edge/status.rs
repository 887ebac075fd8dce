//! The one map from failures to `tonic::Status`, with `google.rpc.ErrorInfo`.

use std::collections::HashMap;
use std::time::Duration;

use schleuse_proto::ERROR_DOMAIN;
use schleuse_proto::evidence::NotCanonical;
use schleuse_proto::identity::Role;
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1::{ErrorReason, Rejection};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::refusal::Refusal;
use crate::journal::JournalError;
use crate::record::documents::DocumentError;

/// Everything that can make a call fail.
#[derive(Debug)]
pub(super) enum Failure {
    /// The core or the engine refused.
    Refused(Refusal),
    /// A document is not canonical.
    NotCanonical { document: &'static str, source: NotCanonical },
    /// A body is too large.
    TooLarge { field: &'static str, max: usize },
    /// A signature does not verify.
    BadSignature { document: &'static str },
    /// The role may not make the call.
    RoleNotPermitted { role: Role, rpc: Rpc },
    /// The certificate is no longer good.
    CertificateNotValid,
    /// Too many calls.
    RateLimited { limit: &'static str },
    /// The deadline of unary calls.
    TooSlow,
    /// A size beyond the log.
    CheckpointAhead { size: u64 },
    /// A defect or a failing disk; the cause goes to the broker's log only.
    Internal,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::NotCanonical { document, source } => {
                Self::NotCanonical { document, source }
            }
            DocumentError::TooLarge { document, max } => Self::TooLarge { field: document, max },
            DocumentError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        tracing::error!(%error, "a record cannot be read");
        Self::Internal
    }
}

/// How a failure looks from outside.
struct Outward {
    code: Code,
    reason: ErrorReason,
    text: String,
    metadata: Vec<(&'static str, String)>,
    retry: Option<Duration>,
}

fn outward(failure: &Failure) -> Outward {
    use ErrorReason as R;
    let plain = |code, reason, text: String, metadata| Outward {
        code,
        reason,
        text,
        metadata,
        retry: None,
    };
    match failure {
        Failure::Refused(refusal) => refused(refusal),
        Failure::NotCanonical { document, source } => plain(
            Code::InvalidArgument,
            R::NotCanonical,
            format!("{document}: {source}"),
            vec![("document", (*document).to_owned())],
        ),
        Failure::TooLarge { field, max } => plain(
            Code::InvalidArgument,
            R::TooLarge,
            format!("{field}: larger than {max} bytes"),
            vec![("field", (*field).to_owned()), ("max_bytes", max.to_string())],
        ),
        Failure::BadSignature { document } => plain(
            Code::InvalidArgument,
            R::BadSignature,
            format!("{document}: the signature does not verify with a certificate of the caller"),
            vec![("document", (*document).to_owned())],
        ),
        Failure::RoleNotPermitted { role, rpc } => plain(
            Code::PermissionDenied,
            R::RoleNotPermitted,
            format!("role {} may not call {}", role.name(), rpc.path()),
            vec![("role", role.name().to_owned()), ("method", rpc.path().to_owned())],
        ),
        Failure::CertificateNotValid => plain(
            Code::Unauthenticated,
            R::CertificateNotValid,
            "the certificate is expired or revoked, or its revocation list is out of date".into(),
            Vec::new(),
        ),
        Failure::RateLimited { limit } => Outward {
            retry: Some(Duration::from_secs(1)),
            ..plain(
                Code::ResourceExhausted,
                R::RateLimited,
                format!("more than {limit} from this agency; repeat it later"),
                vec![("limit", (*limit).to_owned())],
            )
        },
        Failure::TooSlow => plain(
            Code::DeadlineExceeded,
            R::Overloaded,
            "the call took too long; repeat it with the same identifiers".into(),
            vec![("limit", "unary_call".to_owned())],
        ),
        Failure::CheckpointAhead { size } => plain(
            Code::OutOfRange,
            R::CheckpointAhead,
            format!("the log has {size} records"),
            vec![("log_size", size.to_string())],
        ),
        Failure::Internal => plain(
            Code::Internal,
            R::Internal,
            "internal error; repeat the call with the same identifiers".into(),
            vec![],
        ),
    }
}

fn refused(refusal: &Refusal) -> Outward {
    use ErrorReason as R;
    let one = |key, value: &str| vec![(key, value.to_owned())];
    let (code, reason, metadata) = match refusal {
        Refusal::InvalidField { field, expected } => (
            Code::InvalidArgument,
            R::InvalidField,
            vec![("field", (*field).to_owned()), ("expected", (*expected).to_owned())],
        ),
        Refusal::UnknownCode { field, value } => (
            Code::InvalidArgument,
            R::UnknownCode,
            vec![("field", (*field).to_owned()), ("value", value.clone())],
        ),
        Refusal::TooBroad { field } => {
            (Code::InvalidArgument, R::ConsentTooBroad, one("field", field))
        }
        Refusal::TooLong { max_months } => (
            Code::InvalidArgument,
            R::ConsentTooLong,
            vec![("field", "not_after_ms".into()), ("max_months", max_months.to_string())],
        ),
        Refusal::EvidenceMissing { category } => {
            (Code::InvalidArgument, R::EvidenceMissing, one("category", category))
        }
        Refusal::RevisionConflict { expected } => {
            (Code::Aborted, R::RevisionConflict, one("expected_revision", &expected.to_string()))
        }
        Refusal::IdempotencyConflict { field } => {
            (Code::AlreadyExists, R::IdempotencyConflict, one("field", field))
        }
        Refusal::NotFound { field } => (Code::NotFound, R::NotFound, one("field", field)),
        Refusal::Overloaded { limit } => {
            (Code::ResourceExhausted, R::Overloaded, one("limit", limit))
        }
        Refusal::TimeOutOfRange { field } => {
            (Code::InvalidArgument, R::TimeOutOfRange, one("field", field))
        }
        Refusal::ClockSetBack => (Code::Unavailable, R::ClockSetBack, Vec::new()),
        Refusal::StorageReserve => (Code::ResourceExhausted, R::StorageReserve, Vec::new()),
        Refusal::Draining => (Code::Unavailable, R::Draining, Vec::new()),
        Refusal::LogBehind => (Code::Unavailable, R::LogBehind, Vec::new()),
        Refusal::WitnessesLate => (Code::Unavailable, R::WitnessesLate, Vec::new()),
        Refusal::OnHold { hold } => (Code::FailedPrecondition, R::OnHold, one("hold", hold)),
        Refusal::ProjectDpoOnly => (Code::PermissionDenied, R::ProjectDpoOnly, Vec::new()),
        Refusal::UploadDiscarded => (Code::FailedPrecondition, R::UploadDiscarded, Vec::new()),
        Refusal::RepresentationExceeded { field } => {
            (Code::InvalidArgument, R::RepresentationExceeded, one("field", field))
        }
        Refusal::ReviewTooLate { field, max_months } => (
            Code::InvalidArgument,
            R::ReviewTooLate,
            vec![("field", (*field).to_owned()), ("max_months", max_months.to_string())],
        ),
        Refusal::ParticipationEnded => {
            (Code::FailedPrecondition, R::ParticipationEnded, Vec::new())
        }
        Refusal::NotForDeputy { act } => (Code::PermissionDenied, R::NotForDeputy, one("act", act)),
        Refusal::QuarterNotOver { quarter } => {
            (Code::FailedPrecondition, R::QuarterNotOver, one("quarter", &quarter.to_string()))
        }
    };
    let retry = is_retryable(refusal).then_some(Duration::from_secs(1));
    Outward { code, reason, text: refusal.to_string(), metadata, retry }
}

/// Whether the same request may succeed later.
fn is_retryable(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Overloaded { .. }
        | Refusal::ClockSetBack
        | Refusal::StorageReserve
        | Refusal::WitnessesLate
        | Refusal::Draining => true,
        Refusal::InvalidField { .. }
        | Refusal::UnknownCode { .. }
        | Refusal::TooBroad { .. }
        | Refusal::TooLong { .. }
        | Refusal::EvidenceMissing { .. }
        | Refusal::RevisionConflict { .. }
        | Refusal::IdempotencyConflict { .. }
        | Refusal::NotFound { .. }
        | Refusal::LogBehind
        | Refusal::OnHold { .. }
        | Refusal::ProjectDpoOnly
        | Refusal::UploadDiscarded
        | Refusal::RepresentationExceeded { .. }
        | Refusal::ReviewTooLate { .. }
        | Refusal::ParticipationEnded
        | Refusal::NotForDeputy { .. }
        | Refusal::QuarterNotOver { .. }
        | Refusal::TimeOutOfRange { .. } => false,
    }
}

/// A failure as a status with details.
pub(super) fn status(failure: &Failure) -> Status {
    let outward = outward(failure);
    let mut details = ErrorDetails::new();
    let metadata: HashMap<String, String> =
        outward.metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    details.set_error_info(outward.reason.as_str_name(), ERROR_DOMAIN, metadata);
    if outward.retry.is_some() {
        details.set_retry_info(outward.retry);
    }
    Status::with_error_details(outward.code, outward.text, details)
}

/// A failure of one message of a stream.
pub(super) fn rejection(failure: &Failure) -> Rejection {
    let outward = outward(failure);
    Rejection {
        reason: outward.reason.as_str_name().to_owned(),
        message: outward.text,
        retryable: outward.retry.is_some(),
    }
}
