//! Records of the log, times and codes in words.

use jiff::Timestamp;
use jiff::civil::Date;
use schleuse_client::deadlines::german_day;
use schleuse_client::german::{german_end, german_on, german_time};
use schleuse_client::{LogRow, Names, shown, v1};
use serde_json::Value;

use crate::surface::Language;
use crate::texts::{OperatorTexts, WordTexts, filled};

/// One fact: what it is called, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) says: String,
    /// Whether it is for machines: shown in a fixed-width type.
    pub(crate) is_code: bool,
}

/// One record in words.
#[derive(Clone, Debug)]
pub(crate) struct RecordWords {
    pub(crate) number: u64,
    pub(crate) when: String,
    pub(crate) who: String,
    pub(crate) what: &'static str,
    /// The way of a message, or what else is the first thing to know.
    pub(crate) gist: String,
    pub(crate) reference: String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) is_refusal: bool,
    pub(crate) is_erased: bool,
}

impl RecordWords {
    /// A row in words.
    pub(crate) fn of(row: &LogRow, language: Language, names: &Names) -> Self {
        let t = &language.texts().words;
        let json = row.to_json();
        let event = json.get("event").cloned().unwrap_or_default();
        let findings = json.get("findings").cloned().unwrap_or_default();
        let mut facts = Facts { t, language, names, facts: Vec::new() };
        facts.add_all(&event);
        facts.add_all(&findings);
        facts.add("leaf_hash", &Value::String(text(&json, "leaf_hash")));
        Self {
            number: row.record_number,
            when: time(language, row.time_ms()),
            who: who(row, t, names),
            what: title(row, t),
            gist: gist(&event, &findings, t, names),
            reference: row
                .participant_reference
                .as_ref()
                .map_or_else(String::new, |reference| reference.as_text().to_owned()),
            facts: facts.facts,
            is_refusal: is_refusal(row),
            is_erased: row.entry.is_none(),
        }
    }
}

fn text(json: &Value, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn who(row: &LogRow, t: &WordTexts, names: &Names) -> String {
    match row.caused_by() {
        None if row.entry.is_none() => t.by_erased.to_owned(),
        None => t.by_broker.to_owned(),
        Some(actor) if actor.person.is_empty() => names.office(&actor.agency),
        Some(actor) => format!("{}, {}", shown(&actor.person), names.office(&actor.agency)),
    }
}

fn is_refusal(row: &LogRow) -> bool {
    use v1::log_entry::Event;
    match row.event() {
        Some(Event::MessageDecided(decided)) => !decided.accepted,
        Some(Event::CallRefused(_)) => true,
        Some(_) | None => false,
    }
}

/// What happened, in one sentence.
fn title(row: &LogRow, t: &WordTexts) -> &'static str {
    use v1::log_entry::Event;
    match row.event() {
        Some(Event::MessageDecided(e)) if e.accepted => t.message_accepted,
        Some(Event::ParticipantRestricted(e)) if !e.restricted => t.unrestricted,
        Some(Event::StageReported(e)) if e.stage() == v1::DeliveryStage::Decrypted => t.decrypted,
        Some(_) | None => type_name(row.record_type(), t),
    }
}

/// A type of record in words.
pub(crate) fn type_name(kind: v1::RecordType, t: &WordTexts) -> &'static str {
    use v1::RecordType as R;
    match kind {
        R::BrokerStarted => t.broker_started,
        R::ParticipantRegistered => t.participant_registered,
        R::LotseAssigned => t.lotse_assigned,
        R::ReferenceAssigned => t.reference_assigned,
        R::DirectoryPublished => t.directory_published,
        R::ConsentRecorded => t.consent_recorded,
        R::ConsentRevoked => t.consent_revoked,
        R::ConsentSuspended => t.consent_suspended,
        R::ConsentConfirmed => t.consent_confirmed,
        R::MessageDecided => t.message_refused,
        R::HandedOut => t.handed_out,
        R::StageReported => t.acknowledged,
        R::MessageStopped => t.message_stopped,
        R::DeadLettered => t.dead_lettered,
        R::MailboxRead => t.mailbox_read,
        R::LogQueried => t.log_queried,
        R::CallRefused => t.call_refused,
        R::ErasureBegun => t.erasure_begun,
        R::RecordsErased => t.records_erased,
        R::ParticipantRestricted => t.restricted,
        R::RunProposed => t.run_proposed,
        R::RunApproved => t.run_approved,
        R::RunWithdrawn => t.run_withdrawn,
        R::HoldPlaced => t.hold_placed,
        R::HoldReleased => t.hold_released,
        R::RecordLost => t.record_lost,
        R::LogReconciled => t.log_reconciled,
        R::UploadDiscarded => t.upload_discarded,
        R::BasisEnded => t.basis_ended,
        R::DeletionConfirmed => t.deletion_confirmed,
        R::CoverageAsked => t.coverage_asked,
        R::ConsentRequested => t.consent_requested,
        R::TaskClosed => t.task_closed,
        R::ParticipationSet => t.participation_set,
        R::SecrecyReleaseRecorded => t.release_recorded,
        R::SecrecyReleaseRevoked => t.release_revoked,
        R::ObjectionRecorded => t.objection_recorded,
        R::ObjectionWithdrawn => t.objection_withdrawn,
        R::ParticipationEnded => t.participation_ended,
        R::EvaluationReleased => t.evaluation_released,
        R::EvaluationExported => t.evaluation_exported,
        R::Unspecified => t.unknown,
    }
}

/// The first thing to know about an event beside what it is.
fn gist(event: &Value, findings: &Value, t: &WordTexts, names: &Names) -> String {
    let planned = event.get("planned").filter(|planned| planned.is_object()).unwrap_or(event);
    let (sender, recipient) = (text(planned, "sender"), text(planned, "recipient"));
    let purpose = text(planned, "purpose");
    let mut parts = Vec::new();
    match (sender.is_empty(), recipient.is_empty()) {
        (false, false) => {
            parts.push(format!("{} → {}", names.office(&sender), names.office(&recipient)))
        }
        (true, false) => parts.push(names.office(&recipient)),
        (_, true) => {}
    }
    if !purpose.is_empty() {
        parts.push(names.purpose(&purpose));
    }
    let codes = [text(findings, "deny_reason"), text(event, "answer")];
    parts.extend(codes.iter().filter_map(|reason| code(reason, t)).map(str::to_owned));
    let reason = text(event, "reason");
    if !reason.is_empty() {
        parts.push(reason_words(&reason, t));
    }
    parts.join(" · ")
}

/// A reason in words: a code of the schemas, what the broker itself writes into the log, or what somebody stated.
fn reason_words(reason: &str, t: &WordTexts) -> String {
    let words = match reason {
        "consents listed by the Lotse" => Some(t.r_consents_listed),
        "participants listed by the Lotse" => Some(t.r_participants_listed),
        "participations listed by the Lotse" => Some(t.r_participations_listed),
        "tasks listed by the Lotse" => Some(t.r_tasks_listed),
        "reviews listed by the Lotse" => Some(t.r_reviews_listed),
        "holds listed by the project's officer" => Some(t.r_holds_listed),
        "open runs listed by the project's officer" => Some(t.r_runs_listed),
        "duties to delete listed by the officer" => Some(t.r_duties_listed),
        "releases and objections listed by the Lotse" => Some(t.r_safeguards_listed),
        "erasure planned" => Some(t.r_erasure_planned),
        other => code(other, t),
    };
    words.map_or_else(|| shown(reason), str::to_owned)
}

/// Facts on their way.
struct Facts<'a> {
    t: &'a WordTexts,
    language: Language,
    names: &'a Names,
    facts: Vec<Fact>,
}

impl Facts<'_> {
    fn add_all(&mut self, object: &Value) {
        let Some(object) = object.as_object() else { return };
        for (key, value) in object {
            if key == "planned" && value.is_object() {
                self.add_all(value);
            } else {
                self.add(key, value);
            }
        }
    }

    fn add(&mut self, key: &str, value: &Value) {
        let says = self.says(key, value);
        if says.is_empty() {
            return;
        }
        let name = name(key, self.t).map_or_else(|| key.replace('_', " "), str::to_owned);
        let is_code = key.ends_with("_hash")
            || key.ends_with("_digest")
            || matches!(
                key,
                "consent" | "message_id" | "thread" | "release" | "objection" | "hold"
            );
        self.facts.push(Fact { name, says, is_code });
    }

    fn says(&self, key: &str, value: &Value) -> String {
        let t = &self.language.texts().forms;
        match value {
            Value::Null => String::new(),
            Value::Bool(said) => if *said { t.yes } else { t.no }.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Array(values) => {
                let values: Vec<String> = values.iter().map(|one| self.says(key, one)).collect();
                values.join(", ")
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| {
                    let called = name(key, self.t).map_or_else(|| key.clone(), str::to_owned);
                    format!("{called}: {}", self.says(key, value))
                });
                fields.collect::<Vec<_>>().join("; ")
            }
            Value::String(text) => match key {
                "purpose" => self.names.purpose(text),
                "category" | "categories" => self.names.category(text),
                "kind" => self.names.kind(text),
                "sender" | "recipient" | "agency" | "agencies" => self.names.office_and_id(text),
                "reason" => reason_words(text, self.t),
                "from" | "until" | "due" => match text.parse::<Timestamp>() {
                    Ok(instant) => time(self.language, instant.as_millisecond()),
                    Err(_) => shown(text),
                },
                _ => code(text, self.t).map_or_else(|| shown(text), str::to_owned),
            },
        }
    }
}

/// What a fact is called.
fn name(key: &str, t: &WordTexts) -> Option<&'static str> {
    Some(match key {
        "accepted" => t.f_accepted,
        "agencies" => t.f_agencies,
        "agency" => t.f_agency,
        "answer" => t.f_answer,
        "attempt" => t.f_attempt,
        "by_participant" => t.f_by_participant,
        "category" => t.f_category,
        "categories" => t.f_categories,
        "certificate" => t.f_certificate,
        "catalogue_version" => t.f_catalogue_version,
        "consent" => t.f_consent,
        "revision" | "consent_revision" => t.f_revision,
        "grant" => t.f_grant,
        "covered" => t.f_covered,
        "deny_reason" => t.f_deny_reason,
        "document_hash" => t.f_document_hash,
        "due" => t.f_due,
        "duty" => t.f_duty,
        "filter" => t.f_filter,
        "run" => t.f_run,
        "proposed_by" => t.f_proposed_by,
        "from" => t.f_from,
        "until" => t.f_until,
        "further_messages" => t.f_further_messages,
        "ground" => t.f_ground,
        "hold" => t.f_hold,
        "kind" => t.f_kind,
        "lotse" => t.f_lotse,
        "lost_records" => t.f_lost_records,
        "message" => t.f_message,
        "messages" => t.f_messages,
        "message_id" | "message_ids" => t.f_message_id,
        "method" => t.f_method,
        "objection" => t.f_objection,
        "outcome" => t.f_outcome,
        "payload_bytes" => t.f_payload_bytes,
        "payload_digest" => t.f_payload_digest,
        "planned" => t.f_planned,
        "professional_secret" => t.f_professional_secret,
        "purpose" => t.f_purpose,
        "reason" => t.f_reason,
        "recipient" => t.f_recipient,
        "release" => t.f_release,
        "result" => t.f_result,
        "rule" => t.f_rule,
        "sender" => t.f_sender,
        "stage" => t.f_stage,
        "taken_up_by" => t.f_taken_up_by,
        "task" => t.f_task,
        "thread" => t.f_thread,
        "types" => t.f_types,
        "version" => t.f_version,
        "without_participant" => t.f_without_participant,
        "leaf_hash" => t.f_leaf_hash,
        _ => return None,
    })
}

/// A code of the schemas in words; none if it is no such code.
pub(crate) fn code(code: &str, t: &WordTexts) -> Option<&'static str> {
    Some(match code {
        "unknown-participant" => t.c_unknown_participant,
        "no-consent" => t.c_no_consent,
        "revoked" => t.c_revoked,
        "expired" => t.c_expired,
        "not-yet" => t.c_not_yet,
        "superseded" => t.c_superseded,
        "not-all-covered" => t.c_not_all_covered,
        "suspended" => t.c_suspended,
        "restricted" => t.c_restricted,
        "review-missed" => t.c_review_missed,
        "secrecy-release-missing" => t.c_secrecy_release_missing,
        "objected" => t.c_objected,
        "ended" => t.c_ended,
        "not-in-directory" => t.c_not_in_directory,
        "consent-ended" => t.c_consent_ended,
        "erased" => t.c_erased,
        "recalled" => t.c_recalled,
        "upload-ended" => t.c_upload_ended,
        "attempts" => t.c_attempts,
        "cannot-open" => t.c_cannot_open,
        "misdirected" => t.c_misdirected,
        "unknown-version" => t.c_unknown_version,
        "unreadable" => t.c_unreadable,
        "deleted" => t.c_deleted,
        "retained" => t.c_retained,
        "participant" => t.c_participant,
        "retention" => t.c_retention,
        "benefit-at-risk" => t.c_benefit_at_risk,
        "conference-planned" => t.c_conference_planned,
        "home-at-risk" => t.c_home_at_risk,
        "period-runs" => t.c_period_runs,
        "rehabilitation-planned" => t.c_rehabilitation_planned,
        "responsibility-open" => t.c_responsibility_open,
        "unspecified" => t.c_unspecified,
        "declined" => t.c_declined,
        "done" => t.c_done,
        "obsolete" => t.c_obsolete,
        "person" => t.c_person,
        "system" => t.c_system,
        "accepted" => t.c_accepted,
        "refused" => t.c_refused,
        "decrypted" => t.c_decrypted,
        "acknowledged" => t.c_acknowledged,
        _ => return None,
    })
}

/// A time, German local time: `08.12.2026, 10:00 Uhr`.
pub(crate) fn time(language: Language, ms: i64) -> String {
    in_language(language, german_time(ms))
}

/// An end: a day if it is the end of that day, else with its time.
pub(crate) fn end(language: Language, ms: i64) -> String {
    in_language(language, german_end(ms))
}

/// When something begins or was: a day if only the day was given.
pub(crate) fn on(language: Language, ms: i64) -> String {
    in_language(language, german_on(ms))
}

/// A day with its weekday, by which a weekend is seen at once.
pub(crate) fn day(language: Language, day: Date) -> String {
    match language {
        Language::German => german_day(day),
        Language::English => day.strftime("%a %d.%m.%Y").to_string(),
    }
}

/// German dates are understood in both languages; only the word for the hour is left out in English.
fn in_language(language: Language, german: String) -> String {
    match language {
        Language::German => german,
        Language::English => german.trim_end_matches(" Uhr").to_owned(),
    }
}

/// How long ago, in the largest unit that says enough.
pub(crate) fn age(ms: u64, t: &OperatorTexts) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..=119 => filled(t.seconds, &[&seconds.to_string()]),
        120..=7199 => filled(t.minutes, &[&(seconds / 60).to_string()]),
        _ => filled(t.hours, &[&(seconds / 3600).to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_weekday_in_the_language_of_the_page() {
        let of = |language| day(language, Date::constant(2026, 12, 9));
        assert_eq!(of(Language::German), "Mi 09.12.2026");
        assert_eq!(of(Language::English), "Wed 09.12.2026");
    }

    #[test]
    fn every_reason_that_the_broker_writes_has_words() {
        let t = &Language::German.texts().words;
        let steps = concat!(env!("CARGO_MANIFEST_DIR"), "/../../broker/src/domain/step");
        let mut count = 0;
        for file in std::fs::read_dir(steps).unwrap() {
            let code = std::fs::read_to_string(file.unwrap().path()).unwrap_or_default();
            let reasons = code.split('"').filter(|text| !text.contains('\n'));
            for reason in reasons.filter(|text| text.contains(" listed by ")) {
                assert_ne!(reason_words(reason, t), reason);
                count += 1;
            }
        }
        assert!(count >= 9, "{count}");
    }

    #[test]
    fn every_code_of_a_refusal_and_an_end_has_words() {
        let t = &Language::German.texts().words;
        let plain = |name: &str, prefix: &str| {
            name.trim_start_matches(prefix).to_lowercase().replace('_', "-")
        };
        let numbers = 0..=i32::from(u8::MAX);
        for number in numbers {
            if let Ok(reason) = v1::DenyReason::try_from(number) {
                let known = plain(reason.as_str_name(), "DENY_REASON_");
                assert!(code(&known, t).is_some(), "{known}");
            }
            if let Ok(reason) = v1::StopReason::try_from(number) {
                let known = plain(reason.as_str_name(), "STOP_REASON_");
                assert!(code(&known, t).is_some(), "{known}");
            }
            if let Ok(reason) = v1::DeadLetterReason::try_from(number) {
                let known = plain(reason.as_str_name(), "DEAD_LETTER_REASON_");
                assert!(code(&known, t).is_some(), "{known}");
            }
            if let Ok(reason) = v1::RequestReason::try_from(number) {
                let known = plain(reason.as_str_name(), "REQUEST_REASON_");
                assert!(code(&known, t).is_some(), "{known}");
            }
        }
    }
}
