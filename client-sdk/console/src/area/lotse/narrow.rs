//! Narrowing a consent: choose what falls away, see what that stops, do it.

use askama::Template;
use axum::extract::Path;
use schleuse_client::{Change, Narrowing, narrowed, v1};

use super::consent::{Consent, find};
use super::effects::Effects;
use crate::desk::{Answer, Desk};
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
    /// What was chosen would stop this; none: nothing is chosen yet.
    effects: Option<Effects>,
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
    desk.page(&Page { s: desk.surface.clone(), consent, fields, problems, effects: None })
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
        return desk.again(&Page { s, consent, fields, problems, effects: None });
    };
    if fields.get("step") == "now" {
        let change = desk.client.revise_consent_with(&document).await.map_err(failed)?;
        let (stopped, record) = (change.stopped_messages, change.receipt.record_number);
        return desk.go(&format!("{}?done=narrowed&n={stopped}&r={record}", consent.path));
    }
    let preview = desk.client.preview_change(&Change::Revision(Box::new(document))).await;
    let preview = preview.map_err(failed)?;
    let effects = Some(Effects::of_change(&desk, &consent.offices, &preview));
    desk.page(&Page { s, consent, fields, problems, effects })
}

/// The next revision, narrower by what was chosen.
fn document(
    desk: &Desk,
    consent: &Consent,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<v1::ConsentDocument> {
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
