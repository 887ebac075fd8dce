//! For Lotsen who come to the broker's own door: their console runs where their key is.

use axum::Router;
use schleuse_client::ClientError;

use crate::desk::{Answer, Desk};

pub(crate) fn routes() -> Router {
    super::bounded(Router::new().route("/", axum::routing::get(home)), Router::new())
}

async fn home(desk: Desk) -> Answer {
    Err(desk.failed(ClientError::NoKey))
}
