//! Narrowing a consent: choose what falls away, see what that stops, do it.

use askama::Template;
use schleuse_client::{Change, Narrowing, hex, narrowed, v1};
use schleuse_proto::Message as _;
use schleuse_proto::evidence::sha256;

use super::consent::{Consent, find};
use super::effects::Effects;
use crate::desk::{Answer, Desk};
use crate::extract::Path;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::surface::Surface;

#[derive(Template)]
#[template(path = "lotse/narrow.html")]
struct Page {
    s: Surface,
    consent: Consent,
    fields: Fields,
    problems: Problems,
    /// What was chosen would stop this, and its digest; none: nothing is chosen yet.
    preview: Option<(Effects, String)>,
}

impl Page {
    /// Whether a box of a grant is ticked.
    fn is_ticked(&self, name: &str, grant: &usize, value: &str) -> bool {
        self.fields.has(&format!("{name}{grant}"), value)
    }
}

pub(super) async fn form(desk: Desk, Path((reference, consent)): Path<(String, String)>) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let (fields, problems) = (Fields::default(), Problems::default());
    desk.page(&Page { s: desk.surface.clone(), consent, fields, problems, preview: None })
}

pub(super) async fn narrow(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let (s, failed) = (desk.surface.clone(), |error| desk.failed(error));
    let mut problems = Problems::default();
    let Some(document) = document(&desk, &consent, &fields, &mut problems) else {
        return desk.again(&Page { s, consent, fields, problems, preview: None });
    };
    let digest = digest(&document);
    if fields.get("step") == "now" {
        // Only what was previewed, on the revision that was looked at, is signed.
        if fields.get("digest") != digest {
            problems.add("grant0", desk.t().failure.changed);
            return desk.again(&Page { s, consent, fields, problems, preview: None });
        }
        let change = desk.client.revise_consent_with(&document).await.map_err(failed)?;
        let (stopped, record) = (change.stopped_messages, change.receipt.record_number);
        return desk.go(&format!("{}?done=narrowed&n={stopped}&r={record}", consent.path));
    }
    let preview = desk.client.preview_change(&Change::Revision(Box::new(document))).await;
    let preview = preview.map_err(failed)?;
    let preview = Some((Effects::of_change(&desk, &consent.offices, &preview), digest));
    desk.page(&Page { s, consent, fields, problems, preview })
}

/// Digest of what a revision allows and of the revision that it follows.
fn digest(document: &v1::ConsentDocument) -> String {
    let grants = v1::ConsentDocument {
        grants: document.grants.clone(),
        previous_hash: document.previous_hash.clone(),
        ..v1::ConsentDocument::default()
    };
    hex(&sha256(&[&grants.encode_to_vec()]))
}

/// The next revision, narrower by what was chosen.
fn document(
    desk: &Desk,
    consent: &Consent,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<v1::ConsentDocument> {
    if fields.get("revision") != consent.record.document.revision.to_string() {
        problems.add("grant0", desk.t().failure.changed);
        return None;
    }
    let mut narrowings = Vec::new();
    for grant in 0..consent.grants.len() {
        if fields.has(&format!("grant{grant}"), "drop") {
            narrowings.push(Narrowing::DropGrant(grant));
            continue;
        }
        for category in fields.all(&format!("category{grant}")) {
            narrowings.push(Narrowing::DropCategory { grant, category: category.to_owned() });
        }
        for sender in fields.all(&format!("sender{grant}")) {
            narrowings.push(Narrowing::DropSender { grant, sender: sender.to_owned() });
        }
    }
    if let Some(until) = read::until_day(fields, "until", desk.t(), problems) {
        narrowings.push(Narrowing::Until(until));
    }
    if !problems.is_empty() {
        return None;
    }
    let made = narrowed(&consent.record, &narrowings, desk.client.now_ms());
    problems.take("grant0", made.map_err(|_| desk.t().consent.narrow_problem))
}
