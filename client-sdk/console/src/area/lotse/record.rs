//! Recording a consent, step by step: what is allowed, the text to read out and sign, the evidence.
//!
//! Nothing is kept between the steps but in the form itself: what was entered goes along as hidden fields. The text is
//! made anew in the last step and must be the one that was read out.

mod draft;

use askama::Template;
use schleuse_client::{CONSENT_MONTHS_MAX, ClientError, ConsentId, TaskKind, months_later};

use super::form::{Upload, chosen};
use super::notice::Asked;
use super::offices::Offices;
use super::people::{Person, going_on, keep_text};
use super::steps::{self, About, Refusal, ToSign, Way};
use super::templates::Templates;
use crate::area::Choice;
use crate::desk::{Answer, Desk, Failed};
use crate::extract::{Path, Query};
use crate::fields::{Fields, Problems};
use crate::surface::Surface;
use crate::texts::filled;
use draft::Draft;

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

impl GrantsPage {
    /// Most months of a grant.
    fn months_max(&self) -> u32 {
        CONSENT_MONTHS_MAX
    }
}

/// The first step; what a request of an agency asks for is filled in.
pub(super) async fn begin(
    desk: Desk,
    Path(reference): Path<String>,
    Query(asked): Asked,
) -> Answer {
    let person = match going_on(&desk, &reference).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
    let fields = match asked.get("task").and_then(|number| number.parse().ok()) {
        Some(number) => wanted(&desk, &person, number).await?,
        None => Fields::default(),
    };
    desk.page(&grants_page(&desk, person, fields, Problems::default()).await?)
}

/// What a request of an agency asks for, as fields of the form. By its number: what it asks for does not belong into
/// addresses.
async fn wanted(desk: &Desk, person: &Person, number: u64) -> Result<Fields, Failed> {
    let (tasks, _) = desk.client.tasks().await.map_err(|error| desk.failed(error))?;
    let mut about =
        tasks.into_iter().filter(|one| one.participant.as_ref() == Some(&person.reference));
    let planned = about.find_map(|one| {
        let TaskKind::ConsentRequest { task, planned, .. } = one.what else { return None };
        (task == number).then_some(planned)
    });
    // One that was closed meanwhile asks for nothing.
    let Some(planned) = planned else { return Ok(Fields::default()) };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut pairs = vec![
        pair("recipient0", &planned.recipient.to_string()),
        pair("purpose0", &planned.purpose),
        pair("senders0", &planned.sender.agency),
    ];
    pairs.extend(planned.categories.iter().map(|code| pair("categories0", code)));
    if let Some(template) = Templates::read(desk)?.for_purpose(&planned.purpose) {
        pairs.push(pair("template", template));
    }
    Ok(Fields::of(pairs))
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
    let own = ["step", "text_hash", "consent"];
    fields.pairs().iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect()
}

pub(super) async fn step(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = match going_on(&desk, &reference).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
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
            let draft = draft(&desk, &fields, &mut Problems::default()).await?;
            let to_sign = draft.and_then(|draft| draft.to_sign(&desk).ok());
            // What cannot be read any more has been changed on its way: there is no such step.
            let to_sign = to_sign.ok_or_else(|| desk.not_found())?;
            evidence_page(&desk, &person, &to_sign, fields, Problems::default())
        }
        _ => text(&desk, person, fields).await,
    }
}

/// The second step: the text to read out.
async fn text(desk: &Desk, person: Person, fields: Fields) -> Answer {
    let mut problems = Problems::default();
    let Some((_, to_sign)) = made(desk, &fields, &mut problems).await? else {
        return desk.again(&grants_page(desk, person, fields, problems).await?);
    };
    steps::text(desk, &person, way(desk, &person), &to_sign, sent(&fields))
}

/// What the forms of recording say.
fn way(desk: &Desk, person: &Person) -> Way {
    let t = &desk.t().consent;
    Way {
        title: t.record_title,
        first: t.step_grants,
        act: t.record_now,
        path: format!("{}/record", person.path()),
        cancel: person.path(),
    }
}

/// The consent that a form describes, and what of it is to be signed.
async fn made(
    desk: &Desk,
    fields: &Fields,
    problems: &mut Problems,
) -> Result<Option<(Draft, ToSign)>, Failed> {
    let Some(draft) = draft(desk, fields, problems).await? else { return Ok(None) };
    let words = |error: ClientError| filled(desk.t().consent.text_refused, &[&error.to_string()]);
    let to_sign = problems.take("template", draft.to_sign(desk).map_err(words));
    Ok(to_sign.map(|to_sign| (draft, to_sign)))
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

fn evidence_page(
    desk: &Desk,
    person: &Person,
    to_sign: &ToSign,
    fields: Fields,
    problems: Problems,
) -> Answer {
    let own = ["step", "review_months", "consent"];
    let sent = fields.pairs().iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut sent: Vec<_> = sent.cloned().collect();
    let consent = chosen(&fields, "consent", ConsentId::generate);
    let consent = consent.map_err(|error| desk.failed(error))?;
    sent.push(("consent".to_owned(), consent.to_string()));
    steps::evidence(desk, (person, way(desk, person), to_sign), sent, fields, problems)
}

/// The last step: the consent is signed here and recorded.
pub(super) async fn evidence(desk: Desk, Path(reference): Path<String>, upload: Upload) -> Answer {
    let person = match going_on(&desk, &reference).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
    let mut problems = Problems::default();
    let Some((draft, to_sign)) = made(&desk, &upload.fields, &mut problems).await? else {
        return desk.again(&grants_page(&desk, person, upload.fields, problems).await?);
    };
    if upload.fields.get("text_hash") != to_sign.digest() {
        problems.add("template", desk.t().consent.text_changed);
        return desk.again(&grants_page(&desk, person, upload.fields, problems).await?);
    }
    let months = steps::review_months(&desk, &upload, &to_sign, &mut problems);
    if let Some(months) = months {
        match record(&desk, &person, &draft, &to_sign.text, months, &upload).await {
            Ok(path) => return desk.go(&path),
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => {
                let refusal = Refusal::of(desk.t(), &error);
                let (field, is_first_step) = match refusal.about {
                    About::Review => ("review_months", false),
                    About::Evidence => ("file", false),
                    About::Act => ("act", false),
                    About::Term => ("months", true),
                    About::Entry(field) => (field, true),
                };
                problems.add(field, refusal.words);
                if is_first_step {
                    return desk.again(&grants_page(&desk, person, upload.fields, problems).await?);
                }
            }
        }
    }
    evidence_page(&desk, &person, &to_sign, upload.fields, problems)
}

/// Keeps the text on this machine, then signs and records: a consent whose text nobody can show is worth little.
async fn record(
    desk: &Desk,
    person: &Person,
    draft: &Draft,
    text: &str,
    review_months: u32,
    upload: &Upload,
) -> Result<String, ClientError> {
    keep_text(desk, text)?;
    let review_by = months_later(desk.client.now_ms(), review_months)?;
    let mut consent = draft.consent(&person.reference, text).review_by(review_by);
    for file in &upload.files {
        consent = consent.evidence_digest(file);
    }
    let id = chosen(&upload.fields, "consent", ConsentId::generate)?;
    let record = desk.client.record_consent_as(id, &consent).await?.receipt.record_number;
    Ok(format!("{}/consents/{id}?done=recorded&r={record}", person.path()))
}
