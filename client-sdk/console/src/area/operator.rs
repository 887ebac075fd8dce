//! The operator's pages: numbers, mailboxes, the directory. Nothing about participants.

mod directory;
mod mailboxes;
mod status;

use axum::Router;
use axum::routing::get;

pub(crate) fn routes() -> Router {
    let routes = Router::new()
        .route("/", get(status::show))
        .route("/mailboxes", get(mailboxes::show))
        .route("/directory", get(directory::show));
    super::bounded(routes, Router::new())
}
