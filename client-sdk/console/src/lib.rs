//! The web console: pages for Lotsen, data-protection officers and operators.
//!
//! Owns pages, their words, their look, and the guard in front of them. It decides nothing and has no logic of its
//! own about consents or the log: every page asks the broker through the client library, in the name of whoever looks,
//! so that roles, limits and the access log hold for pages as for every other call. Two places serve it: the broker,
//! to browsers with a client certificate, and a [`companion`] on the machine of somebody whose key must stay there.
//! Source: ops/adr/0017-console.md.

mod area;
mod assets;
mod chart;
pub mod companion;
mod desk;
mod extract;
mod failure;
mod fields;
mod guard;
mod once;
mod read;
mod surface;
mod texts;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use schleuse_client::deadlines::Place;
use schleuse_client::{Client, Names};
use schleuse_proto::identity::Role;
use tower::ServiceExt as _;

use area::lotse::people::Shelf;
use failure::Why;
pub use guard::Door;
use guard::Pace;
use once::Once;
use surface::Language;

/// What the pages need beside the broker.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Names of purposes, categories and kinds.
    pub names: Names,
    /// What only a companion has; none where the broker serves.
    pub home: Option<Home>,
}

/// Files on the machine of whoever looks, which never come to the broker.
#[derive(Clone, Debug)]
pub struct Home {
    /// Folder with everything below, readable by its owner alone.
    pub folder: PathBuf,
    /// Folder of consent templates, if there is one.
    pub templates: Option<PathBuf>,
    /// How the participant reaches the Lotse; stands in texts and receipts.
    pub contact: String,
    /// Where periods run: its public holidays count.
    pub land: Place,
}

/// All pages.
#[derive(Clone)]
pub struct Console {
    setting: Arc<Setting>,
    shelf: Arc<Shelf>,
    pace: Arc<Pace>,
    once: Arc<Once>,
    lotse: Router,
    dpo: Router,
    operator: Router,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// The pages in a setting.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let is_companion = setting.home.is_some();
        Self {
            setting: Arc::new(setting),
            shelf: Arc::new(Shelf::default()),
            pace: Arc::new(Pace::new()),
            once: Arc::new(Once::default()),
            lotse: if is_companion { area::lotse::routes() } else { area::elsewhere::routes() },
            dpo: area::dpo::routes(),
            operator: area::operator::routes(),
        }
    }

    /// Answers one request that came through a door, of the visitor in whose name the client calls. Never fails: what
    /// is wrong becomes a page, a panic of a page too.
    pub async fn answer(
        &self,
        door: &Door,
        visitor: &Client,
        request: Request<Body>,
    ) -> Response<Body> {
        let mut response = self.admit(door, visitor, request).await;
        guard::protect(door, response.headers_mut());
        response
    }

    async fn admit(
        &self,
        door: &Door,
        visitor: &Client,
        mut request: Request<Body>,
    ) -> Response<Body> {
        let spoken = Language::preferred(request.headers());
        let refuse = |why| failure::plain(spoken, why);
        if let Err(why) = door.check(&request) {
            return refuse(why);
        }
        let Some(path) = door.inside(request.uri().path()).map(str::to_owned) else {
            return refuse(Why::NotFound);
        };
        if let Some(name) = path.strip_prefix("/assets/") {
            return assets::answer(name);
        }
        let identity = visitor.identity();
        if self.pace.is_too_fast(identity) {
            return refuse(Why::TooFast);
        }
        let Some((language, inside)) = Language::split(&path) else {
            let home = format!("{}/{}/", door.prefix(), spoken.code());
            return match path.as_str() {
                "/" | "" => see_other(&home),
                _ => refuse(Why::NotFound),
            };
        };
        let visit = desk::Visit {
            setting: self.setting.clone(),
            shelf: self.shelf.clone(),
            client: visitor.clone(),
            door: door.clone(),
            language,
            path: inside.to_owned(),
            elsewhere: surface::elsewhere(door, language, &request),
        };
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        *request.uri_mut() = match format!("{inside}{query}").parse() {
            Ok(uri) => uri,
            Err(_) => return refuse(Why::NotFound),
        };
        request.extensions_mut().insert(visit);
        let pages = match identity.role {
            Role::Lotse => &self.lotse,
            Role::Dpo => &self.dpo,
            Role::Operator => &self.operator,
            Role::System | Role::Evaluation => {
                return refuse(Why::NoConsole);
            }
        };
        let Ok((sending, request)) = once::sending(identity, request).await else {
            return refuse(Why::TooLarge);
        };
        let pages = pages.clone();
        let page = move |request| async move {
            match pages.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        };
        let answered = match sending {
            Some(sending) => self.once.answer(sending, request, page).await,
            None => once::looking(page(request)).await,
        };
        answered.unwrap_or_else(|| refuse(Why::Fault))
    }
}

/// Sends a browser on, after a form too.
pub(crate) fn see_other(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = to.parse() {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
