//! Messages of a Fallkonferenz as JSON for programs.

use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::ids::hex;

/// A message of a Fallkonferenz as JSON; none for any other.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are shown elsewhere")]
pub(in crate::content) fn json(kind: &Kind) -> Option<Value> {
    Some(match kind {
        Kind::FallkonferenzRequest(message) => request_json(message),
        Kind::FallkonferenzAnswer(message) => answer_json(message),
        Kind::FallkonferenzPart(message) => part_json(message),
        Kind::FallkonferenzAccept(message) => accept_json(message),
        Kind::FallkonferenzDecline(message) => decline_json(message),
        Kind::FallkonferenzPropose(message) => propose_json(message),
        Kind::FallkonferenzFix(message) => fix_json(message),
        Kind::FallkonferenzMove(message) => moved_json(message),
        Kind::FallkonferenzCancel(message) => cancel_json(message),
        Kind::FallkonferenzMinutes(message) => minutes_json(message),
        Kind::FallkonferenzConfirm(message) => confirm_json(message),
        Kind::FallkonferenzAgreementKept(message) => agreement_kept_json(message),
        Kind::FallkonferenzAgreementLate(message) => agreement_late_json(message),
        _ => return None,
    })
}

fn request_json(request: &v1::FallkonferenzRequest) -> Value {
    json!({
        "type": "fallkonferenz_request",
        "conference": hex(&request.conference_id),
        "agenda": request.agenda.iter().map(item).collect::<Vec<_>>(),
        "proposed_dates": dates(&request.proposed_dates),
        "place": request.place,
        "answer_by": rfc3339(request.answer_by_ms),
    })
}

fn answer_json(answer: &v1::FallkonferenzAnswer) -> Value {
    json!({
        "type": "fallkonferenz_answer",
        "conference": hex(&answer.conference_id),
        "reply": code(answer.reply, &v1::FallkonferenzReply::as_str_name),
        "chosen_date": answer.chosen_date.as_ref().map(date),
        "other_dates": dates(&answer.other_dates),
        "reason": answer.reason,
    })
}

fn part_json(part: &v1::FallkonferenzPart) -> Value {
    json!({
        "type": "fallkonferenz_part",
        "conference": hex(&part.conference_id),
        "item": part.item.as_ref().map(item),
    })
}

fn accept_json(accept: &v1::FallkonferenzAccept) -> Value {
    json!({
        "type": "fallkonferenz_accept",
        "conference": hex(&accept.conference_id),
        "sequence": accept.sequence,
        "dates": dates(&accept.dates),
    })
}

fn decline_json(decline: &v1::FallkonferenzDecline) -> Value {
    json!({
        "type": "fallkonferenz_decline",
        "conference": hex(&decline.conference_id),
        "sequence": decline.sequence,
        "reason": code(decline.reason, &v1::FallkonferenzDeclineReason::as_str_name),
        "text": decline.text,
    })
}

fn propose_json(propose: &v1::FallkonferenzPropose) -> Value {
    json!({
        "type": "fallkonferenz_propose",
        "conference": hex(&propose.conference_id),
        "sequence": propose.sequence,
        "dates": dates(&propose.dates),
    })
}

fn fix_json(fix: &v1::FallkonferenzFix) -> Value {
    json!({
        "type": "fallkonferenz_fix",
        "conference": hex(&fix.conference_id),
        "sequence": fix.sequence,
        "date": fix.date.as_ref().map(date),
        "place": fix.place,
    })
}

fn moved_json(change: &v1::FallkonferenzMove) -> Value {
    json!({
        "type": "fallkonferenz_move",
        "conference": hex(&change.conference_id),
        "sequence": change.sequence,
        "dates": dates(&change.dates),
        "reason": code(change.reason, &v1::FallkonferenzChangeReason::as_str_name),
        "place": change.place,
        "answer_by": Some(change.answer_by_ms).filter(|by| *by > 0).map(rfc3339),
    })
}

fn cancel_json(cancel: &v1::FallkonferenzCancel) -> Value {
    json!({
        "type": "fallkonferenz_cancel",
        "conference": hex(&cancel.conference_id),
        "sequence": cancel.sequence,
        "reason": code(cancel.reason, &v1::FallkonferenzChangeReason::as_str_name),
    })
}

fn minutes_json(minutes: &v1::FallkonferenzMinutes) -> Value {
    json!({
        "type": "fallkonferenz_minutes",
        "conference": hex(&minutes.conference_id),
        "item": hex(&minutes.item_id),
        "version": minutes.version,
        "text": minutes.text,
        "agreements": minutes.agreements.iter().map(|one| json!({
            "id": hex(&one.agreement_id),
            "who": format!("{}/{}", one.agency, one.function),
            "what": one.what,
            "until": rfc3339(one.until_ms),
        })).collect::<Vec<_>>(),
    })
}

fn confirm_json(confirm: &v1::FallkonferenzConfirm) -> Value {
    json!({
        "type": "fallkonferenz_confirm",
        "conference": hex(&confirm.conference_id),
        "item": hex(&confirm.item_id),
        "version": confirm.version,
        "objection": confirm.objection,
    })
}

fn agreement_kept_json(kept: &v1::FallkonferenzAgreementKept) -> Value {
    json!({
        "type": "fallkonferenz_agreement_kept",
        "conference": hex(&kept.conference_id),
        "item": hex(&kept.item_id),
        "agreement": hex(&kept.agreement_id),
        "kept_at": rfc3339(kept.kept_at_ms),
    })
}

fn agreement_late_json(late: &v1::FallkonferenzAgreementLate) -> Value {
    json!({
        "type": "fallkonferenz_agreement_late",
        "conference": hex(&late.conference_id),
        "item": hex(&late.item_id),
        "agreement": hex(&late.agreement_id),
        "expected_by": rfc3339(late.expected_by_ms),
        "text": late.text,
    })
}

fn item(item: &v1::AgendaItem) -> Value {
    json!({
        "id": hex(&item.item_id),
        "title": item.title,
        "categories": item.categories,
        "minutes": item.minutes,
        "notes": item.notes,
    })
}

fn date(date: &v1::ProposedDate) -> Value {
    json!({ "starts_at": rfc3339(date.starts_at_ms), "minutes": date.minutes })
}

fn dates(all: &[v1::ProposedDate]) -> Vec<Value> {
    all.iter().map(date).collect()
}

/// A code by its name; its number, if only a newer version has it.
fn code<E: TryFrom<i32>>(number: i32, name: &dyn Fn(&E) -> &'static str) -> Value {
    E::try_from(number).map_or_else(|_| json!(number), |known| json!(name(&known)))
}
