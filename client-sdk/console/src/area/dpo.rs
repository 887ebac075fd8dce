//! The data-protection officer's pages: what happened, and whether the log shows it truly.

mod deletions;
mod erasure;
mod incident;
mod large;
mod log;
mod overview;
mod proven;
mod report;

use axum::Router;
use axum::routing::{get, post};

pub(crate) fn routes() -> Router {
    let routes = Router::new()
        .route("/", get(overview::show))
        .route("/log", get(log::form).post(log::search))
        .route("/log/proof", post(log::proof))
        .route("/log/export", post(log::export))
        .route("/incident", get(incident::form).post(incident::show))
        .route("/report", get(report::form).post(report::make))
        .route("/deletions", get(deletions::show))
        .route("/erasure", get(erasure::show))
        .route("/erasure/propose", post(erasure::propose))
        .route("/erasure/approve", post(erasure::approve))
        .route("/erasure/withdraw", post(erasure::withdraw))
        .route("/erasure/hold", post(erasure::hold))
        .route("/erasure/release", post(erasure::release));
    super::bounded(routes, Router::new())
}
