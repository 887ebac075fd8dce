//! One consent: what it allows, its state, what can be done with it.

use askama::Template;
use axum::extract::{Path, Query};
use schleuse_client::{ConsentId, ConsentRecord, hex, months_later, shown, v1};

use super::notice::{Asked, notice};
use super::offices::Offices;
use super::people::{Person, person};
use super::state::{Mark, form, holds, is_open, of_consent, of_grant};
use crate::desk::{Answer, Desk, Failed};
use crate::fields::{Fields, Problems};
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
    is_open: bool,
    given: String,
    form: &'static str,
    review: String,
    text: String,
    evidence: Vec<String>,
    releases: Vec<String>,
    problems: Problems,
    fields: Fields,
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
    let now_ms = desk.client.now_ms();
    let t = &desk.t().lotse;
    let grants =
        record.document.grants.iter().zip(1..).map(|(grant, number): (_, u32)| GrantWords {
            title: filled(desk.t().consent.grant_n, &[&number.to_string()]),
            mark: of_grant(&record, grant, now_ms, t),
            holds: holds(&record, grant, &beside, t),
            ..words_of(desk, &offices, grant)
        });
    Ok(Consent {
        id: record.consent_id.to_string(),
        path: format!("{}/consents/{}", person.path(), record.consent_id),
        mark: of_consent(record.state, t),
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
        mark: of_consent(v1::ConsentState::Unspecified, &desk.t().lotse),
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
        is_open: is_open(consent.record.state),
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
    if fields.get("revision") != consent.record.document.revision.to_string() {
        let mut page = page(&desk, consent, None);
        page.problems.add("months", desk.t().failure.changed);
        return desk.again(&page);
    }
    let months = fields.given("months").unwrap_or("6").parse().ok();
    let months = months.filter(|months| (1..=24).contains(months));
    let Some(months) = months else {
        let mut page = page(&desk, consent, None);
        page.problems.add("months", desk.t().consent.review_months_problem);
        page.fields = fields;
        return desk.again(&page);
    };
    let failed = |error| desk.failed(error);
    let next = months_later(desk.client.now_ms(), months).map_err(failed)?;
    let receipt = desk.client.confirm_consent(&consent.record, Some(next)).await.map_err(failed)?;
    desk.go(&format!("{}?done=confirmed&r={}", consent.path, receipt.record_number))
}
