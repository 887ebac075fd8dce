//! A browser as far as the console needs one: HTTP/1.1 on one connection, with what browsers say about where a request
//! comes from. The real ones are in `tests/browser`.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use schleuse_client::{Client, rfc3339};
use schleuse_console::Console;
use schleuse_console::companion::Companion;
use tokio::net::TcpStream;

use crate::bench::now;
use crate::pki::Pki;
use crate::raw;

/// How long a companion's session lives without a request.
const IDLE: Duration = Duration::from_secs(3600);

/// A browser's connection.
pub struct Browser {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    scheme: &'static str,
}

/// What one page took.
pub struct Visit {
    pub time: Duration,
    pub status: StatusCode,
    pub body: Bytes,
    pub head_bytes: usize,
    pub location: Option<String>,
    /// How a file that was handed out is called.
    pub file: Option<String>,
}

impl Visit {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Browser {
    /// At the broker's own door, with a client certificate.
    pub async fn at_broker(pki: &Pki, door: SocketAddr, agency: &str, name: &str) -> Self {
        let mut config = pki.client_config(Some(&pki.identity(agency, name)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = raw::tls(door, config).await.unwrap();
        Self::over(tls, "https", format!("localhost:{}", door.port())).await
    }

    /// At a companion that it has opened; and where its pages begin.
    pub async fn at_companion(console: Console, client: Client) -> (Self, String) {
        let (companion, serving) = Companion::start(console, client, 0, IDLE).await.unwrap();
        tokio::spawn(serving.run());
        let link = companion.launch_link().unwrap();
        let (authority, path) = link.trim_start_matches("http://").split_once('/').unwrap();
        let stream = TcpStream::connect(authority).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut browser = Self::over(stream, "http", authority.to_owned()).await;
        let base = browser.visit(&format!("/{path}"), None).await.location.unwrap();
        (browser, base.trim_end_matches('/').to_owned())
    }

    /// Whether a broker's door answers a browser with this certificate at all, though it is no page.
    pub async fn is_answered(door: SocketAddr, mut config: rustls::ClientConfig) -> bool {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let Ok(tls) = raw::tls(door, config).await else { return false };
        let authority = format!("localhost:{}", door.port());
        let request = Request::builder().uri("/de/no-page").header(header::HOST, &authority);
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let mut browser = Self::over(tls, "https", authority).await;
        browser.sender.send_request(request).await.is_ok()
    }

    async fn over<S>(stream: S, scheme: &'static str, authority: String) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, authority, scheme }
    }

    /// Opens a page, or sends a form (urlencoded), from a page of the console.
    pub async fn visit(&mut self, path: &str, form: Option<&str>) -> Visit {
        let origin = format!("{}://{}", self.scheme, self.authority);
        self.send(&origin, "same-origin", path, form).await
    }

    /// The same from another page.
    pub async fn visit_from(&mut self, origin: &str, path: &str, form: Option<&str>) -> Visit {
        self.send(origin, "cross-site", path, form).await
    }

    /// Plans a conference about somebody in a Lotse's companion; its path.
    pub async fn plan_conference(&mut self, base: &str, person: &str, now_ms: i64) -> String {
        let day = |days: i64| rfc3339(now_ms + days * 86_400_000)[..10].to_owned();
        let form = format!(
            "participant={person}&convener=lotsenstelle/fallfuehrung&bodies=drv-bayern-sued/zentrale&day0={}\
             &time0=10:00&place=Raum+1&answer_by={}&items=1&title0=Stand&categories0=termine&step=plan",
            day(20),
            day(10)
        );
        let visit = self.visit(&format!("{base}/conferences/new"), Some(&form)).await;
        assert_eq!(visit.status, StatusCode::SEE_OTHER, "{}", visit.text());
        visit.location.unwrap().strip_prefix(base).unwrap().to_owned()
    }

    /// Sends a form with files, as a browser does: with another boundary each time.
    pub async fn upload(
        &mut self,
        path: &str,
        boundary: &str,
        fields: &[(&str, &str)],
        file: (&str, &str),
    ) -> Visit {
        let mut body = String::new();
        for (name, value) in fields {
            let head = format!("content-disposition: form-data; name=\"{name}\"");
            body += &format!("--{boundary}\r\n{head}\r\n\r\n{value}\r\n");
        }
        let (name, content) = file;
        let head =
            format!("content-disposition: form-data; name=\"{name}\"; filename=\"scan.pdf\"");
        body += &format!("--{boundary}\r\n{head}\r\n\r\n{content}\r\n--{boundary}--\r\n");
        let origin = format!("{}://{}", self.scheme, self.authority);
        // The word is HTTP's, not ours.
        let kind = format!(concat!("multi", "part/form-data; boundary={}"), boundary);
        self.send_as(&kind, (&origin, "same-origin"), path, Some(&body)).await
    }

    async fn send(&mut self, origin: &str, site: &str, path: &str, form: Option<&str>) -> Visit {
        self.send_as("application/x-www-form-urlencoded", (origin, site), path, form).await
    }

    async fn send_as(
        &mut self,
        kind: &str,
        (origin, site): (&str, &str),
        path: &str,
        form: Option<&str>,
    ) -> Visit {
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::ORIGIN, origin)
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(Bytes::copy_from_slice(form.unwrap_or_default().as_bytes())))
            .unwrap();
        let begin = now();
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let time = begin.elapsed();
        let head_bytes = parts.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
        let location = parts.headers.get(header::LOCATION);
        let location = location.map(|to| to.to_str().unwrap().to_owned());
        let named = parts.headers.get(header::CONTENT_DISPOSITION);
        let file = named.map(|name| name.to_str().unwrap().to_owned());
        Visit { time, status: parts.status, body, head_bytes, location, file }
    }
}
