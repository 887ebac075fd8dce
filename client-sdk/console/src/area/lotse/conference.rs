//! Fallkonferenzen: plan, invite, answers, fix, minutes, calendar. What is sent to whom, the library and the broker say.

mod acts;
mod plan;
mod view;

use std::path::PathBuf;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use schleuse_client::fallkonferenz::{Conference, ConferenceFolder};

use super::people::ours;
use crate::desk::{Answer, Desk, Failed};

pub(super) fn routes() -> Router {
    Router::new()
        .route("/conferences", get(view::list))
        .route("/conferences/take", post(acts::take))
        .route("/conferences/new", get(plan::form).post(plan::make))
        .route("/conferences/{id}", get(view::show))
        .route("/conferences/{id}/ask", post(acts::ask))
        .route("/conferences/{id}/invite", post(acts::invite))
        .route("/conferences/{id}/fix", post(acts::fix))
        .route("/conferences/{id}/move", post(acts::move_to))
        .route("/conferences/{id}/cancel", post(acts::cancel))
        .route("/conferences/{id}/minutes", post(acts::minutes))
        .route("/conferences/{id}/review", post(acts::review))
        .route("/conferences/{id}/calendar.ics", get(calendar))
}

/// The folder of conferences on this machine.
fn folder(desk: &Desk) -> Result<ConferenceFolder, Failed> {
    let path: PathBuf = desk.home()?.folder.join("conferences");
    Ok(ConferenceFolder::new(&path))
}

/// The conference that a path names. One about somebody who is not the visitor's any more is not found; the question is
/// a record.
async fn open(desk: &Desk, id: &str) -> Result<Conference, Failed> {
    let id = id.parse().map_err(|_| desk.not_found())?;
    // A file that is not there and one that is no conference are the same to whoever asks.
    let conference = folder(desk)?.open(id).map_err(|_| desk.not_found())?;
    if let Some(participant) = conference.participant() {
        ours(desk, participant.as_text()).await?;
    }
    Ok(conference)
}

fn path(conference: &Conference) -> String {
    format!("/conferences/{}", conference.id())
}

async fn calendar(desk: Desk, Path(id): Path<String>) -> Answer {
    let calendar = open(&desk, &id).await?.calendar(true).ok_or_else(|| desk.not_found())?;
    desk.download("fallkonferenz.ics", "text/calendar; charset=utf-8", calendar.into_bytes())
}
