//! What every consent that is signed here goes through, whether it is new or renewed: the text to read out, then the
//! evidence and the act. What is signed is what was shown: its digest goes along and is made anew in the last step.

use askama::Template;
use schleuse_client::v1::ErrorReason;
use schleuse_client::{ClientError, Grant, REVIEW_MONTHS_MAX, hex};
use schleuse_proto::evidence::sha256;

use super::form::Upload;
use super::offices::Offices;
use super::people::Person;
use crate::desk::{Answer, Desk};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::{Language, Surface};
use crate::texts::{Texts, filled};
use crate::words;

/// What is about to be signed.
#[derive(Clone, Debug)]
pub(super) struct ToSign {
    /// The text that is read out.
    pub(super) text: String,
    /// What will be recorded, line by line.
    pub(super) summary: Vec<String>,
    /// Whether it is about health data, which need evidence. Source: GDPR Art. 9.
    pub(super) has_health: bool,
}

impl ToSign {
    /// Digest of everything that was shown before it is signed: text and summary.
    pub(super) fn digest(&self) -> String {
        let summary = self.summary.join("\n");
        hex(&sha256(&[self.text.as_bytes(), b"\0", summary.as_bytes()]))
    }
}

/// Whether grants are about health data.
pub(super) fn has_health(desk: &Desk, grants: &[Grant]) -> bool {
    let mut categories = grants.iter().flat_map(|grant| &grant.categories);
    categories.any(|code| desk.names().is_health(code))
}

/// Grants in words, a line each.
pub(super) fn grant_lines(
    desk: &Desk,
    offices: &Offices,
    language: Language,
    grants: &[Grant],
) -> Vec<String> {
    let names = desk.names();
    let line = |grant: &Grant| {
        let recipient = offices.name(&grant.recipient.to_string());
        let senders = offices.agencies(&grant.senders);
        let (purpose, data) = (names.purpose(&grant.purpose), names.categories(&grant.categories));
        let span =
            [words::on(language, grant.not_before_ms), words::end(language, grant.not_after_ms)];
        let valid = filled(language.texts().consent.valid_span, &[&span[0], &span[1]]);
        format!("{senders} → {recipient}: {purpose} ({data}), {valid}")
    };
    grants.iter().map(line).collect()
}

/// What is being done: its name, its first step, and where its forms are sent to.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) title: &'static str,
    pub(super) first: &'static str,
    pub(super) act: &'static str,
    pub(super) path: String,
    /// Where one gets without doing it.
    pub(super) cancel: String,
}

/// Fields that go along to the next step.
pub(super) type Sent = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "lotse/record_text.html")]
struct TextPage<'a> {
    s: Surface,
    person: &'a Person,
    way: Way,
    to_sign: &'a ToSign,
    sent: Sent,
}

#[derive(Template)]
#[template(path = "lotse/record_evidence.html")]
struct EvidencePage<'a> {
    s: Surface,
    person: &'a Person,
    way: Way,
    to_sign: &'a ToSign,
    sent: Sent,
    fields: Fields,
    problems: Problems,
}

impl EvidencePage<'_> {
    /// Most months until the review.
    fn review_months_max(&self) -> u32 {
        REVIEW_MONTHS_MAX
    }
}

/// The text to read out and to sign. Its digest goes along.
pub(super) fn text(
    desk: &Desk,
    person: &Person,
    way: Way,
    to_sign: &ToSign,
    mut sent: Sent,
) -> Answer {
    sent.push(("text_hash".to_owned(), to_sign.digest()));
    desk.page(&TextPage { s: desk.surface.clone(), person, way, to_sign, sent })
}

/// The form for the evidence; again, if something is wrong with it.
pub(super) fn evidence(
    desk: &Desk,
    (person, way, to_sign): (&Person, Way, &ToSign),
    sent: Sent,
    fields: Fields,
    problems: Problems,
) -> Answer {
    let is_again = !problems.is_empty();
    let s = desk.surface.clone();
    let page = EvidencePage { s, person, way, to_sign, sent, fields, problems };
    if is_again { desk.again(&page) } else { desk.page(&page) }
}

/// The months until the review, if that and the evidence are as they have to be.
pub(super) fn review_months(
    desk: &Desk,
    upload: &Upload,
    to_sign: &ToSign,
    problems: &mut Problems,
) -> Option<u32> {
    let t = desk.t();
    if upload.is_too_large {
        problems.add("file", t.consent.files_hint);
    } else if upload.files.is_empty() && to_sign.has_health {
        problems.add("file", t.failure.evidence_missing_do);
    }
    let months = read::months(&upload.fields, "review_months", REVIEW_MONTHS_MAX, t, problems);
    months.filter(|_| problems.is_empty())
}

/// What a refusal of the broker is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// When the consent is reviewed.
    Review,
    /// How long it holds.
    Term,
    /// Its evidence.
    Evidence,
    /// Something else that was entered: the field of the form.
    Entry(&'static str),
    /// The act as a whole.
    Act,
}

/// A refusal of the broker as forms tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) about: About,
    pub(super) words: String,
}

impl Refusal {
    pub(super) fn of(t: &Texts, error: &ClientError) -> Self {
        let named = Named::of(error);
        let about = named.about();
        let words = named.words(about, t).unwrap_or_else(|| in_a_line(&t.failure, error));
        Self { about, words }
    }
}

/// What the broker names in a refusal. Source: schleuse/v1/error_reason.proto.
#[derive(Clone, Copy, Debug)]
struct Named<'a> {
    reason: ErrorReason,
    field: &'a str,
    max_months: &'a str,
}

impl<'a> Named<'a> {
    fn of(error: &'a ClientError) -> Self {
        let ClientError::Refused { reason, metadata, .. } = error else {
            return Self { reason: ErrorReason::Unspecified, field: "", max_months: "" };
        };
        let detail = |key: &str| metadata.get(key).map_or("", String::as_str);
        let reason = ErrorReason::from_str_name(reason).unwrap_or_default();
        Self { reason, field: detail("field"), max_months: detail("max_months") }
    }

    fn about(self) -> About {
        use ErrorReason as R;
        match (self.reason, self.field) {
            (R::ReviewTooLate, _) => About::Review,
            (R::ConsentTooLong, _) => About::Term,
            (R::EvidenceMissing, _) => About::Evidence,
            (R::RepresentationExceeded, "grants.not_after_ms") => About::Term,
            (R::RepresentationExceeded, "grants.purpose") => About::Entry("scope_purposes"),
            (R::RepresentationExceeded, _) => About::Entry("scope_categories"),
            (R::InvalidField | R::UnknownCode | R::ConsentTooBroad | R::TooLarge, field) => {
                about_field(field)
            }
            _ => About::Act,
        }
    }

    fn words(self, about: About, t: &Texts) -> Option<String> {
        match about {
            About::Review if self.max_months.is_empty() => Some(t.consent.review_beyond.to_owned()),
            About::Review => Some(filled(t.consent.review_most, &[self.max_months])),
            About::Term if !self.max_months.is_empty() => {
                Some(filled(t.forms.months_problem, &[self.max_months]))
            }
            About::Term | About::Evidence | About::Entry(_) | About::Act => None,
        }
    }
}

/// Which field of the forms is meant by the broker's name of one.
fn about_field(field: &str) -> About {
    match field {
        "review_by_ms" | "next_review_by_ms" => About::Review,
        "grants.not_before_ms" | "grants.not_after_ms" => About::Term,
        "evidence_hashes" => About::Evidence,
        "given_by.categories" => About::Entry("scope_categories"),
        "given_by.purposes" => About::Entry("scope_purposes"),
        "given_by.until_ms" => About::Entry("scope_until"),
        "given_by.kind" => About::Entry("representative"),
        "secrecy_releases.holder" => About::Entry("holder"),
        field if field.starts_with("given_by") => About::Entry("scope"),
        // Grants are named without their number: the first one is as good as another.
        "senders" => About::Entry("senders0"),
        "recipient" => About::Entry("recipient0"),
        "purpose" | "grants.purpose" => About::Entry("purpose0"),
        "categories" => About::Entry("categories0"),
        _ => About::Act,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(reason: ErrorReason, field: &'static str) -> Named<'static> {
        Named { reason, field, max_months: "" }
    }

    #[test]
    fn a_refusal_is_about_the_field_that_the_broker_names() {
        use ErrorReason as R;
        for (reason, field, expected) in [
            (R::ReviewTooLate, "review_by_ms", About::Review),
            (R::InvalidField, "next_review_by_ms", About::Review),
            (R::ConsentTooLong, "not_after_ms", About::Term),
            (R::RepresentationExceeded, "grants.not_after_ms", About::Term),
            (R::RepresentationExceeded, "grants.purpose", About::Entry("scope_purposes")),
            (R::RepresentationExceeded, "grants.categories", About::Entry("scope_categories")),
            (R::InvalidField, "given_by.scope", About::Entry("scope")),
            (R::InvalidField, "given_by.until_ms", About::Entry("scope_until")),
            (R::InvalidField, "secrecy_releases.holder", About::Entry("holder")),
            (R::EvidenceMissing, "", About::Evidence),
            (R::InvalidField, "grants.purpose", About::Entry("purpose0")),
            (R::UnknownCode, "categories", About::Entry("categories0")),
            (R::InvalidField, "previous_hash", About::Act),
            (R::TimeOutOfRange, "signed_at_ms", About::Act),
            (R::RevisionConflict, "", About::Act),
            (R::WitnessesLate, "", About::Act),
        ] {
            assert_eq!(named(reason, field).about(), expected, "{reason:?} {field}");
        }
        assert_eq!(Named::of(&ClientError::NoKey).about(), About::Act);
    }

    #[test]
    fn the_brokers_own_limit_stands_beside_the_field() {
        let t = Language::German.texts();
        let said = |named: Named<'_>| named.words(named.about(), t);
        let late = Named { max_months: "3", ..named(ErrorReason::ReviewTooLate, "review_by_ms") };
        assert!(said(late).unwrap().contains("3 Monate"), "{late:?}");
        let beyond = named(ErrorReason::InvalidField, "next_review_by_ms");
        assert_eq!(said(beyond).unwrap(), t.consent.review_beyond);
        let long = Named { max_months: "12", ..named(ErrorReason::ConsentTooLong, "") };
        assert_eq!(said(long).unwrap(), "Geben Sie 1 bis 12 Monate an.");
        assert_eq!(said(named(ErrorReason::WitnessesLate, "")), None);
    }

    #[test]
    fn another_text_or_another_line_is_another_digest() {
        let to_sign = |text: &str, lines: &[&str]| {
            let summary = lines.iter().map(|&line| line.to_owned()).collect();
            ToSign { text: text.to_owned(), summary, has_health: false }.digest()
        };
        let first = to_sign("Text", &["a", "b"]);
        assert_eq!(first, to_sign("Text", &["a", "b"]));
        for other in
            [to_sign("Text ", &["a", "b"]), to_sign("Text", &["a"]), to_sign("Texta", &["b"])]
        {
            assert_ne!(first, other);
        }
    }
}
