//! The Lotse's pages.

use axum::Router;

pub(crate) fn routes() -> Router {
    super::bounded(Router::new())
}
