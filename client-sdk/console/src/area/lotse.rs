//! The Lotse's pages. They run where the Lotse's key is: names of participants and texts of consents stay there.

mod conference;
mod consent;
mod deadlines;
mod effects;
mod form;
mod kept;
mod leave;
mod narrow;
mod notice;
mod offices;
mod order;
mod pages;
mod participant;
mod participants;
pub(crate) mod people;
mod places;
mod receipt;
mod record;
mod renew;
mod revoke;
mod safeguards;
mod state;
mod steps;
mod tasks;
mod templates;
mod timeline;
mod today;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use safeguards::ending;

/// Largest upload of evidence in bytes, with what is around it.
const EVIDENCE_FORM_BYTES_MAX: usize = 66 * 1024 * 1024;

pub(crate) fn routes() -> Router {
    let routes = Router::new()
        .route("/", get(today::show))
        .route("/tasks/close", post(today::close))
        .route("/deadlines", get(deadlines::all))
        .route("/places", get(places::show))
        .route("/kept", get(kept::show).post(kept::forget))
        .merge(conference::routes())
        .route("/participants", get(participants::show).post(participants::find))
        .route("/participants/new", get(participants::form).post(participants::register))
        .route("/participants/{reference}", get(participant::show))
        .route("/participants/{reference}/name", get(participants::name).post(participants::rename))
        .route("/participants/{reference}/phase", post(participant::set_phase))
        .route("/participants/{reference}/reference", post(participant::reference))
        .route("/participants/{reference}/deadlines", get(deadlines::show))
        .route("/participants/{reference}/restrict", post(safeguards::restrict))
        .route("/participants/{reference}/timeline", get(timeline::show))
        .route("/participants/{reference}/report", post(timeline::report))
        .route("/participants/{reference}/safeguards", get(safeguards::show))
        .route("/participants/{reference}/objection", post(safeguards::object))
        .route(
            "/participants/{reference}/objections/{objection}",
            get(ending::look_at_objection).post(ending::withdraw),
        )
        .route(
            "/participants/{reference}/releases/{release}",
            get(ending::look_at_release).post(ending::revoke_release),
        )
        .route("/participants/{reference}/leave", get(leave::show))
        .route("/participants/{reference}/hand-over", post(leave::hand_over))
        .route("/participants/{reference}/end", post(leave::end))
        .route("/participants/{reference}/consents/{consent}", get(consent::show))
        .route("/participants/{reference}/consents/{consent}/confirm", post(consent::confirm))
        .route("/participants/{reference}/consents/{consent}/receipt", get(receipt::show))
        .route(
            "/participants/{reference}/consents/{consent}/revoke",
            get(revoke::preview).post(revoke::revoke),
        )
        .route(
            "/participants/{reference}/consents/{consent}/narrow",
            get(narrow::form).post(narrow::narrow),
        )
        .route(
            "/participants/{reference}/consents/{consent}/renew",
            get(renew::form).post(renew::step),
        )
        .route("/participants/{reference}/record", get(record::begin).post(record::step));
    let uploads = Router::new()
        .route("/participants/{reference}/record/evidence", post(record::evidence))
        .route("/participants/{reference}/consents/{consent}/renew/evidence", post(renew::evidence))
        .route("/participants/{reference}/release", post(safeguards::release))
        .route("/participants/{reference}/deputy", post(leave::deputy))
        .layer(DefaultBodyLimit::max(EVIDENCE_FORM_BYTES_MAX));
    super::bounded(routes, uploads)
}
