//! Recording a consent, step by step: what is allowed, the text to read out and sign, the evidence.
//!
//! Nothing is kept between the steps but in the form itself: what was entered goes along as hidden fields. The text is
//! made anew in the last step and must be the one that was read out.

mod draft;

use askama::Template;
use axum::extract::{Path, Query};
use schleuse_client::{ClientError, months_later};

use super::form::Upload;
use super::notice::Asked;
use super::offices::Offices;
use super::people::{Person, keep_text, ours};
use crate::area::Choice;
use crate::desk::{Answer, Desk, Failed};
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::filled;
use draft::{Draft, Templates};

/// Most grants of one consent in the form.
const GRANTS_MAX: usize = 16;

/// One grant of the form.
struct Block {
    title: String,
    recipient: String,
    purpose: String,
    senders: String,
    categories: String,
}

#[derive(Template)]
#[template(path = "lotse/record_grants.html")]
struct GrantsPage {
    s: Surface,
    person: Person,
    templates: Vec<Choice>,
    /// What the chosen template allows; none: it is still to be chosen.
    chosen: Option<Chosen>,
    blocks: Vec<Block>,
    recipients: Vec<Choice>,
    agencies: Vec<Choice>,
    forms: Vec<Choice>,
    representatives: Vec<Choice>,
    all_purposes: Vec<Choice>,
    all_categories: Vec<Choice>,
    fields: Fields,
    problems: Problems,
}

struct Chosen {
    title: String,
    purposes: Vec<Choice>,
    categories: Vec<Choice>,
    has_releases: bool,
}

#[derive(Template)]
#[template(path = "lotse/record_text.html")]
struct TextPage {
    s: Surface,
    person: Person,
    text: String,
    summary: Vec<String>,
    sent: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "lotse/record_evidence.html")]
struct EvidencePage {
    s: Surface,
    person: Person,
    summary: Vec<String>,
    sent: Vec<(String, String)>,
    fields: Fields,
    problems: Problems,
}

/// The first step; what a request of an agency asks for is filled in.
pub(super) async fn begin(
    desk: Desk,
    Path(reference): Path<String>,
    Query(asked): Asked,
) -> Answer {
    let person = ours(&desk, &reference).await?;
    let given = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let mut pairs = vec![
        ("recipient0".to_owned(), given("recipient").to_owned()),
        ("purpose0".to_owned(), given("purpose").to_owned()),
        ("senders0".to_owned(), given("sender").to_owned()),
    ];
    let categories = given("categories").split(',').filter(|code| !code.is_empty());
    pairs.extend(categories.map(|code| ("categories0".to_owned(), code.to_owned())));
    let templates = Templates::read(&desk)?;
    if let Some(template) = templates.for_purpose(given("purpose")) {
        pairs.push(("template".to_owned(), template.to_owned()));
    }
    let page = grants_page(&desk, person, Fields::of(pairs), Problems::default()).await?;
    desk.page(&page)
}

async fn grants_page(
    desk: &Desk,
    person: Person,
    fields: Fields,
    problems: Problems,
) -> Result<GrantsPage, Failed> {
    let (t, offices, templates) =
        (&desk.t().consent, Offices::read(desk).await?, Templates::read(desk)?);
    let names = desk.names();
    let chosen = templates.find(fields.get("template")).map(|template| Chosen {
        title: schleuse_client::shown(template.parsed.title()),
        purposes: choices(template.parsed.purposes(), |code| names.purpose(code), desk),
        categories: template
            .parsed
            .categories()
            .iter()
            .map(|code| Choice::new(code, names.category(code)))
            .collect(),
        has_releases: template.parsed.has_releases(),
    });
    let count = grants_in(&fields);
    let block = |number: usize| Block {
        title: filled(t.grant_n, &[&(number + 1).to_string()]),
        recipient: format!("recipient{number}"),
        purpose: format!("purpose{number}"),
        senders: format!("senders{number}"),
        categories: format!("categories{number}"),
    };
    Ok(GrantsPage {
        s: desk.surface.clone(),
        person,
        templates: templates.choices(desk),
        chosen,
        blocks: (0..count).map(block).collect(),
        recipients: offices.function_choices(desk.t().forms.choose),
        agencies: offices.agency_choices(),
        forms: vec![
            Choice::new("written", t.form_written),
            Choice::new("electronic", t.form_electronic),
            Choice::new("special-reason", t.form_special),
        ],
        representatives: vec![
            Choice::new("", t.representative_self),
            Choice::new("parent-or-guardian", t.representative_parent),
            Choice::new("betreuer", t.representative_betreuer),
            Choice::new("power-of-attorney", t.representative_power),
        ],
        all_purposes: names.purposes().map(|(code, name)| Choice::new(code, name)).collect(),
        all_categories: names
            .categories_of_all()
            .map(|(code, name)| Choice::new(code, name))
            .collect(),
        fields,
        problems,
    })
}

fn choices(codes: &[String], name: impl Fn(&str) -> String, desk: &Desk) -> Vec<Choice> {
    let first = Choice::new("", desk.t().forms.choose);
    std::iter::once(first).chain(codes.iter().map(|code| Choice::new(code, name(code)))).collect()
}

/// How many grants the form has.
fn grants_in(fields: &Fields) -> usize {
    fields.get("grants").parse().unwrap_or(1).clamp(1, GRANTS_MAX)
}

/// Fields that go along to the next step: all but what the buttons say.
fn sent(fields: &Fields) -> Vec<(String, String)> {
    let own = ["step", "text_hash"];
    fields.pairs().iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect()
}

pub(super) async fn step(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = ours(&desk, &reference).await?;
    match fields.get("step") {
        "more" => {
            let count = (grants_in(&fields) + 1).min(GRANTS_MAX).to_string();
            let mut pairs = sent(&fields);
            pairs.retain(|(name, _)| name != "grants");
            pairs.push(("grants".to_owned(), count));
            let page = grants_page(&desk, person, Fields::of(pairs), Problems::default()).await?;
            desk.page(&page)
        }
        "template" | "back" => {
            desk.page(&grants_page(&desk, person, fields, Problems::default()).await?)
        }
        "evidence" => {
            let page = evidence_page(&desk, person, fields, Problems::default()).await?;
            desk.page(&page)
        }
        _ => text(&desk, person, fields).await,
    }
}

/// The second step: the text to read out.
async fn text(desk: &Desk, person: Person, fields: Fields) -> Answer {
    let mut problems = Problems::default();
    let draft = draft(desk, &fields, &mut problems).await?;
    let text = draft.as_ref().and_then(|draft| rendered(desk, draft, &mut problems));
    let (Some(draft), Some(text), true) = (draft, text, problems.is_empty()) else {
        return desk.again(&grants_page(desk, person, fields, problems).await?);
    };
    let mut sent = sent(&fields);
    sent.push(("text_hash".to_owned(), draft.digest(desk, &text)));
    let summary = draft.summary(desk);
    desk.page(&TextPage { s: desk.surface.clone(), person, text, summary, sent })
}

async fn draft(
    desk: &Desk,
    fields: &Fields,
    problems: &mut Problems,
) -> Result<Option<Draft>, Failed> {
    let templates = Templates::read(desk)?;
    let offices = Offices::read(desk).await?;
    Ok(Draft::read(desk, &templates, offices, fields, grants_in(fields), problems))
}

fn rendered(desk: &Desk, draft: &Draft, problems: &mut Problems) -> Option<String> {
    let rendered = draft.text(desk);
    let words = |error: ClientError| filled(desk.t().consent.text_refused, &[&error.to_string()]);
    problems.take("template", rendered.map_err(words))
}

async fn evidence_page(
    desk: &Desk,
    person: Person,
    fields: Fields,
    problems: Problems,
) -> Result<EvidencePage, Failed> {
    let draft = draft(desk, &fields, &mut Problems::default()).await?;
    // What cannot be read any more has been changed on its way: there is no such step.
    let summary = draft.ok_or_else(|| desk.not_found())?.summary(desk);
    let sent = fields.pairs().iter().filter(|(name, _)| name != "step" && name != "review_months");
    let sent = sent.cloned().collect();
    Ok(EvidencePage { s: desk.surface.clone(), person, summary, sent, fields, problems })
}

/// The last step: the consent is signed here and recorded.
pub(super) async fn evidence(desk: Desk, Path(reference): Path<String>, upload: Upload) -> Answer {
    let person = ours(&desk, &reference).await?;
    let (t, fields) = (desk.t(), upload.fields);
    let mut problems = Problems::default();
    let draft = draft(&desk, &fields, &mut problems).await?;
    let text = draft.as_ref().and_then(|draft| rendered(&desk, draft, &mut problems));
    let (Some(draft), Some(text)) = (draft, text) else {
        return desk.again(&grants_page(&desk, person, fields, problems).await?);
    };
    if fields.get("text_hash") != draft.digest(&desk, &text) {
        problems.add("template", t.consent.text_changed);
        return desk.again(&grants_page(&desk, person, fields, problems).await?);
    }
    if upload.is_too_large {
        problems.add("file", t.consent.files_hint);
    } else if upload.files.is_empty() && draft.has_health(&desk) {
        problems.add("file", t.failure.evidence_missing_do);
    }
    let months = fields.get("review_months").parse().ok().filter(|m| (1..=24).contains(m));
    let months = problems.take("review_months", months.ok_or(t.consent.review_months_problem));
    if let (Some(months), true) = (months, problems.is_empty()) {
        match record(&desk, &person, &draft, &text, months, &upload.files).await {
            Ok(path) => return desk.go(&path),
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => problems.add("file", in_a_line(&t.failure, &error)),
        }
    }
    desk.again(&evidence_page(&desk, person, fields, problems).await?)
}

/// Keeps the text on this machine, then signs and records: a consent whose text nobody can show is worth little.
async fn record(
    desk: &Desk,
    person: &Person,
    draft: &Draft,
    text: &str,
    review_months: u32,
    files: &[Vec<u8>],
) -> Result<String, ClientError> {
    keep_text(desk, text)?;
    let review_by = months_later(desk.client.now_ms(), review_months)?;
    let mut consent = draft.consent(&person.reference, text).review_by(review_by);
    for file in files {
        consent = consent.evidence(file);
    }
    let change = desk.client.record_consent(&consent).await?;
    let record = change.receipt.record_number;
    Ok(format!("{}/consents/{}?done=recorded&r={record}", person.path(), change.consent_id))
}
