//! What a page has at hand: the broker in the visitor's name, the setting, and how answers are made.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use schleuse_client::{Client, Names};
use schleuse_proto::evidence::sha256;

use crate::area::lotse::people::Shelf;
use crate::failure::{Failure, Why};
use crate::guard::Door;
use crate::surface::{Language, Surface};
use crate::texts::Texts;
use crate::{Home, Setting};

/// What the door put beside a request.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) setting: Arc<Setting>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) client: Client,
    pub(crate) door: Door,
    pub(crate) language: Language,
    pub(crate) path: String,
    /// Address of the page in the other language.
    pub(crate) elsewhere: String,
}

/// A page's desk.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) client: Client,
    pub(crate) surface: Surface,
    setting: Arc<Setting>,
    shelf: Arc<Shelf>,
}

/// What a page answers.
pub(crate) type Answer = Result<Response<Body>, Failed>;

/// A failure with the surface on which it is shown.
pub(crate) struct Failed {
    failure: Failure,
    surface: Box<Surface>,
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> Response<Body> {
        self.failure.page(*self.surface)
    }
}

impl<S: Sync> FromRequestParts<S> for Desk {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        #[expect(
            clippy::expect_used,
            reason = "the console puts it beside every request before that is routed"
        )]
        let visit =
            parts.extensions.get::<Visit>().expect("a request that was not admitted").clone();
        let Visit { setting, shelf, client, door, language, path, elsewhere } = visit;
        let surface = Surface::new(language, &door, (&path, elsewhere), client.identity());
        Ok(Self { client, surface, setting, shelf })
    }
}

impl Desk {
    /// Texts in the language of the page.
    pub(crate) fn t(&self) -> &'static Texts {
        self.surface.t
    }

    /// Names of codes.
    pub(crate) fn names(&self) -> &Names {
        &self.setting.names
    }

    /// Files of the visitor; only where a companion serves.
    pub(crate) fn home(&self) -> Result<&Home, Failed> {
        self.setting.home.as_ref().ok_or_else(|| self.not_found())
    }

    /// The book of participants, as it was last read.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Whether a companion serves, on the visitor's own machine.
    pub(crate) fn is_home(&self) -> bool {
        self.surface.is_companion()
    }

    /// A failure shown on this page's surface.
    pub(crate) fn failed(&self, failure: impl Into<Failure>) -> Failed {
        Failed { failure: failure.into(), surface: Box::new(self.surface.clone()) }
    }

    /// There is no such page, person or record; or not for this visitor: no difference is told.
    pub(crate) fn not_found(&self) -> Failed {
        self.failed(Why::NotFound)
    }

    /// Shows a page.
    pub(crate) fn page(&self, page: &impl Template) -> Answer {
        self.page_with(StatusCode::OK, page)
    }

    /// Shows a page again, with what is wrong beside its fields.
    pub(crate) fn again(&self, page: &impl Template) -> Answer {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, page)
    }

    /// Shows that what came from the broker does not hold.
    pub(crate) fn alarm(&self, page: &impl Template) -> Answer {
        self.page_with(StatusCode::BAD_GATEWAY, page)
    }

    fn page_with(&self, status: StatusCode, page: &impl Template) -> Answer {
        let html = page.render().map_err(|_| self.failed(Why::Fault))?;
        Ok(html_response(status, html))
    }

    /// Shows a document that is complete in itself: a receipt, a report. Its own style is allowed by its digest.
    #[expect(clippy::unnecessary_wraps, reason = "the last line of a page")]
    pub(crate) fn document(&self, html: String) -> Answer {
        let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
        let digest = sha256(&[style.map_or("", |(style, _)| style).as_bytes()]);
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            STANDARD.encode(digest)
        );
        let mut response = html_response(StatusCode::OK, html);
        if let Ok(policy) = HeaderValue::try_from(policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Ok(response)
    }

    /// Sends the browser to another page.
    #[expect(clippy::unnecessary_wraps, reason = "the last line of every form")]
    pub(crate) fn go(&self, path: &str) -> Answer {
        Ok(crate::see_other(&self.surface.at(path)))
    }

    /// A file to keep, never shown in the browser.
    pub(crate) fn download(&self, name: &str, media_type: &'static str, bytes: Vec<u8>) -> Answer {
        let mut response = Response::new(Body::from(bytes));
        let disposition = format!("attachment; filename=\"{name}\"");
        let disposition =
            HeaderValue::try_from(disposition).map_err(|_| self.failed(Why::Fault))?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CONTENT_DISPOSITION, disposition);
        Ok(response)
    }
}

/// HTML with its type.
pub(crate) fn html_response(status: StatusCode, html: String) -> Response<Body> {
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}
