//! Events of the log in plain words and as JSON.

mod delivery;
mod evaluation;
mod planning;
mod runs;
pub(crate) mod safeguards;
mod uploads;

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use super::LogRow;
use crate::clock::rfc3339;
use crate::ids::hex;

pub use evaluation::{
    all_if_empty, days_name, figure_name, has_reached, measure_name,
    tables_json as evaluation_tables_json,
};

/// The record type of an event.
pub(crate) fn record_type(entry: &v1::LogEntry) -> Option<v1::RecordType> {
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
        Event::ErasureBegun(_) => R::ErasureBegun,
        Event::RecordsErased(_) => R::RecordsErased,
        Event::ParticipantRestricted(_) => R::ParticipantRestricted,
        Event::HoldPlaced(_) => R::HoldPlaced,
        Event::HoldReleased(_) => R::HoldReleased,
        Event::ConsentSuspended(_) => R::ConsentSuspended,
        Event::ConsentConfirmed(_) => R::ConsentConfirmed,
        Event::RecordLost(_) => R::RecordLost,
        Event::LogReconciled(_) => R::LogReconciled,
        Event::UploadDiscarded(_) => R::UploadDiscarded,
        Event::DeadLettered(_) => R::DeadLettered,
        Event::MailboxRead(_) => R::MailboxRead,
        Event::BasisEnded(_) => R::BasisEnded,
        Event::DeletionConfirmed(_) => R::DeletionConfirmed,
        Event::CoverageAsked(_) => R::CoverageAsked,
        Event::ConsentRequested(_) => R::ConsentRequested,
        Event::TaskClosed(_) => R::TaskClosed,
        Event::ParticipationSet(_) => R::ParticipationSet,
        Event::SecrecyReleaseRecorded(_) => R::SecrecyReleaseRecorded,
        Event::SecrecyReleaseRevoked(_) => R::SecrecyReleaseRevoked,
        Event::ObjectionRecorded(_) => R::ObjectionRecorded,
        Event::ObjectionWithdrawn(_) => R::ObjectionWithdrawn,
        Event::ParticipationEnded(_) => R::ParticipationEnded,
        Event::EvaluationReleased(_) => R::EvaluationReleased,
        Event::EvaluationExported(_) => R::EvaluationExported,
        Event::RunProposed(_) => R::RunProposed,
        Event::RunApproved(_) => R::RunApproved,
        Event::RunWithdrawn(_) => R::RunWithdrawn,
    })
}

/// Short name of a record type, for example `handed-out`.
#[must_use]
pub fn event_name(kind: v1::RecordType) -> String {
    short(kind.as_str_name(), "RECORD_TYPE_")
}

pub(super) fn short(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase().replace('_', "-")
}

pub(super) fn actor(row: &LogRow) -> String {
    match row.caused_by() {
        None if row.entry.is_none() => "(erased)".to_owned(),
        None => "broker".to_owned(),
        Some(actor) => named(actor),
    }
}

/// `agency/role` with the person if there is one.
fn named(actor: &v1::Actor) -> String {
    let (agency, role, person) = (&actor.agency, &actor.role, &actor.person);
    if person.is_empty() { format!("{agency}/{role}") } else { format!("{agency}/{role}/{person}") }
}

fn address(address: Option<&v1::Address>) -> String {
    address.map(|a| format!("{}/{}", a.agency, a.function)).unwrap_or_default()
}

fn label(event: &v1::MessageDecided) -> v1::Label {
    schleuse_proto::evidence::decode_canonical(&event.label).unwrap_or_default()
}

/// The event in plain words, with why it was not covered if that is shown.
pub(super) fn summary(row: &LogRow) -> String {
    let Some(event) = row.event() else {
        return format!("{}, contents erased", event_name(row.record_type()));
    };
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

#[expect(clippy::too_many_lines, reason = "one arm for each event, each of them flat")]
fn event_text(event: &Event) -> String {
    match event {
        Event::BrokerStarted(e) => {
            format!("broker {} started, catalogue {}", e.version, e.catalogue_version)
        }
        Event::ParticipantRegistered(_) => "participant registered".to_owned(),
        Event::LotseAssigned(e) => format!("handed over to Lotse {}", e.lotse),
        Event::ReferenceAssigned(e) => format!("reference for {}", e.agency),
        Event::DirectoryPublished(_) => "directory entry published".to_owned(),
        Event::ConsentRecorded(e) => {
            let (consent, agencies) = (short_id(&e.consent_id), e.agencies.join(", "));
            format!("consent {consent} revision {} for {agencies}", e.revision)
        }
        Event::ConsentRevoked(e) => {
            format!("consent {} revoked, for {}", short_id(&e.consent_id), e.agencies.join(", "))
        }
        Event::ConsentSuspended(e) => match e.reason() {
            v1::SuspensionReason::ReviewMissed => {
                format!("consent {} suspended: review missed", short_id(&e.consent_id))
            }
            v1::SuspensionReason::RecordsLost | v1::SuspensionReason::Unspecified => {
                format!("consent {} suspended", short_id(&e.consent_id))
            }
        },
        Event::ConsentConfirmed(e) => format!("consent {} confirmed", short_id(&e.consent_id)),
        Event::MessageDecided(e) => decided(e),
        Event::HandedOut(e) => handed_out(e),
        Event::StageReported(e) => {
            let stage = short(e.stage().as_str_name(), "DELIVERY_STAGE_");
            let person = match e.taken_up_by() {
                v1::TakenUpBy::Person => " (a person)",
                v1::TakenUpBy::System | v1::TakenUpBy::Unspecified => "",
            };
            format!("message {} {stage} by {}{person}", e.message_number, e.recipient_agency)
        }
        Event::MessageStopped(e) => {
            let reason = short(e.reason().as_str_name(), "STOP_REASON_");
            let (number, from, to) = (e.message_number, &e.sender_agency, &e.recipient_agency);
            format!("message {number} from {from} to {to} stopped: {reason}")
        }
        Event::LogQueried(e) => format!("log queried: {}", e.reason),
        Event::CallRefused(e) => format!("call {} refused", e.method),
        Event::ErasureBegun(_) => "erasure of the participant begun".to_owned(),
        Event::RecordsErased(e) => {
            let records = e.ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.count));
            format!("contents of {records} records erased: {}", ground(e))
        }
        Event::ParticipantRestricted(e) if e.restricted => "processing restricted".to_owned(),
        Event::ParticipantRestricted(_) => "restriction of processing ended".to_owned(),
        Event::HoldPlaced(e) => format!("erasure on hold: {}", e.reason),
        Event::HoldReleased(e) => format!("hold {} released", short_id(&e.hold_id)),
        Event::CoverageAsked(e) => planning::asked(e),
        Event::ConsentRequested(e) => planning::requested(e),
        Event::TaskClosed(e) => planning::closed(e),
        Event::ParticipationSet(_) => "participation changed".to_owned(),
        Event::RecordLost(_) => "stands for a record that was lost".to_owned(),
        Event::UploadDiscarded(e) => uploads::text(e),
        Event::EvaluationReleased(e) => evaluation::released_text(e),
        Event::EvaluationExported(e) => evaluation::exported_text(e),
        Event::RunProposed(e) => runs::proposed(e),
        Event::RunApproved(e) => runs::approved(e),
        Event::RunWithdrawn(e) => runs::withdrawn(e),
        Event::LogReconciled(e) => format!(
            "log reconciled: {} records lost, {} consents suspended",
            e.lost_records, e.suspended_consents
        ),
        Event::DeadLettered(e) => delivery::dead_lettered(e),
        Event::MailboxRead(e) => delivery::mailbox_read(e),
        Event::BasisEnded(e) => delivery::basis_ended(e),
        Event::DeletionConfirmed(e) => delivery::deletion_confirmed(e),
        Event::SecrecyReleaseRecorded(_)
        | Event::SecrecyReleaseRevoked(_)
        | Event::ObjectionRecorded(_)
        | Event::ObjectionWithdrawn(_)
        | Event::ParticipationEnded(_) => safeguards::text(Some(event)).unwrap_or_default(),
    }
}

fn ground(event: &v1::RecordsErased) -> String {
    short(event.ground().as_str_name(), "ERASURE_GROUND_")
}

fn handed_out(event: &v1::HandedOut) -> String {
    let basis = if event.without_participant {
        "without participant".to_owned()
    } else {
        format!("consent {}", short_id(&event.consent_reference))
    };
    format!(
        "message {} from {} to {}: {} ({}), attempt {}, {basis}",
        event.message_number,
        address(event.sender.as_ref()),
        address(event.recipient.as_ref()),
        event.purpose,
        event.categories.join(", "),
        event.attempt,
    )
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
    json!({
        "record": row.record_number,
        "epoch": row.skeleton.epoch,
        "time": rfc3339(row.time_ms()),
        "type": event_name(row.record_type()),
        "erased": row.entry.is_none(),
        "actor": actor(row),
        "certificate_serial": row.caused_by().map(|actor| hex(&actor.certificate_serial)),
        "summary": summary(row),
        "participant": row.participant_reference.as_ref().map(|r| r.as_text().to_owned()),
        "leaf_hash": hex(&row.leaf_hash()),
        "event": row.event().map(event_json),
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
        "release_hash": (!findings.release_hash.is_empty()).then(|| hex(&findings.release_hash)),
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each event, each of them flat")]
fn event_json(event: &Event) -> Value {
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
        Event::ConsentSuspended(e) => consent_json(&e.consent_id, e.revision),
        Event::ConsentConfirmed(e) => consent_json(&e.consent_id, e.revision),
        Event::MessageDecided(e) => decided_json(e),
        Event::HandedOut(e) => handed_out_json(e),
        Event::StageReported(e) => json!({
            "message": e.message_number,
            "stage": short(e.stage().as_str_name(), "DELIVERY_STAGE_"),
            "taken_up_by": short(e.taken_up_by().as_str_name(), "TAKEN_UP_BY_"),
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
            "purposes_without_participant": e.purposes_without_participant,
        }),
        Event::RecordsErased(e) => erased_json(e),
        Event::ParticipantRestricted(e) => json!({ "restricted": e.restricted }),
        Event::HoldPlaced(e) => json!({
            "hold": hex(&e.hold_id),
            "reason": e.reason,
            "by_participant": e.by_participant,
        }),
        Event::HoldReleased(e) => json!({ "hold": hex(&e.hold_id) }),
        Event::LogReconciled(e) => reconciled_json(e),
        Event::UploadDiscarded(e) => uploads::json(e),
        Event::DeadLettered(e) => delivery::dead_lettered_json(e),
        Event::MailboxRead(e) => delivery::mailbox_read_json(e),
        Event::BasisEnded(e) => delivery::basis_ended_json(e),
        Event::DeletionConfirmed(e) => delivery::deletion_confirmed_json(e),
        Event::CoverageAsked(e) => planning::asked_json(e),
        Event::ConsentRequested(e) => planning::requested_json(e),
        Event::TaskClosed(e) => planning::closed_json(e),
        Event::SecrecyReleaseRecorded(_)
        | Event::SecrecyReleaseRevoked(_)
        | Event::ObjectionRecorded(_)
        | Event::ObjectionWithdrawn(_)
        | Event::ParticipationEnded(_) => safeguards::json(Some(event)).unwrap_or_default(),
        Event::EvaluationReleased(e) => evaluation::released_json(e),
        Event::EvaluationExported(e) => evaluation::exported_json(e),
        Event::RunProposed(e) => runs::proposed_json(e),
        Event::RunApproved(e) => runs::approved_json(e),
        Event::RunWithdrawn(e) => runs::withdrawn_json(e),
        Event::ErasureBegun(e) => json!({ "run": e.run_number }),
        Event::DirectoryPublished(_)
        | Event::ParticipantRegistered(_)
        | Event::ParticipationSet(_)
        | Event::RecordLost(_) => json!({}),
    }
}

fn consent_json(consent_id: &[u8], revision: u32) -> Value {
    json!({ "consent": hex(consent_id), "revision": revision })
}

fn handed_out_json(event: &v1::HandedOut) -> Value {
    json!({
        "message": event.message_number,
        "attempt": event.attempt,
        "consent": hex(&event.consent_reference),
        "without_participant": event.without_participant,
        "sender": address(event.sender.as_ref()),
        "recipient": address(event.recipient.as_ref()),
        "purpose": event.purpose,
        "kind": event.kind,
        "categories": event.categories,
        "professional_secret": event.professional_secret,
    })
}

fn erased_json(event: &v1::RecordsErased) -> Value {
    let ranges = event.ranges.iter();
    let ranges = ranges.map(|range| json!({ "first": range.first, "count": range.count }));
    json!({
        "ground": ground(event),
        "ranges": ranges.collect::<Value>(),
        "run": event.run_number,
    })
}

fn reconciled_json(event: &v1::LogReconciled) -> Value {
    json!({
        "shown_checkpoint": String::from_utf8_lossy(&event.shown_checkpoint),
        "found_size": event.found_size,
        "lost_records": event.lost_records,
        "replayed_revocations": event.replayed_revocations,
        "suspended_consents": event.suspended_consents,
    })
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
        "professional_secret": label.professional_secret,
        "payload_bytes": event.payload_bytes,
        "payload_digest": hex(&event.payload_digest),
    })
}
