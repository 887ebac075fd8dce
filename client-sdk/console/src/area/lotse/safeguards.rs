//! Releases from professional secrecy, and objections, which beat any consent.

pub(super) mod ending;

use askama::Template;
use schleuse_client::{
    CONSENT_MONTHS_MAX, Change, Objection, ReleaseId, SecrecyRelease, months_later, v1,
};

use super::effects::Effects;
use super::form::{OWN_TEXT, Upload, chosen};
use super::notice::{Asked, notice};
use super::offices::Offices;
use super::people::{Person, keep_text, path_of, person, reference_of};
use super::state::{Mark, of_objection, of_release};
use crate::area::Choice;
use crate::desk::{Answer, Desk, Failed};
use crate::extract::{Path, Query};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;
use crate::words;

struct ObjectionRow {
    id: String,
    mark: Mark,
    parties: String,
    purposes: String,
    categories: String,
    until: String,
    may_withdraw: bool,
}

struct ReleaseRow {
    id: String,
    mark: Mark,
    holder: String,
    addressee: String,
    purposes: String,
    categories: String,
    until: String,
    may_revoke: bool,
}

#[derive(Template)]
#[template(path = "lotse/safeguards.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    person: Person,
    objections: Vec<ObjectionRow>,
    releases: Vec<ReleaseRow>,
    agencies: Vec<Choice>,
    functions: Vec<Choice>,
    purposes: Vec<Choice>,
    categories: Vec<Choice>,
    fields: Fields,
    problems: Problems,
    /// What the objection in the form would stop; none: there is none yet.
    effects: Option<Effects>,
    to_everything: bool,
    restricted: bool,
    /// After the end of the participation no release is recorded and no objection taken back.
    ended: bool,
    /// Of the release in the form.
    release: ReleaseId,
}

pub(super) async fn show(desk: Desk, Path(reference): Path<String>, Query(asked): Asked) -> Answer {
    let person = person(&desk, &reference)?;
    let mut page = page(&desk, person, Fields::default(), Problems::default()).await?;
    page.notice = notice(&desk, &asked);
    desk.page(&page)
}

async fn page(
    desk: &Desk,
    person: Person,
    fields: Fields,
    problems: Problems,
) -> Result<Page, Failed> {
    let failed = |error| desk.failed(error);
    let (names, offices) = (desk.names(), Offices::read(desk).await?);
    let beside = desk.client.list_safeguards(&person.reference).await.map_err(failed)?;
    let release = chosen(&fields, "release", ReleaseId::generate).map_err(failed)?;
    let is_over = beside.ended_at_ms.is_some();
    let objections = beside.objections.iter().rev();
    let objections = objections.map(|one| objection_row(desk, &offices, is_over, one));
    let releases = beside.releases.iter().rev();
    let releases = releases.map(|one| release_row(desk, &offices, is_over, one));
    Ok(Page {
        s: desk.surface.clone(),
        notice: None,
        objections: objections.collect(),
        releases: releases.collect(),
        agencies: offices.agency_choices(),
        functions: offices.function_choices(desk.t().forms.choose),
        purposes: names.purposes().map(|(code, name)| Choice::new(code, name)).collect(),
        categories: names.categories_of_all().map(|(code, name)| Choice::new(code, name)).collect(),
        fields,
        problems,
        effects: None,
        to_everything: false,
        restricted: beside.restricted,
        ended: is_over,
        release,
        person,
    })
}

fn or_all(text: String, desk: &Desk) -> String {
    if text.is_empty() { desk.t().consent.objection_all.to_owned() } else { text }
}

fn objection_row(
    desk: &Desk,
    offices: &Offices,
    is_over: bool,
    one: &schleuse_client::ObjectionRecord,
) -> ObjectionRow {
    let (names, document) = (desk.names(), &one.document);
    let recipients = document.recipients.iter().map(|to| offices.address(Some(to)));
    let parties = recipients.chain(document.agencies.iter().map(|id| offices.name(id)));
    let parties = parties.collect::<Vec<_>>().join(", ");
    let purposes: Vec<String> = document.purposes.iter().map(|code| names.purpose(code)).collect();
    let until = match document.until_ms {
        0 => "–".to_owned(),
        ms => words::end(desk.surface.language, ms),
    };
    ObjectionRow {
        id: one.id.to_string(),
        mark: of_objection(one.state, is_over, &desk.t().lotse),
        parties: or_all(parties, desk),
        purposes: or_all(purposes.join(", "), desk),
        categories: or_all(names.categories(&document.categories), desk),
        until,
        may_withdraw: one.state == v1::SafeguardState::Active && !is_over,
    }
}

fn release_row(
    desk: &Desk,
    offices: &Offices,
    is_over: bool,
    one: &schleuse_client::SecrecyReleaseRecord,
) -> ReleaseRow {
    let (names, document) = (desk.names(), &one.document);
    let purposes: Vec<String> = document.purposes.iter().map(|code| names.purpose(code)).collect();
    ReleaseRow {
        id: one.id.to_string(),
        mark: of_release(one.state, is_over, &desk.t().lotse),
        holder: offices.address(document.holder.as_ref()),
        addressee: offices.address(document.addressee.as_ref()),
        purposes: purposes.join(", "),
        categories: names.categories(&document.categories),
        until: words::end(desk.surface.language, document.not_after_ms),
        may_revoke: matches!(one.state, v1::SafeguardState::Active | v1::SafeguardState::NotYet),
    }
}

fn ticked(fields: &Fields, name: &str) -> Vec<String> {
    fields.all(name).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// First what it stops, then the act.
pub(super) async fn object(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = person(&desk, &reference)?;
    let mut problems = Problems::default();
    let until_ms = read::until_day(&fields, "objection_until", desk.t(), &mut problems);
    let objection = Objection {
        participant: person.reference.clone(),
        recipients: Vec::new(),
        agencies: ticked(&fields, "agencies"),
        purposes: ticked(&fields, "purposes"),
        categories: ticked(&fields, "categories"),
        until_ms,
    };
    if !problems.is_empty() {
        return desk.again(&page(&desk, person, fields, problems).await?);
    }
    let failed = |error| desk.failed(error);
    if fields.get("step") == "now" {
        let change = desk.client.record_objection(&objection).await.map_err(failed)?;
        let (stopped, record) = (change.stopped_messages, change.receipt.record_number);
        let path = person.path();
        return desk.go(&format!("{path}/safeguards?done=objected&n={stopped}&r={record}"));
    }
    let change = Change::Objection(Box::new(objection.clone()));
    let preview = desk.client.preview_change(&change).await.map_err(failed)?;
    let effects = Effects::of_change(&desk, &Offices::read(&desk).await?, &preview);
    let mut page = page(&desk, person, fields, problems).await?;
    page.effects = Some(effects);
    page.to_everything = objection.agencies.is_empty()
        && objection.purposes.is_empty()
        && objection.categories.is_empty();
    desk.page(&page)
}

/// Restricts the processing of the participant's data, or lifts that. Source: GDPR Art. 18.
pub(super) async fn restrict(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let reference = reference_of(&desk, &reference)?;
    let restricted = match fields.get("step") {
        "restrict" => true,
        "lift" => false,
        _ => return Err(desk.not_found()),
    };
    let receipt = desk.client.restrict_participant(&reference, restricted).await;
    let record = receipt.map_err(|error| desk.failed(error))?.record_number;
    let done = if restricted { "restricted" } else { "unrestricted" };
    desk.go(&format!("{}/safeguards?done={done}&r={record}", path_of(&reference)))
}

pub(super) async fn release(desk: Desk, Path(reference): Path<String>, upload: Upload) -> Answer {
    let person = person(&desk, &reference)?;
    let (t, files) = (desk.t(), upload.problem(desk.t()));
    let fields = upload.fields;
    let mut problems = Problems::default();
    let mut office =
        |name: &str, words: &str| problems.take(name, fields.get(name).parse().map_err(|_| words));
    let holder = office("holder", t.consent.secrecy_holder_problem);
    let addressee = office("addressee", t.consent.secrecy_addressee_problem);
    let (purposes, categories) =
        (ticked(&fields, "release_purposes"), ticked(&fields, "release_categories"));
    if purposes.is_empty() {
        problems.add("release_purposes", t.consent.purpose_problem);
    }
    if categories.is_empty() {
        problems.add("release_categories", t.consent.categories_problem);
    }
    let months = read::months(&fields, "release_months", CONSENT_MONTHS_MAX, t, &mut problems);
    let text = fields.text("release_text");
    if text.is_empty() {
        problems.add("release_text", t.consent.secrecy_text_problem);
    }
    if let Some(words) = files {
        problems.add("release_file", words);
    }
    if let (Some(holder), Some(addressee), Some(months), true) =
        (holder, addressee, months, problems.is_empty())
    {
        let now_ms = desk.client.now_ms();
        let until = months_later(now_ms, months).map_err(|error| desk.failed(error))?;
        let release = SecrecyRelease {
            participant: person.reference.clone(),
            holder,
            addressee,
            categories,
            purposes,
            not_before_ms: now_ms,
            not_after_ms: until,
            text_version: OWN_TEXT.to_owned(),
            text,
            language: "de".to_owned(),
            evidence: upload.files,
        };
        keep_text(&desk, &release.text).map_err(|error| desk.failed(error))?;
        let id = chosen(&fields, "release", ReleaseId::generate);
        let id = id.map_err(|error| desk.failed(error))?;
        match desk.client.record_secrecy_release_as(id, &release).await {
            Ok(change) => {
                let (path, record) = (person.path(), change.receipt.record_number);
                return desk.go(&format!("{path}/safeguards?done=released&r={record}"));
            }
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => problems.add("holder", in_a_line(&t.failure, &error)),
        }
    }
    desk.again(&page(&desk, person, fields, problems).await?)
}
