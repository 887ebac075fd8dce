//! Records of runs in plain words and as JSON.

use schleuse_proto::v1;
use serde_json::{Value, json};

use super::{named, short};

fn kind(of: v1::RunKind) -> String {
    short(of.as_str_name(), "RUN_KIND_")
}

pub(super) fn proposed(event: &v1::RunProposed) -> String {
    format!("{} proposed: {}", kind(event.kind()), event.reason)
}

pub(super) fn approved(event: &v1::RunApproved) -> String {
    let proposed_by = event.proposed_by.as_ref().map(named).unwrap_or_default();
    format!(
        "{} of run {} approved, proposed by {proposed_by}",
        kind(event.kind()),
        event.run_number
    )
}

pub(super) fn withdrawn(event: &v1::RunWithdrawn) -> String {
    format!("run {} withdrawn", event.run_number)
}

pub(super) fn proposed_json(event: &v1::RunProposed) -> Value {
    json!({ "kind": kind(event.kind()), "reason": event.reason })
}

pub(super) fn approved_json(event: &v1::RunApproved) -> Value {
    json!({
        "run": event.run_number,
        "kind": kind(event.kind()),
        "proposed_by": event.proposed_by.as_ref().map(named),
    })
}

pub(super) fn withdrawn_json(event: &v1::RunWithdrawn) -> Value {
    json!({ "run": event.run_number })
}
