//! Events of the log in plain words and as JSON.

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use super::LogRow;
use crate::clock::rfc3339;
use crate::ids::hex;

/// The record type of an event.
pub(super) fn record_type(entry: &v1::LogEntry) -> Option<v1::RecordType> {
    use v1::RecordType as R;
    Some(match entry.event.as_ref()? {
        Event::BrokerStarted(_) => R::BrokerStarted,
        Event::ParticipantRegistered(_) => R::ParticipantRegistered,
        Event::LotseAssigned(_) => R::LotseAssigned,
        Event::ReferenceAssigned(_) => R::ReferenceAssigned,
        Event::DirectoryPublished(_) => R::DirectoryPublished,
        Event::ConsentRecorded(_) => R::ConsentRecorded,
        Event::ConsentRevoked(_) => R::ConsentRevoked,
        Event::MessageDecided(_) => R::MessageDecided,
        Event::HandedOut(_) => R::HandedOut,
        Event::StageReported(_) => R::StageReported,
        Event::MessageStopped(_) => R::MessageStopped,
        Event::LogQueried(_) => R::LogQueried,
        Event::CallRefused(_) => R::CallRefused,
    })
}

/// Short name of a record type, for example `handed-out`.
#[must_use]
pub fn event_name(kind: v1::RecordType) -> String {
    short(kind.as_str_name(), "RECORD_TYPE_")
}

fn short(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase().replace('_', "-")
}

pub(super) fn actor(entry: &v1::LogEntry) -> String {
    match &entry.actor {
        None => "broker".to_owned(),
        Some(actor) if actor.person.is_empty() => format!("{}/{}", actor.agency, actor.role),
        Some(actor) => format!("{}/{}/{}", actor.agency, actor.role, actor.person),
    }
}

fn address(address: Option<&v1::Address>) -> String {
    address.map(|a| format!("{}/{}", a.agency, a.function)).unwrap_or_default()
}

fn label(event: &v1::MessageDecided) -> v1::Label {
    schleuse_proto::evidence::decode_canonical(&event.label).unwrap_or_default()
}

/// The event in plain words, with why it was not covered if that is shown.
pub(super) fn summary(row: &LogRow) -> String {
    let Some(event) = &row.entry.event else { return String::new() };
    let text = event_text(event);
    match reason(row) {
        Some(reason) => format!("{text}: {reason}"),
        None => text,
    }
}

/// Why a message is not covered, if the row shows it.
fn reason(row: &LogRow) -> Option<String> {
    let reason = row.findings.as_ref()?.deny_reason();
    (reason != v1::DenyReason::Unspecified).then(|| short(reason.as_str_name(), "DENY_REASON_"))
}

fn event_text(event: &Event) -> String {
    match event {
        Event::BrokerStarted(e) => {
            format!("broker {} started, catalogue {}", e.version, e.catalogue_version)
        }
        Event::ParticipantRegistered(_) => "participant registered".to_owned(),
        Event::LotseAssigned(e) => format!("handed over to Lotse {}", e.lotse),
        Event::ReferenceAssigned(e) => format!("reference for {}", e.agency),
        Event::DirectoryPublished(_) => "directory entry published".to_owned(),
        Event::ConsentRecorded(e) => format!(
            "consent {} revision {} for {}",
            short_id(&e.consent_id),
            e.revision,
            e.agencies.join(", ")
        ),
        Event::ConsentRevoked(e) => {
            format!("consent {} revoked, for {}", short_id(&e.consent_id), e.agencies.join(", "))
        }
        Event::MessageDecided(e) => decided(e),
        Event::HandedOut(e) => format!(
            "message {} from {} to {}: {} ({}), attempt {}, consent {}",
            e.message_number,
            address(e.sender.as_ref()),
            address(e.recipient.as_ref()),
            e.purpose,
            e.categories.join(", "),
            e.attempt,
            short_id(&e.consent_reference)
        ),
        Event::StageReported(e) => {
            let stage = short(e.stage().as_str_name(), "DELIVERY_STAGE_");
            format!("message {} {stage} by {}", e.message_number, e.recipient_agency)
        }
        Event::MessageStopped(e) => format!(
            "message {} from {} to {} stopped: {}",
            e.message_number,
            e.sender_agency,
            e.recipient_agency,
            short(e.reason().as_str_name(), "STOP_REASON_")
        ),
        Event::LogQueried(e) => format!("log queried: {}", e.reason),
        Event::CallRefused(e) => format!("call {} refused", e.method),
    }
}

fn decided(event: &v1::MessageDecided) -> String {
    let label = label(event);
    let way = format!(
        "{} to {}: {} ({})",
        address(label.sender.as_ref()),
        address(label.recipient.as_ref()),
        label.purpose,
        label.categories.join(", ")
    );
    if event.accepted { format!("accepted {way}") } else { format!("not covered {way}") }
}

fn short_id(id: &[u8]) -> String {
    hex(id.get(..4).unwrap_or(id))
}

pub(super) fn row_json(row: &LogRow) -> Value {
    let time = i64::try_from(row.skeleton.time_ms).unwrap_or(i64::MAX);
    json!({
        "record": row.record_number,
        "epoch": row.skeleton.epoch,
        "time": rfc3339(time),
        "type": record_type(&row.entry).map(event_name),
        "actor": actor(&row.entry),
        "certificate_serial": row.entry.actor.as_ref().map(|actor| hex(&actor.certificate_serial)),
        "summary": summary(row),
        "participant": row.participant_reference.as_ref().map(|r| r.as_text().to_owned()),
        "leaf_hash": hex(&row.leaf_hash()),
        "event": event_json(&row.entry),
        "findings": row.findings.as_ref().map(|findings| findings_json(row, findings)),
    })
}

fn findings_json(row: &LogRow, findings: &v1::Findings) -> Value {
    let covered = !findings.consent_id.is_empty();
    json!({
        "deny_reason": reason(row),
        "consent": covered.then(|| hex(&findings.consent_id)),
        "consent_revision": covered.then_some(findings.consent_revision),
        "grant": covered.then_some(findings.grant_index),
        "document_hash": covered.then(|| hex(&findings.document_hash)),
    })
}

fn event_json(entry: &v1::LogEntry) -> Value {
    let Some(event) = &entry.event else { return Value::Null };
    match event {
        Event::ConsentRecorded(e) => json!({
            "consent": hex(&e.consent_id),
            "revision": e.revision,
            "document_hash": hex(&e.document_hash),
            "agencies": e.agencies,
        }),
        Event::ConsentRevoked(e) => json!({
            "consent": hex(&e.consent_id),
            "revision": e.revision,
            "agencies": e.agencies,
        }),
        Event::MessageDecided(e) => decided_json(e),
        Event::HandedOut(e) => json!({
            "message": e.message_number,
            "attempt": e.attempt,
            "consent": hex(&e.consent_reference),
            "sender": address(e.sender.as_ref()),
            "recipient": address(e.recipient.as_ref()),
            "purpose": e.purpose,
            "kind": e.kind,
            "categories": e.categories,
        }),
        Event::StageReported(e) => json!({
            "message": e.message_number,
            "stage": short(e.stage().as_str_name(), "DELIVERY_STAGE_"),
            "sender": e.sender_agency,
            "recipient": e.recipient_agency,
        }),
        Event::MessageStopped(e) => json!({
            "message": e.message_number,
            "reason": short(e.reason().as_str_name(), "STOP_REASON_"),
            "sender": e.sender_agency,
            "recipient": e.recipient_agency,
        }),
        Event::LogQueried(e) => json!({
            "reason": e.reason,
            "by_participant": e.by_participant,
            "filter": e.filter.as_ref().map(filter_json),
        }),
        Event::CallRefused(e) => json!({ "method": e.method }),
        Event::LotseAssigned(e) => json!({ "lotse": e.lotse }),
        Event::ReferenceAssigned(e) => json!({ "agency": e.agency }),
        Event::BrokerStarted(e) => json!({
            "version": e.version,
            "catalogue_version": e.catalogue_version,
            "catalogue_hash": hex(&e.catalogue_hash),
        }),
        Event::DirectoryPublished(_) | Event::ParticipantRegistered(_) => json!({}),
    }
}

/// What was asked for; only what was given.
fn filter_json(filter: &v1::LogFilter) -> Value {
    let types = filter.types().map(event_name).collect::<Vec<_>>();
    let fields = [
        ("agencies", json!(filter.agencies)),
        ("from", (filter.from_ms != 0).then(|| rfc3339(filter.from_ms)).into()),
        ("until", (filter.until_ms != 0).then(|| rfc3339(filter.until_ms)).into()),
        ("types", json!(types)),
        ("purpose", json!(filter.purpose)),
        ("category", json!(filter.category)),
        ("kind", json!(filter.kind)),
        ("outcome", json!(outcome_name(filter.outcome()))),
        ("consent", json!(hex(&filter.consent_id))),
        ("certificate", json!(hex(&filter.certificate_serial))),
    ];
    let given = |value: &Value| !(value.is_null() || *value == json!("") || *value == json!([]));
    let given = fields.into_iter().filter(|(_, value)| given(value));
    given.map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}

fn outcome_name(outcome: v1::DecisionOutcome) -> &'static str {
    match outcome {
        v1::DecisionOutcome::Unspecified => "",
        v1::DecisionOutcome::Accepted => "accepted",
        v1::DecisionOutcome::Refused => "refused",
    }
}

fn decided_json(event: &v1::MessageDecided) -> Value {
    let label = label(event);
    json!({
        "accepted": event.accepted,
        "message_id": hex(&label.message_id),
        "thread": hex(&label.thread_id),
        "sender": address(label.sender.as_ref()),
        "recipient": address(label.recipient.as_ref()),
        "purpose": label.purpose,
        "kind": label.kind,
        "categories": label.categories,
        "payload_bytes": event.payload_bytes,
        "payload_digest": hex(&event.payload_digest),
    })
}
