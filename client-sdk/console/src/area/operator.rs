//! The operator's pages: numbers, mailboxes, the directory. Nothing about participants.

mod directory;
mod mailboxes;

use axum::Router;
use axum::routing::get;

pub(crate) fn routes() -> Router {
    let routes = Router::new()
        .route("/", get(mailboxes::show))
        .route("/mailboxes", get(mailboxes::show))
        .route("/directory", get(directory::show));
    super::bounded(routes)
}
