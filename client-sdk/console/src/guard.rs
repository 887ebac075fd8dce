//! The guard in front of the pages: which requests come in, and what browsers may do with answers.
//!
//! A client certificate and a loopback port are ambient: any page that the browser has open could send requests with
//! them. So a request must come from a page of the console itself or be typed by the person: `Host` is the one name
//! of this door (against DNS rebinding), `Sec-Fetch-Site` is `same-origin` or `none`, and what changes something
//! says with `Origin` that it comes from here. Also pages that only show something: looking is a record in the log.
//! Source: OWASP CSRF Prevention Cheat Sheet, W3C Fetch Metadata.

use std::num::NonZeroU32;

use axum::body::Body;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, uri::Authority};
use schleuse_proto::identity::Identity;

use crate::failure::Why;

/// Pages that one visitor may open in a second, on average.
const PAGES_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Pages that one visitor may open at once.
const PAGES_AT_ONCE: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// Visitors whose pace is kept before those who rest are forgotten.
const VISITORS_KEPT: usize = 1_000;

/// Where requests come in.
#[derive(Clone, Debug)]
pub struct Door {
    scheme: &'static str,
    /// The one authority that requests may name; none: the one of the request, which TLS has bound to a certificate.
    authority: Option<String>,
    prefix: String,
}

impl Door {
    /// The door of a broker: the browser has verified the name by TLS.
    #[must_use]
    pub fn of_broker() -> Self {
        Self { scheme: "https", authority: None, prefix: String::new() }
    }

    /// The door of a companion on a loopback port; pages lie below a prefix that only its user knows.
    #[must_use]
    pub fn of_companion(authority: String, prefix: String) -> Self {
        Self { scheme: "http", authority: Some(authority), prefix }
    }

    /// What stands before every path.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether this is a companion.
    #[must_use]
    pub fn is_companion(&self) -> bool {
        self.authority.is_some()
    }

    /// The path behind the prefix; none if it is not below it.
    pub(crate) fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        let inside = path.strip_prefix(&self.prefix)?;
        (inside.is_empty() || inside.starts_with('/')).then_some(inside)
    }

    pub(crate) fn check(&self, request: &Request<Body>) -> Result<(), Why> {
        let authority = authority(request).ok_or(Why::WrongHost)?;
        if self.authority.as_ref().is_some_and(|ours| *ours != authority) {
            return Err(Why::WrongHost);
        }
        let headers = request.headers();
        // A browser that loads ahead of its user must neither look nor act.
        if headers.contains_key("sec-purpose") {
            return Err(Why::Foreign);
        }
        let site = text(headers, "sec-fetch-site");
        let origin = text(headers, header::ORIGIN.as_str());
        let is_ours = origin == Some(format!("{}://{authority}", self.scheme).as_str());
        match *request.method() {
            Method::GET | Method::HEAD => match site {
                Some("same-origin" | "none") => Ok(()),
                // Programs and old browsers say nothing; then no foreign page may be named either.
                None if origin.is_none() || is_ours => Ok(()),
                Some(_) | None => Err(Why::Foreign),
            },
            Method::POST => match site {
                Some("same-origin") | None if is_ours => Ok(()),
                Some(_) | None => Err(Why::Foreign),
            },
            _ => Err(Why::Foreign),
        }
    }
}

/// Host and port that a request names: in its target with HTTP/2, in `Host` with HTTP/1.1.
fn authority(request: &Request<Body>) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str().to_owned());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, None) = (hosts.next()?, hosts.next()) else { return None };
    let host: Authority = host.to_str().ok()?.parse().ok()?;
    Some(host.as_str().to_owned())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// How fast each visitor opens pages, over however many connections.
#[derive(Debug)]
pub(crate) struct Pace(DefaultKeyedRateLimiter<String>);

impl Pace {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_second(PAGES_PER_SECOND).allow_burst(PAGES_AT_ONCE);
        Self(RateLimiter::keyed(quota))
    }

    pub(crate) fn is_too_fast(&self, visitor: &Identity) -> bool {
        if self.0.len() > VISITORS_KEPT {
            self.0.retain_recent();
        }
        self.0.check_key(&visitor.to_string()).is_err()
    }
}

/// What browsers may do with every answer: nothing but show it here.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
         connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not "no-referrer": then browsers say "Origin: null" with forms.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()"),
    ("x-robots-tag", "noindex, nofollow"),
];

/// Sets the headers that keep an answer here.
pub(crate) fn protect(door: &Door, headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        // A document that is complete in itself has a policy of its own, which is narrower.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !door.is_companion() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    // Nothing personal stays in a cache; what may stay says so itself.
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::builder().method(method).uri("/de/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_requests_of_the_person_or_of_our_pages_come_in() {
        let door = Door::of_companion("127.0.0.1:4000".to_owned(), "/s/x".to_owned());
        let host = ("host", "127.0.0.1:4000");
        let ours = ("origin", "http://127.0.0.1:4000");
        let site = |site| ("sec-fetch-site", site);
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(&str, Headers<'_>, bool)] = &[
            ("GET", &[host, site("none")], true),
            ("GET", &[host, site("same-origin")], true),
            ("GET", &[host], true),
            ("GET", &[host, site("cross-site")], false),
            ("GET", &[host, site("same-site")], false),
            ("GET", &[host, ("origin", "http://evil.example")], false),
            ("GET", &[("host", "evil.example:4000"), site("none")], false),
            ("GET", &[("host", "localhost:4000"), site("none")], false),
            ("GET", &[], false),
            ("GET", &[host, host], false),
            ("POST", &[host, ours, site("same-origin")], true),
            ("POST", &[host, ours], true),
            ("POST", &[host, site("same-origin")], false),
            ("POST", &[host, ours, site("none")], false),
            ("POST", &[host, ours, site("cross-site")], false),
            ("POST", &[host, ("origin", "null"), site("same-origin")], false),
            ("POST", &[host, ("origin", "http://127.0.0.1:4001"), site("same-origin")], false),
            ("POST", &[host, ("origin", "https://127.0.0.1:4000"), site("same-origin")], false),
            ("PUT", &[host, ours, site("same-origin")], false),
            ("DELETE", &[host, ours, site("same-origin")], false),
        ];
        for (method, headers, comes_in) in cases {
            let checked = door.check(&request(method, headers));
            assert_eq!(checked.is_ok(), *comes_in, "{method} {headers:?}");
        }
    }

    #[test]
    fn a_broker_takes_the_name_that_its_certificate_has_shown() {
        let door = Door::of_broker();
        let with = |origin| {
            let headers = [("host", "broker.example"), ("origin", origin)];
            door.check(&request("POST", &headers)).is_ok()
        };
        assert!(with("https://broker.example"));
        assert!(!with("http://broker.example"));
        assert!(!with("https://broker.example.evil"));
    }

    #[test]
    fn pages_lie_below_the_prefix_only() {
        let door = Door::of_companion("127.0.0.1:4000".to_owned(), "/s/secret".to_owned());
        assert_eq!(door.inside("/s/secret/de/"), Some("/de/"));
        assert_eq!(door.inside("/s/secret"), Some(""));
        for outside in ["/", "/s/", "/s/secret2/de/", "/s/secretx", "/de/"] {
            assert_eq!(door.inside(outside), None, "{outside}");
        }
    }

    #[test]
    fn nobody_opens_pages_without_end() {
        let pace = Pace::new();
        let visitor = |person: &str| {
            let uri = format!("spiffe://schleuse.test/agency/projekt/dpo/{person}");
            Identity::parse(&uri).unwrap()
        };
        let opened = (0..1000).filter(|_| !pace.is_too_fast(&visitor("d-01"))).count();
        assert!((100..200).contains(&opened), "{opened}");
        assert!(!pace.is_too_fast(&visitor("d-02")), "everybody has a pace of their own");
    }

    #[test]
    fn answers_stay_here_and_in_no_cache() {
        let mut headers = HeaderMap::new();
        protect(&Door::of_broker(), &mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"));
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
