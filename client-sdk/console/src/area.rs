//! The areas of the console: one for each role, each with its own routes. A visitor reaches those of its role only.

pub(crate) mod dpo;
pub(crate) mod elsewhere;
pub(crate) mod lotse;
pub(crate) mod operator;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::desk::{Answer, Desk};
use crate::once::FORM_BYTES_MAX;

/// What is the same in every area: the bound of forms, and that nothing else is there. Uploads have a larger bound.
fn bounded(routes: Router, uploads: Router) -> Router {
    routes
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .merge(uploads)
        .method_not_allowed_fallback(nothing)
        .fallback(nothing)
}

async fn nothing(desk: Desk) -> Answer {
    Err(desk.not_found())
}

/// One entry of a list to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) says: String,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, says: impl Into<String>) -> Self {
        Self { value: value.into(), says: says.into() }
    }

    /// A list that begins with "all".
    pub(crate) fn with_all<'a>(
        all: &str,
        codes: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<Self> {
        let codes = codes.map(|(value, says)| Self::new(value, says));
        std::iter::once(Self::new("", all)).chain(codes).collect()
    }
}

/// Agencies of the directory to choose from, after "all".
async fn agencies(desk: &Desk) -> Result<Vec<Choice>, crate::desk::Failed> {
    let entries = desk.client.directory().list().await.map_err(|error| desk.failed(error))?;
    let mut choices: Vec<Choice> = entries
        .into_iter()
        .flatten()
        .map(|entry| Choice::new(entry.agency.clone(), schleuse_client::shown(&entry.display_name)))
        .collect();
    choices.sort_by(|one, other| one.says.cmp(&other.says));
    choices.insert(0, Choice::new("", desk.t().forms.all));
    Ok(choices)
}
