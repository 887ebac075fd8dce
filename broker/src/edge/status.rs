//! The one map from failures to `tonic::Status`, with `google.rpc.ErrorInfo`.

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message as _;
use prost_types::Any;
use schleuse_proto::ERROR_DOMAIN;
use schleuse_proto::evidence::NotCanonical;
use schleuse_proto::identity::Role;
use schleuse_proto::rpc::Rpc;
use schleuse_proto::v1::{ErrorReason, Rejection};
use tonic::{Code, Status};

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

/// Metadata of one key.
fn one(key: &'static str, value: &impl ToString) -> Vec<(&'static str, String)> {
    vec![(key, value.to_string())]
}

fn refused(refusal: &Refusal) -> Outward {
    use ErrorReason as R;
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
            (Code::Aborted, R::RevisionConflict, one("expected_revision", expected))
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
        Refusal::SecondPersonNeeded => (Code::PermissionDenied, R::SecondPersonNeeded, Vec::new()),
        Refusal::PersonMissing => (Code::PermissionDenied, R::PersonMissing, Vec::new()),
        Refusal::RunOpen { run } => (Code::FailedPrecondition, R::RunOpen, one("run_number", run)),
        Refusal::RunsFull { max } => (Code::FailedPrecondition, R::RunsFull, one("max", max)),
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
            (Code::FailedPrecondition, R::QuarterNotOver, one("quarter", quarter))
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
        | Refusal::SecondPersonNeeded
        | Refusal::PersonMissing
        | Refusal::RunOpen { .. }
        | Refusal::RunsFull { .. }
        | Refusal::UploadDiscarded
        | Refusal::RepresentationExceeded { .. }
        | Refusal::ReviewTooLate { .. }
        | Refusal::ParticipationEnded
        | Refusal::NotForDeputy { .. }
        | Refusal::QuarterNotOver { .. }
        | Refusal::TimeOutOfRange { .. } => false,
    }
}

/// `google.rpc.ErrorInfo` with its metadata in order: one failure has the same bytes each time, so that the order
/// tells nothing.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

impl prost::Name for ErrorInfo {
    const NAME: &'static str = "ErrorInfo";
    const PACKAGE: &'static str = "google.rpc";
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

impl prost::Name for RetryInfo {
    const NAME: &'static str = "RetryInfo";
    const PACKAGE: &'static str = "google.rpc";
}

/// A detail under its full name.
fn detail<M: prost::Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: message.encode_to_vec(),
    }
}

/// A failure as a status with details.
pub(super) fn status(failure: &Failure) -> Status {
    let outward = outward(failure);
    let metadata = outward.metadata.into_iter().map(|(key, value)| (key.to_owned(), value));
    let info = ErrorInfo {
        reason: outward.reason.as_str_name().to_owned(),
        domain: ERROR_DOMAIN.to_owned(),
        metadata: metadata.collect(),
    };
    let retry = outward.retry.and_then(|retry| prost_types::Duration::try_from(retry).ok());
    let retry = retry.map(|retry| detail(&RetryInfo { retry_delay: Some(retry) }));
    let details = std::iter::once(detail(&info)).chain(retry).collect();
    let rich = tonic_types::Status { code: outward.code.into(), message: outward.text, details };
    let bytes = rich.encode_to_vec();
    Status::with_details(outward.code, rich.message, bytes.into())
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

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn a_failure_has_the_same_bytes_each_time_and_reads_as_the_standard_details() {
        let failure = || Failure::Refused(Refusal::Overloaded { limit: "queue" });
        let details = status(&failure()).get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "ERROR_REASON_OVERLOADED");
        assert_eq!(
            (info.domain.as_str(), info.metadata["limit"].as_str()),
            (ERROR_DOMAIN, "queue")
        );
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        // A map in random order would differ soon.
        let failure = || Failure::TooLarge { field: "message", max: 7 };
        let first = status(&failure());
        for _ in 0..64 {
            assert_eq!(status(&failure()).details(), first.details());
        }
    }
}
