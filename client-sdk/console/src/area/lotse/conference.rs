//! Fallkonferenzen: plan, invite, answers, fix, minutes, calendar; and, where others convene, what a body does. What is
//! sent to whom, the library and the broker say.

mod acts;
mod agreements;
mod convener;
mod guest;
mod items;
mod list;
mod minutes;
mod page;
mod plan;
mod sending;

use std::path::PathBuf;

use axum::Router;
use axum::routing::{get, post};
use schleuse_client::fallkonferenz::{Conference, ConferenceFolder};

use super::notice::{Asked, notice};
use super::people::ours;
use crate::desk::{Answer, Desk, Failed};
use crate::extract::{Path, Query};

pub(super) fn routes() -> Router {
    Router::new()
        .route("/conferences", get(list::show))
        .route("/conferences/take", post(list::take))
        .route("/conferences/new", get(plan::form).post(plan::make))
        .route("/conferences/{id}", get(show))
        .route("/conferences/{id}/ask", post(acts::ask))
        .route("/conferences/{id}/invite", post(acts::invite))
        .route("/conferences/{id}/fix", post(acts::fix))
        .route("/conferences/{id}/move", post(acts::move_to))
        .route("/conferences/{id}/cancel", post(acts::cancel))
        .route("/conferences/{id}/review", post(acts::review))
        .route("/conferences/{id}/minutes", get(minutes::form).post(minutes::write))
        .route("/conferences/{id}/kept", post(agreements::kept))
        .route("/conferences/{id}/late", post(agreements::late))
        .route("/conferences/{id}/answer", post(guest::answer))
        .route("/conferences/{id}/confirm", post(guest::confirm))
        .route("/conferences/{id}/calendar.ics", get(calendar))
}

/// The folder of conferences on this machine.
pub(super) fn folder(desk: &Desk) -> Result<ConferenceFolder, Failed> {
    let path: PathBuf = desk.home()?.folder.join("conferences");
    Ok(ConferenceFolder::new(&path))
}

/// The conference that a path names, as its file has it. One whose file cannot be read is there all the same: the error
/// says what is wrong with it.
fn kept(desk: &Desk, id: &str) -> Result<Conference, Failed> {
    let id = id.parse().map_err(|_| desk.not_found())?;
    let folder = folder(desk)?;
    if !folder.has(id) {
        return Err(desk.not_found());
    }
    folder.open(id).map_err(|error| desk.failed(error))
}

/// The conference that a path names. One about somebody who is not the visitor's any more is not found; the question is
/// a record.
async fn open(desk: &Desk, id: &str) -> Result<Conference, Failed> {
    let conference = kept(desk, id)?;
    if let Some(participant) = conference.participant() {
        ours(desk, participant.as_text()).await?;
    }
    Ok(conference)
}

/// The same for what conveners alone do: where others convene, there is no such page.
async fn open_own(desk: &Desk, id: &str) -> Result<Conference, Failed> {
    let conference = open(desk, id).await?;
    if conference.is_convener() { Ok(conference) } else { Err(desk.not_found()) }
}

async fn show(desk: Desk, Path(id): Path<String>, Query(asked): Asked) -> Answer {
    let conference = open(&desk, &id).await?;
    let done = notice(&desk, &asked);
    match conference.is_convener() {
        true => convener::show(&desk, &conference, done, None).await,
        false => guest::show(&desk, &conference, done).await,
    }
}

fn path(conference: &Conference) -> String {
    format!("/conferences/{}", conference.id())
}

async fn calendar(desk: Desk, Path(id): Path<String>) -> Answer {
    let calendar = open(&desk, &id).await?.calendar(true).ok_or_else(|| desk.not_found())?;
    desk.download("fallkonferenz.ics", "text/calendar; charset=utf-8", calendar.into_bytes())
}
