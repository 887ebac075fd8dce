//! Messages of a Fallkonferenz: checked and shown. Source: `fallkonferenz.proto` for the limits.
//!
//! Only single messages are judged here. What they mean together is the business of
//! [`Conference`](crate::fallkonferenz::Conference).

mod show;
mod text;

use schleuse_proto::identity::is_part;
use schleuse_proto::v1;

pub(super) use self::show::json;
pub(super) use self::text::text;
pub(crate) use self::text::{change_word, decline_word};
use super::{ContentError, Kind, NAME_CHARS_MAX, chars, rule};

/// Longest text of a refusal in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// Longest objection to minutes in characters.
pub const OBJECTION_CHARS_MAX: usize = 4000;
/// Longest description of what was agreed, in characters.
pub const WHAT_CHARS_MAX: usize = 1000;
/// Longest notes of an item in bytes: 16 KiB, so that all parts of an agenda fit one submission.
pub const NOTES_BYTES_MAX: usize = 16 * 1024;
/// Longest minutes of an item in bytes.
pub const MINUTES_BYTES_MAX: usize = 32 * 1024;
/// Most items of an agenda.
pub(crate) const AGENDA_ITEMS_MAX: usize = 32;
/// Most agreements of one item.
pub const AGREEMENTS_MAX: usize = 32;
/// Most proposed dates.
pub const DATES_MAX: usize = 16;
/// Most categories of an agenda item.
const CATEGORIES_MAX: usize = 16;
/// Longest date, and longest item of an agenda, in minutes.
pub const MINUTES_MAX: u32 = 480;

/// Checks a message of a Fallkonferenz; others pass. Of a newer minor version, codes may be unknown.
pub(super) fn check(body: &Kind, newer: bool) -> Result<(), ContentError> {
    if let Kind::FallkonferenzRequest(message) = body {
        return check_request(message);
    }
    if let Kind::FallkonferenzAnswer(message) = body {
        return check_answer(message, newer);
    }
    if let Kind::FallkonferenzPart(message) = body {
        return check_part(message);
    }
    if let Kind::FallkonferenzAccept(message) = body {
        return check_accept(message);
    }
    if let Kind::FallkonferenzDecline(message) = body {
        return check_decline(message, newer);
    }
    if let Kind::FallkonferenzPropose(message) = body {
        return check_propose(message);
    }
    if let Kind::FallkonferenzFix(message) = body {
        return check_fix(message);
    }
    if let Kind::FallkonferenzMove(message) = body {
        return check_move(message, newer);
    }
    if let Kind::FallkonferenzCancel(message) = body {
        return check_cancel(message, newer);
    }
    if let Kind::FallkonferenzMinutes(message) = body {
        return check_minutes(message);
    }
    if let Kind::FallkonferenzConfirm(message) = body {
        return check_confirm(message);
    }
    if let Kind::FallkonferenzAgreementKept(message) = body {
        return check_agreement_kept(message);
    }
    if let Kind::FallkonferenzAgreementLate(message) = body {
        return check_agreement_late(message);
    }
    Ok(())
}

fn check_request(request: &v1::FallkonferenzRequest) -> Result<(), ContentError> {
    id("conference_id", &request.conference_id)?;
    rule(request.agenda.len() <= AGENDA_ITEMS_MAX, "agenda", "at most 32 items")?;
    request.agenda.iter().try_for_each(check_item)?;
    dates("proposed_dates", &request.proposed_dates)?;
    place(&request.place)?;
    time("answer_by", request.answer_by_ms)
}

fn check_answer(answer: &v1::FallkonferenzAnswer, newer: bool) -> Result<(), ContentError> {
    id("conference_id", &answer.conference_id)?;
    let reply = v1::FallkonferenzReply::try_from(answer.reply);
    match reply.unwrap_or(v1::FallkonferenzReply::Unspecified) {
        v1::FallkonferenzReply::Accept => match &answer.chosen_date {
            Some(chosen) => date("chosen_date", chosen),
            None => rule(false, "chosen_date", "the date on which the agency takes part"),
        },
        v1::FallkonferenzReply::Decline => {
            chars("reason", &answer.reason, 0, REASON_CHARS_MAX, "at most 500 characters")
        }
        v1::FallkonferenzReply::Propose => dates("other_dates", &answer.other_dates),
        v1::FallkonferenzReply::Unspecified => {
            rule(newer && answer.reply != 0, "reply", "ACCEPT, DECLINE or PROPOSE")?;
            chars("reason", &answer.reason, 0, REASON_CHARS_MAX, "at most 500 characters")
        }
    }
}

fn check_part(part: &v1::FallkonferenzPart) -> Result<(), ContentError> {
    id("conference_id", &part.conference_id)?;
    let item = part.item.as_ref();
    let item = item
        .ok_or(ContentError::Field { field: "item".into(), expected: "an agenda item".into() })?;
    id("item.item_id", &item.item_id)?;
    check_item(item)
}

fn check_accept(accept: &v1::FallkonferenzAccept) -> Result<(), ContentError> {
    id("conference_id", &accept.conference_id)?;
    dates("dates", &accept.dates)
}

fn check_decline(decline: &v1::FallkonferenzDecline, newer: bool) -> Result<(), ContentError> {
    use v1::FallkonferenzDeclineReason as Reason;
    id("conference_id", &decline.conference_id)?;
    let reason = Reason::try_from(decline.reason).unwrap_or(Reason::Unspecified);
    let known = reason != Reason::Unspecified || (newer && decline.reason != 0);
    rule(known, "reason", "a reason code")?;
    let least = usize::from(reason == Reason::Other);
    let expected = "at most 500 characters, and a text with OTHER";
    chars("text", &decline.text, least, REASON_CHARS_MAX, expected)
}

fn check_propose(propose: &v1::FallkonferenzPropose) -> Result<(), ContentError> {
    id("conference_id", &propose.conference_id)?;
    dates("dates", &propose.dates)
}

fn check_fix(fix: &v1::FallkonferenzFix) -> Result<(), ContentError> {
    id("conference_id", &fix.conference_id)?;
    sequence(fix.sequence)?;
    let chosen = fix.date.as_ref();
    date(
        "date",
        chosen.ok_or(ContentError::Field { field: "date".into(), expected: "the date".into() })?,
    )?;
    place(&fix.place)
}

fn check_move(change: &v1::FallkonferenzMove, newer: bool) -> Result<(), ContentError> {
    id("conference_id", &change.conference_id)?;
    sequence(change.sequence)?;
    dates("dates", &change.dates)?;
    change_reason(change.reason, newer)?;
    place(&change.place)?;
    let answers = change.dates.len() > 1;
    let expected = "a time after 1970 with several dates, otherwise 0";
    rule((change.answer_by_ms > 0) == answers && change.answer_by_ms >= 0, "answer_by", expected)
}

fn check_cancel(cancel: &v1::FallkonferenzCancel, newer: bool) -> Result<(), ContentError> {
    id("conference_id", &cancel.conference_id)?;
    sequence(cancel.sequence)?;
    change_reason(cancel.reason, newer)
}

fn check_minutes(minutes: &v1::FallkonferenzMinutes) -> Result<(), ContentError> {
    id("conference_id", &minutes.conference_id)?;
    id("item_id", &minutes.item_id)?;
    rule(minutes.version > 0, "version", "1 or more")?;
    rule(minutes.text.len() <= MINUTES_BYTES_MAX, "text", "at most 32 KiB")?;
    rule(minutes.agreements.len() <= AGREEMENTS_MAX, "agreements", "at most 32")?;
    let mut ids: Vec<_> = minutes.agreements.iter().map(|one| &one.agreement_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let distinct = ids.len() == minutes.agreements.len();
    rule(distinct, "agreements.agreement_id", "another identifier for each agreement")?;
    minutes.agreements.iter().try_for_each(check_agreement)
}

fn check_agreement(agreement: &v1::Agreement) -> Result<(), ContentError> {
    id("agreements.agreement_id", &agreement.agreement_id)?;
    let who = is_part(&agreement.agency) && is_part(&agreement.function);
    rule(who, "agreements.agency", "agency and function, each 1 to 40 of [a-z0-9-]")?;
    chars("agreements.what", &agreement.what, 1, WHAT_CHARS_MAX, "1 to 1000 characters")?;
    time("agreements.until", agreement.until_ms)
}

fn check_confirm(confirm: &v1::FallkonferenzConfirm) -> Result<(), ContentError> {
    id("conference_id", &confirm.conference_id)?;
    id("item_id", &confirm.item_id)?;
    rule(confirm.version > 0, "version", "1 or more")?;
    let text = &confirm.objection;
    chars("objection", text, 0, OBJECTION_CHARS_MAX, "at most 4000 characters")
}

fn check_agreement_kept(kept: &v1::FallkonferenzAgreementKept) -> Result<(), ContentError> {
    id("conference_id", &kept.conference_id)?;
    id("item_id", &kept.item_id)?;
    id("agreement_id", &kept.agreement_id)?;
    time("kept_at", kept.kept_at_ms)
}

fn check_agreement_late(late: &v1::FallkonferenzAgreementLate) -> Result<(), ContentError> {
    id("conference_id", &late.conference_id)?;
    id("item_id", &late.item_id)?;
    id("agreement_id", &late.agreement_id)?;
    time("expected_by", late.expected_by_ms)?;
    chars("text", &late.text, 0, REASON_CHARS_MAX, "at most 500 characters")
}

fn check_item(item: &v1::AgendaItem) -> Result<(), ContentError> {
    chars("agenda.title", &item.title, 1, NAME_CHARS_MAX, "1 to 200 characters")?;
    minutes("agenda.minutes", item.minutes)?;
    let fits = item.categories.len() <= CATEGORIES_MAX;
    rule(fits, "agenda.categories", "at most 16 codes")?;
    let identified = item.item_id.is_empty() || item.item_id.len() == 16;
    rule(identified, "agenda.item_id", "16 bytes")?;
    rule(item.notes.len() <= NOTES_BYTES_MAX, "agenda.notes", "at most 16 KiB")
}

fn id(field: &'static str, bytes: &[u8]) -> Result<(), ContentError> {
    rule(bytes.len() == 16, field, "16 bytes")
}

fn time(field: &'static str, time_ms: i64) -> Result<(), ContentError> {
    rule(time_ms > 0, field, "a time after 1970")
}

fn sequence(sequence: u32) -> Result<(), ContentError> {
    rule(sequence > 0, "sequence", "1 or more")
}

fn place(text: &str) -> Result<(), ContentError> {
    chars("place", text, 1, NAME_CHARS_MAX, "1 to 200 characters")
}

fn change_reason(code: i32, newer: bool) -> Result<(), ContentError> {
    use v1::FallkonferenzChangeReason as Reason;
    let reason = Reason::try_from(code).unwrap_or(Reason::Unspecified);
    rule(reason != Reason::Unspecified || (newer && code != 0), "reason", "a reason code")
}

fn dates(field: &'static str, dates: &[v1::ProposedDate]) -> Result<(), ContentError> {
    rule((1..=DATES_MAX).contains(&dates.len()), field, "1 to 16 dates")?;
    dates.iter().try_for_each(|one| date(field, one))
}

fn date(field: &'static str, date: &v1::ProposedDate) -> Result<(), ContentError> {
    time(field, date.starts_at_ms)?;
    minutes(field, date.minutes)
}

fn minutes(field: &'static str, minutes: u32) -> Result<(), ContentError> {
    rule((1..=MINUTES_MAX).contains(&minutes), field, "1 to 480 minutes")
}

#[cfg(test)]
mod tests;
