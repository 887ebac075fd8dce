//! A browser as far as the console needs one: HTTP/1.1 on one connection, with what browsers say about where a request
//! comes from. The real ones are in `tests/browser`.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use schleuse_client::Client;
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

    async fn send(&mut self, origin: &str, site: &str, path: &str, form: Option<&str>) -> Visit {
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::ORIGIN, origin)
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
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
        Visit { time, status: parts.status, body, head_bytes, location }
    }
}
