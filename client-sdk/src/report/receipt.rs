//! The receipt of a consent: a page for the participant and the same for programs, with the field names of
//! ISO/IEC TS 27560.

use askama::Template;
use schleuse_proto::v1;
use serde_json::{Value, json};

use super::course::{Beside, ConsentCourse, Revision, State, Step, consents};
use super::page::{GrantPart, given_by, grant_part};
use super::{CheckCode, Names, Texts, shown, words};
use crate::clock::rfc3339;
use crate::error::ClientError;
use crate::ids::{ConsentId, ParticipantReference, hex};
use crate::log::{Evidence, LogRow};

/// The receipt of a consent's newest revision.
#[derive(Clone, Debug, Template)]
#[template(path = "receipt.html")]
pub struct ConsentReceipt {
    /// What the person is called; empty where nobody knows it.
    person: String,
    reference: String,
    consent: ConsentId,
    revision: u32,
    recorded: String,
    recorded_by: String,
    form: &'static str,
    given_by: String,
    made: String,
    state: &'static str,
    /// Whether the consent permits nothing any more.
    is_over: bool,
    beside: Beside,
    grants: Vec<GrantPart>,
    releases: Vec<String>,
    review: String,
    code: CheckCode,
    text_version: String,
    text_hash: String,
    text: Option<String>,
    record_number: u64,
    record: Value,
}

/// What became of a consent that a check code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundConsent {
    /// The consent.
    pub consent_id: ConsentId,
    /// The revision that the code is of.
    pub revision: u32,
    /// The newest revision: the same if the consent is unchanged.
    pub newest_revision: u32,
    /// When the revision was recorded, Unix milliseconds.
    pub recorded_ms: i64,
    /// State of the consent now.
    pub state: v1::ConsentState,
    /// Whether the processing of the participant's data is restricted: then nothing passes.
    pub restricted: bool,
    /// Whether the participation has ended: then nothing passes any more.
    pub ended: bool,
    /// The participant's objections in force: what they are about does not pass.
    pub objections: usize,
}

/// Types of the records that a receipt is made of, and that tell whether its consent still holds.
pub const RECEIPT_TYPES: [v1::RecordType; 8] = [
    v1::RecordType::ConsentRecorded,
    v1::RecordType::ConsentRevoked,
    v1::RecordType::ConsentSuspended,
    v1::RecordType::ConsentConfirmed,
    v1::RecordType::ParticipantRestricted,
    v1::RecordType::ObjectionRecorded,
    v1::RecordType::ObjectionWithdrawn,
    v1::RecordType::ParticipationEnded,
];

impl ConsentReceipt {
    /// Makes the receipt from rows about the participant, which must have the consent with its document: all rows of
    /// [`RECEIPT_TYPES`].
    ///
    /// # Errors
    /// The rows do not show the consent.
    pub fn new(
        rows: &[LogRow],
        participant: &ParticipantReference,
        consent: ConsentId,
        names: &Names,
        texts: &Texts,
        now_ms: i64,
    ) -> Result<Self, ClientError> {
        let unknown = || ClientError::argument("consent", "a consent of this participant");
        let (courses, beside) = (consents(rows), Beside::of(rows, now_ms));
        let course = courses.iter().find(|course| course.id == consent.as_bytes());
        let course = course.ok_or_else(unknown)?;
        let newest = course.revisions.last().copied().ok_or_else(unknown)?;
        let document = course.document().ok_or_else(unknown)?;
        let text = document.text.clone().unwrap_or_default();
        let state = beside.state(course, now_ms);
        let code = CheckCode::of(&newest.event.document_hash, &newest.row.leaf_hash());
        Ok(Self {
            person: String::new(),
            reference: participant.as_text().to_owned(),
            consent,
            revision: newest.event.revision,
            recorded: words::time(newest.row.time_ms()),
            recorded_by: words::actor(newest.row.caused_by(), names),
            form: words::form(document.form()),
            given_by: given_by(document),
            made: words::time(now_ms),
            state: words::state(state),
            is_over: matches!(state, State::Revoked | State::Ended | State::Over),
            beside,
            grants: document.grants.iter().map(|grant| grant_part(grant, names)).collect(),
            releases: document.secrecy_releases.iter().map(|one| release(one, names)).collect(),
            review: words::day(document.review_by_ms),
            code,
            text_version: shown(&text.version),
            text_hash: hex(&text.hash),
            text: texts.text(&text.hash),
            record_number: newest.row.record_number,
            record: record(course, newest, document, participant, names),
        })
    }

    /// Adds what the person is called, where somebody knows it: the log does not. The receipt for programs is without.
    #[must_use]
    pub fn of_person(mut self, name: &str) -> Self {
        self.person = shown(name);
        self
    }

    /// The page: one HTML file.
    ///
    /// # Errors
    /// Never for rows that were parsed.
    pub fn to_html(&self) -> Result<String, ClientError> {
        self.render().map_err(|_| ClientError::argument("receipt", "values that can be written"))
    }

    /// The code by which the consent can be found again.
    #[must_use]
    pub fn code(&self) -> CheckCode {
        self.code
    }

    /// Whether one of the given texts is the one that the participant consented to; only then it is printed.
    #[must_use]
    pub fn shows_text(&self) -> bool {
        self.text.is_some()
    }

    /// Number of the record that recorded the revision.
    #[must_use]
    pub fn record_number(&self) -> u64 {
        self.record_number
    }

    /// The receipt for programs, with the proof that its record is in the log.
    ///
    /// # Errors
    /// Never for evidence that was read from a broker.
    pub fn to_json(&self, proof: &Evidence) -> Result<Value, ClientError> {
        let malformed = |_| ClientError::protocol("evidence that is no JSON");
        let proof: Value = serde_json::from_slice(&proof.to_json()?).map_err(malformed)?;
        let code = self.code.to_string();
        Ok(json!({
            "schema_version": "ISO/IEC TS 27560:2023",
            "receipt_id": code,
            "consent_record": self.record,
            "check_code": code,
            "proof": proof,
        }))
    }
}

/// Finds the consent of a check code among rows about the participant: all rows of [`RECEIPT_TYPES`].
#[must_use]
pub fn find_by_code(rows: &[LogRow], code: CheckCode, now_ms: i64) -> Option<FoundConsent> {
    let Beside { restricted, ended, objections } = Beside::of(rows, now_ms);
    consents(rows).iter().find_map(|course| {
        let of = |one: &&Revision<'_>| {
            CheckCode::of(&one.event.document_hash, &one.row.leaf_hash()) == code
        };
        let revision = course.revisions.iter().find(of)?;
        Some(FoundConsent {
            consent_id: ConsentId::parse(course.id).ok()?,
            revision: revision.event.revision,
            newest_revision: course.revisions.last()?.event.revision,
            recorded_ms: revision.row.time_ms(),
            state: match course.state_at(now_ms) {
                State::InForce => v1::ConsentState::Active,
                State::NotYet => v1::ConsentState::NotYet,
                State::Ended => v1::ConsentState::Expired,
                State::Revoked => v1::ConsentState::Revoked,
                State::Suspended => v1::ConsentState::Suspended,
                State::Over | State::Unknown => v1::ConsentState::Unspecified,
            },
            restricted,
            ended,
            objections,
        })
    })
}

fn release(release: &v1::SecrecyRelease, names: &Names) -> String {
    shown(&format!(
        "{} darf mit {} sprechen über: {}",
        release.holder,
        words::address(release.addressee.as_ref(), names),
        names.categories(&release.categories)
    ))
}

/// The consent record of ISO/IEC TS 27560: metadata, processing, parties, events.
fn record(
    course: &ConsentCourse<'_>,
    newest: Revision<'_>,
    document: &v1::ConsentDocument,
    participant: &ParticipantReference,
    names: &Names,
) -> Value {
    let text = document.text.clone().unwrap_or_default();
    let purposes = document.grants.iter().map(|grant| purpose(grant, document, names));
    let events = course.steps.iter().map(|(step, row)| event(*step, row));
    json!({
        "schema_version": "ISO/IEC TS 27560:2023",
        "record_id": format!("{}-{}", hex(course.id), newest.event.revision),
        "pii_principal_id": participant.as_text(),
        "pii_processing": {
            "privacy_notice": format!("{} sha256:{}", text.version, hex(&text.hash)),
            "language": text.language,
            "purposes": purposes.collect::<Value>(),
        },
        "party_identification": parties(newest, document),
        "events": events.collect::<Value>(),
        "document_hash": hex(&newest.event.document_hash),
        "leaf_hash": hex(&newest.row.leaf_hash()),
        "record_number": newest.row.record_number,
    })
}

fn purpose(grant: &v1::Grant, document: &v1::ConsentDocument, names: &Names) -> Value {
    let information = grant.categories.iter().map(|code| {
        json!({
            "pii_type": code,
            "pii_attribute_id": names.category(code),
            "pii_optional": true,
            "special_pii_category": names.is_health(code),
        })
    });
    let recipient = grant.recipient.clone().unwrap_or_default();
    json!({
        "purpose": names.purpose(&grant.purpose),
        "purpose_type": grant.purpose,
        "lawful_basis": "consent",
        "pii_information": information.collect::<Value>(),
        "pii_controllers": grant.senders,
        "collection_method": document.form().as_str_name(),
        "processing_method": "sealed transfer to the recipient",
        "recipient_third_parties": [format!("{}/{}", recipient.agency, recipient.function)],
        "validity_start": rfc3339(grant.not_before_ms),
        "validity_end": rfc3339(grant.not_after_ms),
        "jurisdiction": "DE",
        "withdrawal_method": "at any time, by a word to the Lotse",
        "privacy_rights": ["GDPR Art. 7(3)", "GDPR Art. 15 to 18", "GDPR Art. 20", "GDPR Art. 77"],
    })
}

fn parties(newest: Revision<'_>, document: &v1::ConsentDocument) -> Value {
    let recorder = newest.row.caused_by().map(|actor| actor.agency.clone()).unwrap_or_default();
    let mut parties = vec![(recorder, "consent manager")];
    for grant in &document.grants {
        parties.extend(grant.senders.iter().map(|sender| (sender.clone(), "pii controller")));
        let recipient = grant.recipient.iter().map(|recipient| recipient.agency.clone());
        parties.extend(recipient.map(|agency| (agency, "recipient")));
    }
    parties.sort_unstable();
    parties.dedup();
    let party = |(agency, role): (String, &str)| json!({ "party_id": agency, "party_role": role, "party_type": "public agency" });
    parties.into_iter().map(party).collect()
}

fn event(step: Step, row: &LogRow) -> Value {
    let (state, kind) = match step {
        Step::Recorded(1) => ("consent given", "explicit"),
        Step::Recorded(_) => ("consent renewed", "explicit"),
        Step::Suspended => ("consent unknown", "system"),
        Step::Confirmed => ("consent confirmed", "explicit"),
        Step::Revoked => ("consent withdrawn", "explicit"),
    };
    let seconds = row.document.as_ref().map(|document| {
        let ends = document.grants.iter().map(|grant| grant.not_after_ms);
        (ends.max().unwrap_or_default() - row.time_ms()).max(0) / 1000
    });
    json!({
        "event_time": rfc3339(row.time_ms()),
        "event_type": kind,
        "event_state": state,
        "entity_id": row.actor(),
        "validity_duration": seconds.map(|seconds| format!("PT{seconds}S")),
    })
}
