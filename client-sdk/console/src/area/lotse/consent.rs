//! One consent: what it allows, its state, what can be done with it.

use askama::Template;
use schleuse_client::{
    ClientError, ConsentId, ConsentRecord, REVIEW_MONTHS_MAX, hex, months_later, shown, v1,
};

use super::notice::{Asked, notice};
use super::offices::Offices;
use super::people::{Person, person};
use super::state::{Mark, form, holds, is_open, of_consent, of_grant};
use super::steps::{About, Refusal};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::{Path, Query};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::texts::filled;
use crate::words;

/// One grant in words.
pub(super) struct GrantWords {
    pub(super) title: String,
    pub(super) mark: Mark,
    pub(super) holds: Vec<&'static str>,
    pub(super) senders: Vec<(String, String)>,
    pub(super) recipient: String,
    pub(super) purpose: String,
    pub(super) categories: Vec<(String, String)>,
    pub(super) has_health: bool,
    pub(super) valid: String,
}

/// What is common to the pages of a consent.
pub(super) struct Consent {
    pub(super) person: Person,
    pub(super) record: ConsentRecord,
    pub(super) id: String,
    pub(super) path: String,
    /// Whether the participation has ended.
    pub(super) is_over: bool,
    pub(super) mark: Mark,
    pub(super) grants: Vec<GrantWords>,
    pub(super) offices: Offices,
}

#[derive(Template)]
#[template(path = "lotse/consent.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    consent: Consent,
    may_revoke: bool,
    /// Whether it can be renewed, narrowed and reviewed.
    goes_on: bool,
    given: String,
    form: &'static str,
    review: String,
    text: String,
    evidence: Vec<String>,
    releases: Vec<String>,
    problems: Problems,
    fields: Fields,
}

impl Page {
    /// Most months until the next review.
    fn review_months_max(&self) -> u32 {
        REVIEW_MONTHS_MAX
    }
}

/// Looks a consent of a participant up.
pub(super) async fn find(desk: &Desk, reference: &str, consent: &str) -> Result<Consent, Failed> {
    let person = person(desk, reference)?;
    let wanted: ConsentId = consent.parse().map_err(|_| desk.not_found())?;
    let failed = |error| desk.failed(error);
    let consents = desk.client.list_consents(&person.reference).await.map_err(failed)?;
    let record = consents.into_iter().find(|known| known.consent_id == wanted);
    let record = record.ok_or_else(|| desk.not_found())?;
    let beside = desk.client.list_safeguards(&person.reference).await.map_err(failed)?;
    let offices = Offices::read(desk).await?;
    let (now_ms, is_over) = (desk.client.now_ms(), beside.ended_at_ms.is_some());
    let t = &desk.t().lotse;
    let grants =
        record.document.grants.iter().zip(1..).map(|(grant, number): (_, u32)| GrantWords {
            title: filled(desk.t().consent.grant_n, &[&number.to_string()]),
            mark: of_grant(&record, grant, (is_over, now_ms), t),
            holds: holds(&record, grant, &beside, t),
            ..words_of(desk, &offices, grant)
        });
    Ok(Consent {
        id: record.consent_id.to_string(),
        path: format!("{}/consents/{}", person.path(), record.consent_id),
        is_over,
        mark: of_consent(record.state, is_over, t),
        grants: grants.collect(),
        person,
        offices,
        record,
    })
}

fn words_of(desk: &Desk, offices: &Offices, grant: &v1::Grant) -> GrantWords {
    let (names, language) = (desk.names(), desk.surface.language);
    let span = [words::on(language, grant.not_before_ms), words::end(language, grant.not_after_ms)];
    let senders = grant.senders.iter().map(|id| (id.clone(), offices.name(id)));
    let categories = grant.categories.iter().map(|code| (code.clone(), names.category(code)));
    GrantWords {
        title: String::new(),
        mark: of_consent(v1::ConsentState::Unspecified, false, &desk.t().lotse),
        holds: Vec::new(),
        senders: senders.collect(),
        recipient: offices.address(grant.recipient.as_ref()),
        purpose: names.purpose(&grant.purpose),
        categories: categories.collect(),
        has_health: grant.categories.iter().any(|code| names.is_health(code)),
        valid: filled(desk.t().consent.valid_span, &[&span[0], &span[1]]),
    }
}

pub(super) async fn show(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
    Query(asked): Asked,
) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let notice = notice(&desk, &asked);
    desk.page(&page(&desk, consent, notice))
}

fn page(desk: &Desk, consent: Consent, notice: Option<String>) -> Page {
    let (t, language) = (&desk.t().consent, desk.surface.language);
    let document = &consent.record.document;
    let by = document.given_by.as_ref().filter(|by| by.representative);
    let text = document.text.clone().unwrap_or_default();
    let releases = document.secrecy_releases.iter().map(|release| {
        let to = consent.offices.address(release.addressee.as_ref());
        let categories = desk.names().categories(&release.categories);
        format!("{} → {to}: {categories}", shown(&release.holder))
    });
    Page {
        s: desk.surface.clone(),
        notice,
        may_revoke: is_open(consent.record.state),
        goes_on: is_open(consent.record.state) && !consent.is_over,
        given: match by {
            None => t.by_participant.to_owned(),
            Some(by) => filled(t.by_representative, &[&shown(&by.scope)]),
        },
        form: form(document.form(), t),
        review: words::end(language, consent.record.review_by_ms),
        text: format!("{} ({})", shown(&text.version), shown(&text.language)),
        evidence: document.evidence_hashes.iter().map(|hash| hex(hash)).collect(),
        releases: releases.collect(),
        problems: Problems::default(),
        fields: Fields::default(),
        consent,
    }
}

/// The review was done with the participant: the consent holds on.
pub(super) async fn confirm(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let t = desk.t();
    let mut problems = Problems::default();
    if fields.get("revision") != consent.record.document.revision.to_string() {
        problems.add("act", t.failure.changed);
    }
    let months = read::months(&fields, "months", REVIEW_MONTHS_MAX, t, &mut problems);
    if let (Some(months), true) = (months, problems.is_empty()) {
        match confirmed(&desk, &consent.record, months).await {
            Ok(record) => {
                return desk.go(&format!("{}?done=confirmed&r={record}", consent.path));
            }
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => {
                let refusal = Refusal::of(t, &error);
                let field = match refusal.about {
                    About::Review => "months",
                    About::Term | About::Evidence | About::Entry(_) | About::Act => "act",
                };
                problems.add(field, refusal.words);
            }
        }
    }
    desk.again(&Page { problems, fields, ..page(&desk, consent, None) })
}

/// Signs the confirmation; number of its record. No review is later than the end of the consent.
async fn confirmed(desk: &Desk, consent: &ConsentRecord, months: u32) -> Result<u64, ClientError> {
    let ends = consent.document.grants.iter().map(|grant| grant.not_after_ms);
    let now_ms = desk.client.now_ms();
    let end_ms = ends.max().filter(|end_ms| *end_ms > now_ms).unwrap_or(i64::MAX);
    let next = months_later(now_ms, months)?.min(end_ms);
    Ok(desk.client.confirm_consent(consent, Some(next)).await?.record_number)
}
