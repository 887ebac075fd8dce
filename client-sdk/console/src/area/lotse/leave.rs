//! Deputy, change of the Lotse, end of the participation.

use askama::Template;
use schleuse_client::{CONSENT_MONTHS_MAX, Change, ClientError, ConsentId, deputy_consent};
use schleuse_proto::evidence::Digest;

use super::effects::Effects;
use super::form::{OWN_TEXT, Upload, chosen};
use super::offices::Offices;
use super::people::{Person, keep_text, ours, path_of, reference_of};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Path;
use crate::failure::in_a_line;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;

#[derive(Template)]
#[template(path = "lotse/leave.html")]
struct Page {
    s: Surface,
    person: Person,
    fields: Fields,
    problems: Problems,
    effects: Effects,
    /// Of the deputy's consent.
    consent: ConsentId,
}

async fn page(
    desk: &Desk,
    person: Person,
    fields: Fields,
    problems: Problems,
) -> Result<Page, Failed> {
    let change = Change::ParticipationEnd(person.reference.clone());
    let failed = |error| desk.failed(error);
    let preview = desk.client.preview_change(&change).await.map_err(failed)?;
    let effects = Effects::of_change(desk, &Offices::read(desk).await?, &preview);
    let consent = chosen(&fields, "consent", ConsentId::generate).map_err(failed)?;
    Ok(Page { s: desk.surface.clone(), person, fields, problems, effects, consent })
}

pub(super) async fn show(desk: Desk, Path(reference): Path<String>) -> Answer {
    let person = ours(&desk, &reference).await?;
    let page = page(&desk, person, Fields::default(), Problems::default()).await?;
    desk.page(&page)
}

/// The other Lotse whom a form names, typed twice: the broker has no list of them.
fn other_lotse(
    desk: &Desk,
    fields: &Fields,
    (name, again): (&'static str, &'static str),
    problems: &mut Problems,
) -> String {
    let t = &desk.t().consent;
    let lotse = fields.text(name);
    let is_own = desk.client.identity().person.as_deref() == Some(lotse.as_str());
    if lotse.is_empty() || is_own {
        problems.add(name, t.lotse_problem);
    } else if fields.get(again) != lotse {
        problems.add(again, t.lotse_again_problem);
    }
    lotse
}

pub(super) async fn hand_over(desk: Desk, Path(reference): Path<String>, fields: Fields) -> Answer {
    let person = ours(&desk, &reference).await?;
    let mut problems = Problems::default();
    let lotse = other_lotse(&desk, &fields, ("lotse", "lotse_again"), &mut problems);
    if problems.is_empty() {
        match desk.client.assign_lotse(&person.reference, &lotse).await {
            Ok(receipt) => {
                let record = receipt.record_number;
                return desk.go(&format!("/participants?done=handed-over&r={record}"));
            }
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => problems.add("lotse", in_a_line(&desk.t().failure, &error)),
        }
    }
    desk.again(&page(&desk, person, fields, problems).await?)
}

pub(super) async fn end(desk: Desk, Path(reference): Path<String>) -> Answer {
    let reference = reference_of(&desk, &reference)?;
    let change = desk.client.end_participation(&reference).await;
    let change = change.map_err(|error| desk.failed(error))?;
    let (stopped, record) = (change.stopped_messages, change.receipt.record_number);
    desk.go(&format!("{}?done=ended&n={stopped}&r={record}", path_of(&reference)))
}

/// A deputy is a consent: grants to the other Lotse's mailbox for all categories of the catalogue.
pub(super) async fn deputy(desk: Desk, Path(reference): Path<String>, upload: Upload) -> Answer {
    let person = ours(&desk, &reference).await?;
    let (t, files) = (desk.t(), upload.problem(desk.t()));
    let fields = upload.fields;
    let mut problems = Problems::default();
    let lotse = other_lotse(&desk, &fields, ("deputy", "deputy_again"), &mut problems);
    let months = read::months(&fields, "deputy_months", CONSENT_MONTHS_MAX, t, &mut problems);
    let text = fields.text("deputy_text");
    if text.is_empty() {
        problems.add("deputy_text", t.consent.secrecy_text_problem);
    }
    if let Some(words) = files {
        problems.add("deputy_file", words);
    }
    if let (Some(months), true) = (months, problems.is_empty()) {
        let id = chosen(&fields, "consent", ConsentId::generate);
        let id = id.map_err(|error| desk.failed(error))?;
        match appoint(&desk, &person, (&lotse, months), &text, (id, &upload.files)).await {
            Ok(record) => return desk.go(&format!("{}?done=deputy&r={record}", person.path())),
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => problems.add("deputy", in_a_line(&t.failure, &error)),
        }
    }
    desk.again(&page(&desk, person, fields, problems).await?)
}

async fn appoint(
    desk: &Desk,
    person: &Person,
    (lotse, months): (&str, u32),
    text: &str,
    (id, files): (ConsentId, &[Digest]),
) -> Result<u64, ClientError> {
    let (client, now_ms) = (&desk.client, desk.client.now_ms());
    let categories: Vec<&str> = desk.names().categories_of_all().map(|(code, _)| code).collect();
    let participant = &person.reference;
    let consent = deputy_consent(participant, client.agency(), lotse, &categories, now_ms, months)?;
    let mut consent = consent.text(OWN_TEXT, text, "de");
    keep_text(desk, text)?;
    for file in files {
        consent = consent.evidence_digest(file);
    }
    Ok(desk.client.record_consent_as(id, &consent).await?.receipt.record_number)
}
