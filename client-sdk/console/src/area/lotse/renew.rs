//! Renewing a consent, step by step: for how long, the text to read out and sign, the evidence.
//!
//! The text is made anew with the new times: of the consent's template, if the folder has it, or of the text that was
//! signed before, with an addition. As in recording, what is signed must be what was read out.

use askama::Template;
use schleuse_client::deadlines::day_of;
use schleuse_client::{
    Address, CONSENT_MONTHS_MAX, ClientError, ConsentTemplate, Filling, Grant, Release,
    months_later, renewed, shown, v1, whole_days,
};
use schleuse_proto::evidence::{Digest, sha256};

use super::consent::{Consent, find};
use super::form::Upload;
use super::people::keep_text;
use super::receipt::text_file;
use super::state::{form as form_words, is_open};
use super::steps::{self, About, Refusal, Sent, ToSign, Way, grant_lines, has_health};
use super::templates::Templates;
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Path;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::{Language, Surface};
use crate::texts::filled;

#[derive(Template)]
#[template(path = "lotse/renew.html")]
struct Page {
    s: Surface,
    consent: Consent,
    way: Way,
    lines: Vec<String>,
    /// Whether the text can be shown again.
    has_text: bool,
    fields: Fields,
    problems: Problems,
}

impl Page {
    /// Most months of a grant.
    fn months_max(&self) -> u32 {
        CONSENT_MONTHS_MAX
    }
}

/// Where the text comes from.
#[derive(Clone, Debug)]
enum Source {
    /// The template of the consent.
    Template(String),
    /// The text that was signed before.
    Kept(String),
}

impl Source {
    fn find(desk: &Desk, consent: &Consent) -> Result<Option<Self>, Failed> {
        let text = consent.record.document.text.clone().unwrap_or_default();
        if let Some(template) = Templates::read(desk)?.find(&text.version) {
            return Ok(Some(Self::Template(template.source.clone())));
        }
        let kept = std::fs::read_to_string(text_file(&desk.home()?.folder, &text.hash)).ok();
        let kept = kept.filter(|kept| sha256(&[kept.as_bytes()])[..] == text.hash[..]);
        Ok(kept.map(Self::Kept))
    }
}

/// A renewal in the making.
struct Renewal {
    months: u32,
    /// First instant, and first instant after.
    term: (i64, i64),
    to_sign: ToSign,
}

pub(super) async fn form(desk: Desk, Path((reference, consent)): Path<(String, String)>) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    desk.page(&page(&desk, consent, Fields::default(), Problems::default())?)
}

fn page(desk: &Desk, consent: Consent, fields: Fields, problems: Problems) -> Result<Page, Failed> {
    let grants = grants(&consent, None).map_err(|error| desk.failed(error))?;
    Ok(Page {
        s: desk.surface.clone(),
        way: way(desk, &consent),
        lines: grant_lines(desk, &consent.offices, desk.surface.language, &grants),
        has_text: is_open(consent.record.state) && Source::find(desk, &consent)?.is_some(),
        consent,
        fields,
        problems,
    })
}

/// What the forms of renewing say.
fn way(desk: &Desk, consent: &Consent) -> Way {
    let t = &desk.t().consent;
    Way {
        title: t.renew_title,
        first: t.step_term,
        act: t.renew_now,
        path: format!("{}/renew", consent.path),
        cancel: consent.path.clone(),
    }
}

/// Grants of a consent, for another time if there is one.
fn grants(consent: &Consent, term: Option<(i64, i64)>) -> Result<Vec<Grant>, ClientError> {
    let grant = |grant: &v1::Grant| {
        let (not_before_ms, not_after_ms) =
            term.unwrap_or((grant.not_before_ms, grant.not_after_ms));
        Ok(Grant {
            senders: grant.senders.clone(),
            recipient: address(grant.recipient.as_ref())?,
            purpose: grant.purpose.clone(),
            categories: grant.categories.clone(),
            not_before_ms,
            not_after_ms,
        })
    };
    consent.record.document.grants.iter().map(grant).collect()
}

fn address(address: Option<&v1::Address>) -> Result<Address, ClientError> {
    let address = address.cloned().unwrap_or_default();
    Address::new(&address.agency, &address.function)
}

pub(super) async fn step(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    if fields.get("step") == "back" {
        return desk.page(&page(&desk, consent, fields, Problems::default())?);
    }
    let mut problems = Problems::default();
    let Some(renewal) = made(&desk, &consent, &fields, &mut problems)? else {
        return desk.again(&page(&desk, consent, fields, problems)?);
    };
    let (person, way) = (&consent.person, way(&desk, &consent));
    match fields.get("step") {
        "evidence" => {
            let sent = sent(&fields);
            steps::evidence(&desk, (person, way, &renewal.to_sign), sent, fields, problems)
        }
        _ => {
            let mut sent = sent(&fields);
            sent.retain(|(name, _)| name != "text_hash");
            steps::text(&desk, person, way, &renewal.to_sign, sent)
        }
    }
}

/// Fields that go along to the next step.
fn sent(fields: &Fields) -> Sent {
    let names = ["revision", "months", "text_hash"];
    names.map(|name| (name.to_owned(), fields.text(name))).into()
}

/// Reads the form; what is wrong is noted beside its field.
fn made(
    desk: &Desk,
    consent: &Consent,
    fields: &Fields,
    problems: &mut Problems,
) -> Result<Option<Renewal>, Failed> {
    let (t, failed) = (desk.t(), |error| desk.failed(error));
    let document = &consent.record.document;
    let is_same = fields.get("revision") == document.revision.to_string();
    if !is_same || !is_open(consent.record.state) {
        problems.add("act", t.failure.changed);
        return Ok(None);
    }
    let months = read::months(fields, "months", CONSENT_MONTHS_MAX, t, problems);
    let Some(months) = months else { return Ok(None) };
    let now_ms = desk.client.now_ms();
    let term = whole_days(day_of(now_ms).map_err(failed)?, months, now_ms).map_err(failed)?;
    let grants = grants(consent, Some(term)).map_err(failed)?;
    // Without a text there is no form either.
    let source = Source::find(desk, consent)?.ok_or_else(|| desk.not_found())?;
    let words = |error: ClientError| filled(t.consent.text_refused, &[&error.to_string()]);
    let text = problems.take("act", text(desk, consent, &source, &grants).map_err(words));
    let summary = summary(desk, consent, &grants);
    let has_health = has_health(desk, &grants);
    let to_sign = text.map(|text| ToSign { text, summary, has_health });
    Ok(to_sign.map(|to_sign| Renewal { months, term, to_sign }))
}

/// The text to read out.
fn text(
    desk: &Desk,
    consent: &Consent,
    source: &Source,
    grants: &[Grant],
) -> Result<String, ClientError> {
    let template = match source {
        Source::Template(template) => template,
        Source::Kept(before) => {
            // It continues a German text, whatever the language of the page.
            let t = &Language::German.texts().consent;
            let lines = grant_lines(desk, &consent.offices, Language::German, grants);
            let (heading, says, sign) = (t.renewal_heading, t.renewal_says, t.renewal_sign);
            let before = before.trim_end();
            let lines = lines.join("\n– ");
            return Ok(format!("{before}\n\n{heading}\n\n{says}\n– {lines}\n\n{sign}\n"));
        }
    };
    let document = &consent.record.document;
    let releases = document.secrecy_releases.iter().map(|release| {
        Ok(Release {
            holder: release.holder.clone(),
            to: address(release.addressee.as_ref())?,
            categories: release.categories.clone(),
        })
    });
    let filling = Filling {
        grants,
        releases: &releases.collect::<Result<Vec<_>, ClientError>>()?,
        names: desk.names(),
        agencies: &consent.offices.for_texts(),
        contact: &desk.home().map(|home| home.contact.clone()).unwrap_or_default(),
    };
    ConsentTemplate::render(template, &filling).map(|(_, text)| text)
}

/// What will be recorded: each grant with its new time, releases, in which form, by whom.
fn summary(desk: &Desk, consent: &Consent, grants: &[Grant]) -> Vec<String> {
    let (t, document) = (&desk.t().consent, &consent.record.document);
    let mut lines = grant_lines(desk, &consent.offices, desk.surface.language, grants);
    lines.extend(document.secrecy_releases.iter().map(|release| {
        let to = consent.offices.address(release.addressee.as_ref());
        format!("{} {} → {to}", t.release_holder, shown(&release.holder))
    }));
    lines.push(format!("{}: {}", t.form, form_words(document.form(), t)));
    let by = document.given_by.as_ref().filter(|by| by.representative);
    let by = by.map(|by| filled(t.by_representative, &[&shown(&by.scope)]));
    lines.push(format!("{}: {}", t.given, by.as_deref().unwrap_or(t.by_participant)));
    lines
}

/// The last step: the next revision is signed here and recorded.
pub(super) async fn evidence(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
    upload: Upload,
) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let mut problems = Problems::default();
    let Some(renewal) = made(&desk, &consent, &upload.fields, &mut problems)? else {
        return desk.again(&page(&desk, consent, upload.fields, problems)?);
    };
    if upload.fields.get("text_hash") != renewal.to_sign.digest() {
        problems.add("act", desk.t().consent.text_changed);
        return desk.again(&page(&desk, consent, upload.fields, problems)?);
    }
    let months = steps::review_months(&desk, &upload, &renewal.to_sign, &mut problems);
    if let Some(months) = months {
        match record(&desk, &consent, &renewal, months, &upload.files).await {
            Ok(record) => return desk.go(&format!("{}?done=renewed&r={record}", consent.path)),
            Err(error) if error.is_not_found() => return Err(desk.not_found()),
            Err(error) => {
                let refusal = Refusal::of(desk.t(), &error);
                let field = match refusal.about {
                    About::Review => "review_months",
                    About::Evidence => "file",
                    About::Term => "months",
                    About::Entry(_) | About::Act => "act",
                };
                problems.add(field, refusal.words);
                if refusal.about == About::Term {
                    return desk.again(&page(&desk, consent, upload.fields, problems)?);
                }
            }
        }
    }
    let (to_sign, sent) = (&renewal.to_sign, sent(&upload.fields));
    let way = way(&desk, &consent);
    steps::evidence(&desk, (&consent.person, way, to_sign), sent, upload.fields, problems)
}

/// Keeps the text on this machine, then signs and records; number of the record.
async fn record(
    desk: &Desk,
    consent: &Consent,
    renewal: &Renewal,
    review_months: u32,
    files: &[Digest],
) -> Result<u64, ClientError> {
    let text = renewal.to_sign.text.as_str();
    keep_text(desk, text)?;
    let now_ms = desk.client.now_ms();
    let mut document = renewed(&consent.record, renewal.months, files, now_ms)?;
    for grant in &mut document.grants {
        // Whole days, as the text says.
        (grant.not_before_ms, grant.not_after_ms) = renewal.term;
    }
    document.text.get_or_insert_default().hash = sha256(&[text.as_bytes()]).to_vec().into();
    document.review_by_ms = months_later(now_ms, review_months)?;
    Ok(desk.client.revise_consent_with(&document).await?.receipt.record_number)
}
