//! Ending an objection or a release: what that changes, then the act.

use askama::Template;
use schleuse_client::{Change, ObjectionRecord, SecrecyReleaseRecord};

use super::{objection_row, release_row};
use crate::area::lotse::effects::Effects;
use crate::area::lotse::offices::Offices;
use crate::area::lotse::people::{Person, path_of, person, reference_of};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Path;
use crate::surface::Surface;

#[derive(Template)]
#[template(path = "lotse/safeguard_end.html")]
struct Page {
    s: Surface,
    person: Person,
    title: &'static str,
    lead: &'static str,
    facts: Vec<(&'static str, String)>,
    /// What it would stop; none: it stops nothing, it lets pass.
    effects: Option<Effects>,
    path: String,
    now: &'static str,
}

/// An objection, and whether the participation is over.
async fn objection_of(
    desk: &Desk,
    reference: &str,
    objection: &str,
) -> Result<(ObjectionRecord, bool), Failed> {
    let reference = reference_of(desk, reference)?;
    let beside = desk.client.list_safeguards(&reference).await;
    let beside = beside.map_err(|error| desk.failed(error))?;
    let is_over = beside.ended_at_ms.is_some();
    let found = beside.objections.into_iter().find(|one| one.id.to_string() == objection);
    found.map(|found| (found, is_over)).ok_or_else(|| desk.not_found())
}

/// A release, and whether the participation is over.
async fn release_of(
    desk: &Desk,
    reference: &str,
    release: &str,
) -> Result<(SecrecyReleaseRecord, bool), Failed> {
    let reference = reference_of(desk, reference)?;
    let beside = desk.client.list_safeguards(&reference).await;
    let beside = beside.map_err(|error| desk.failed(error))?;
    let is_over = beside.ended_at_ms.is_some();
    let found = beside.releases.into_iter().find(|one| one.id.to_string() == release);
    found.map(|found| (found, is_over)).ok_or_else(|| desk.not_found())
}

/// The end of an objection lets pass again what consents cover: it is looked at before.
pub(in crate::area::lotse) async fn look_at_objection(
    desk: Desk,
    Path((reference, objection)): Path<(String, String)>,
) -> Answer {
    let (found, is_over) = objection_of(&desk, &reference, &objection).await?;
    let row = objection_row(&desk, &Offices::read(&desk).await?, is_over, &found);
    if !row.may_withdraw {
        return Err(desk.not_found());
    }
    let (t, person) = (&desk.t().consent, person(&desk, &reference)?);
    desk.page(&Page {
        s: desk.surface.clone(),
        title: t.withdraw_title,
        lead: t.withdraw_lead,
        facts: vec![
            (t.objection_agencies, row.parties),
            (t.objection_purposes, row.purposes),
            (t.objection_categories, row.categories),
            (t.objection_until, row.until),
        ],
        effects: None,
        path: format!("{}/objections/{}", person.path(), found.id),
        now: t.withdraw_now,
        person,
    })
}

pub(in crate::area::lotse) async fn withdraw(
    desk: Desk,
    Path((reference, objection)): Path<(String, String)>,
) -> Answer {
    let (found, _) = objection_of(&desk, &reference, &objection).await?;
    let change = desk.client.withdraw_objection(&found).await;
    let record = change.map_err(|error| desk.failed(error))?.receipt.record_number;
    let path = path_of(&reference_of(&desk, &reference)?);
    desk.go(&format!("{path}/safeguards?done=withdrawn&r={record}"))
}

pub(in crate::area::lotse) async fn look_at_release(
    desk: Desk,
    Path((reference, release)): Path<(String, String)>,
) -> Answer {
    let (found, is_over) = release_of(&desk, &reference, &release).await?;
    let offices = Offices::read(&desk).await?;
    let row = release_row(&desk, &offices, is_over, &found);
    if !row.may_revoke {
        return Err(desk.not_found());
    }
    let preview = desk.client.preview_change(&Change::ReleaseRevocation(found.id)).await;
    let preview = preview.map_err(|error| desk.failed(error))?;
    let (t, person) = (&desk.t().consent, person(&desk, &reference)?);
    desk.page(&Page {
        s: desk.surface.clone(),
        title: t.unrelease_title,
        lead: t.unrelease_lead,
        facts: vec![
            (t.secrecy_holder, row.holder),
            (t.secrecy_addressee, row.addressee),
            (t.purpose, row.purposes),
            (t.categories, row.categories),
            (t.valid, row.until),
        ],
        effects: Some(Effects::of_change(&desk, &offices, &preview)),
        path: format!("{}/releases/{}", person.path(), found.id),
        now: t.revoke_now,
        person,
    })
}

pub(in crate::area::lotse) async fn revoke_release(
    desk: Desk,
    Path((reference, release)): Path<(String, String)>,
) -> Answer {
    let (found, _) = release_of(&desk, &reference, &release).await?;
    let change = desk.client.revoke_secrecy_release(&found).await;
    let change = change.map_err(|error| desk.failed(error))?;
    let (stopped, record) = (change.stopped_messages, change.receipt.record_number);
    let path = path_of(&reference_of(&desk, &reference)?);
    desk.go(&format!("{path}/safeguards?done=unreleased&n={stopped}&r={record}"))
}
