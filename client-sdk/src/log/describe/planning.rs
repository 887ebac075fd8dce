//! Events of planning in plain words and as JSON.

use schleuse_proto::v1;
use serde_json::{Value, json};

use super::{address, short};

fn planned(planned: Option<&v1::PlannedMessage>) -> String {
    planned.map_or_else(String::new, |planned| {
        format!(
            "{} to {}: {} ({})",
            address(planned.sender.as_ref()),
            address(planned.recipient.as_ref()),
            planned.purpose,
            planned.categories.join(", ")
        )
    })
}

fn planned_json(planned: Option<&v1::PlannedMessage>) -> Value {
    let Some(planned) = planned else { return Value::Null };
    json!({
        "sender": address(planned.sender.as_ref()),
        "recipient": address(planned.recipient.as_ref()),
        "purpose": planned.purpose,
        "kind": planned.kind,
        "categories": planned.categories,
        "professional_secret": planned.professional_secret,
    })
}

fn reason(event: &v1::ConsentRequested) -> String {
    short(event.reason().as_str_name(), "REQUEST_REASON_")
}

fn result(event: &v1::TaskClosed) -> String {
    short(event.result().as_str_name(), "TASK_RESULT_")
}

pub(super) fn asked(event: &v1::CoverageAsked) -> String {
    let answer = if event.covered { "covered" } else { "not covered" };
    format!("asked before sending, {answer}: {}", planned(event.planned.as_ref()))
}

pub(super) fn asked_json(event: &v1::CoverageAsked) -> Value {
    json!({ "covered": event.covered, "planned": planned_json(event.planned.as_ref()) })
}

pub(super) fn requested(event: &v1::ConsentRequested) -> String {
    let what = planned(event.planned.as_ref());
    if event.reason() == v1::RequestReason::Unspecified {
        return format!("consent requested for {what}");
    }
    format!("consent requested for {what}, reason {}", reason(event))
}

pub(super) fn requested_json(event: &v1::ConsentRequested) -> Value {
    json!({ "reason": reason(event), "planned": planned_json(event.planned.as_ref()) })
}

pub(super) fn closed(event: &v1::TaskClosed) -> String {
    format!("consent request {} closed: {}", event.task_number, result(event))
}

pub(super) fn closed_json(event: &v1::TaskClosed) -> Value {
    json!({ "task": event.task_number, "result": result(event) })
}
