//! What a visitor is told when something is not shown: plain words, and what to do now.

use askama::Template;
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode};
use schleuse_client::{ClientError, shown};

use crate::assets;
use crate::desk::html_response;
use crate::once;
use crate::surface::{Language, Surface};
use crate::texts::FailureTexts;

/// Why there is no page, whether the visitor is in or may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The request names another host.
    WrongHost,
    /// Another page sent it.
    Foreign,
    /// Too many requests.
    TooFast,
    /// There is no such thing, or not for this visitor.
    NotFound,
    /// This role has no console.
    NoConsole,
    /// A companion's session has ended.
    SessionOver,
    /// A companion's link has been used.
    LinkUsed,
    /// A form has more than one may have.
    TooLarge,
    /// A form cannot be read.
    Unreadable,
    /// Others have the places for what takes much memory.
    Busy,
    /// A fault of ours.
    Fault,
}

/// What is said: status, title, what to do.
type Said = (StatusCode, &'static str, &'static str);

impl Why {
    fn said(self, t: &FailureTexts) -> Said {
        match self {
            Self::WrongHost => (StatusCode::FORBIDDEN, t.wrong_host, t.wrong_host_do),
            Self::Foreign => (StatusCode::FORBIDDEN, t.foreign, t.foreign_do),
            Self::TooFast => (StatusCode::TOO_MANY_REQUESTS, t.too_fast, t.too_fast_do),
            Self::NotFound => (StatusCode::NOT_FOUND, t.not_found, t.not_found_do),
            Self::NoConsole => (StatusCode::FORBIDDEN, t.no_console, t.no_console_do),
            Self::SessionOver => (StatusCode::FORBIDDEN, t.session_over, t.session_over_do),
            Self::LinkUsed => (StatusCode::FORBIDDEN, t.link_used, t.link_used_do),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, t.too_large, t.too_large_do),
            Self::Unreadable => (StatusCode::BAD_REQUEST, t.unreadable, t.unreadable_do),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, t.busy, t.busy_do),
            Self::Fault => (StatusCode::INTERNAL_SERVER_ERROR, t.internal, t.internal_do),
        }
    }
}

#[derive(Template)]
#[template(path = "plain.html")]
struct Plain {
    language: Language,
    title: &'static str,
    what_to_do: &'static str,
    style: &'static str,
}

/// A page without surroundings, for whoever may not come in.
pub(crate) fn plain(language: Language, why: Why) -> Response<Body> {
    let (status, title, what_to_do) = why.said(&language.texts().failure);
    let page = Plain { language, title, what_to_do, style: assets::style() };
    html_response(status, page.render().unwrap_or_default())
}

/// Why a page is not shown to whoever is in.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What can be said without the broker.
    Why(Why),
    /// None: it was done before, and led there.
    Done(HeaderValue),
    /// The broker, or the way to it.
    Client(ClientError),
}

impl From<Why> for Failure {
    fn from(why: Why) -> Self {
        Self::Why(why)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        if error.is_not_found() { Self::Why(Why::NotFound) } else { Self::Client(error) }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    s: Surface,
    title: &'static str,
    what_to_do: &'static str,
    details: String,
}

impl Failure {
    /// The page that says it.
    pub(crate) fn page(self, surface: Surface) -> Response<Body> {
        let t = &surface.t.failure;
        let ((status, title, what_to_do), details) = match self {
            Self::Done(to) => return once::to_page(to),
            Self::Why(why) => (why.said(t), String::new()),
            Self::Client(error) => (said(t, &error), shown(&error.to_string())),
        };
        let page = FailurePage { s: surface, title, what_to_do, details };
        html_response(status, page.render().unwrap_or_default())
    }
}

fn said(t: &FailureTexts, error: &ClientError) -> Said {
    let alarm = (StatusCode::BAD_GATEWAY, t.alarm, t.alarm_do);
    if error.is_alarm() {
        return alarm;
    }
    match error {
        ClientError::Connection { .. } => {
            (StatusCode::BAD_GATEWAY, t.unreachable, t.unreachable_do)
        }
        ClientError::Refused { reason, metadata, .. } => {
            let field = metadata.get("field").map_or("", String::as_str);
            let (title, what_to_do) = refused(t, reason, field);
            (StatusCode::CONFLICT, title, what_to_do)
        }
        ClientError::NoKey => (StatusCode::FORBIDDEN, t.no_key, t.no_key_do),
        ClientError::QuestionsLimited { .. } => Why::TooFast.said(t),
        ClientError::Random | ClientError::Trust(_) => Why::Fault.said(t),
        ClientError::Evidence(_) | ClientError::RolledBack { .. } | ClientError::Forked { .. } => {
            alarm
        }
        // Whether something was sent before, this error does not say.
        ClientError::File { .. } => (StatusCode::INTERNAL_SERVER_ERROR, t.file, t.file_do),
        ClientError::Content(_)
        | ClientError::Attachment(_)
        | ClientError::Argument { .. }
        | ClientError::Precondition { .. }
        | _ => (StatusCode::BAD_REQUEST, t.refused, t.refused_do),
    }
}

/// What the broker's reason means here. Source: schleuse/v1/error_reason.proto.
fn refused(t: &FailureTexts, reason: &str, field: &str) -> (&'static str, &'static str) {
    match reason {
        "ERROR_REASON_IDEMPOTENCY_CONFLICT" if matches!(field, "consent_id" | "release_id") => {
            (t.other_before, t.other_before_do)
        }
        "ERROR_REASON_RATE_LIMITED" | "ERROR_REASON_OVERLOADED" => (t.too_fast, t.too_fast_do),
        "ERROR_REASON_REVISION_CONFLICT" => (t.changed, t.changed_do),
        "ERROR_REASON_ROLE_NOT_PERMITTED" | "ERROR_REASON_PROJECT_DPO_ONLY" => {
            (t.not_permitted, t.not_permitted_do)
        }
        "ERROR_REASON_NOT_FOR_DEPUTY" => (t.not_for_deputy, t.not_for_deputy_do),
        "ERROR_REASON_PARTICIPATION_ENDED" => (t.participation_ended, t.participation_ended_do),
        "ERROR_REASON_ON_HOLD" => (t.on_hold, t.on_hold_do),
        "ERROR_REASON_REVIEW_TOO_LATE" => (t.review_too_late, t.review_too_late_do),
        "ERROR_REASON_REPRESENTATION_EXCEEDED" => (t.representation, t.representation_do),
        "ERROR_REASON_EVIDENCE_MISSING" => (t.evidence_missing, t.evidence_missing_do),
        "ERROR_REASON_LOG_BEHIND"
        | "ERROR_REASON_WITNESSES_LATE"
        | "ERROR_REASON_CLOCK_SET_BACK"
        | "ERROR_REASON_STORAGE_RESERVE"
        | "ERROR_REASON_DRAINING" => (t.stopped, t.stopped_do),
        _ => (t.refused, t.refused_do),
    }
}

/// What is wrong with a form, in one line for its summary: the words of a refusal and what to do. Where these point to
/// the details, they stand there.
pub(crate) fn in_a_line(t: &FailureTexts, error: &ClientError) -> String {
    let (_, title, what_to_do) = said(t, error);
    let details = match what_to_do == t.refused_do || what_to_do == t.file_do {
        true => format!(" ({}: {})", t.details, shown(&error.to_string())),
        false => String::new(),
    };
    format!("{title}. {what_to_do}{details}")
}

/// What went wrong, in a few words.
pub(crate) fn title(t: &FailureTexts, error: &ClientError) -> &'static str {
    said(t, error).1
}
