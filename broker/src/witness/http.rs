//! A small HTTP/1.1 client for one witness: one connection, a few requests, bounded answers.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use schleuse_proto::witness::BODY_BYTES_MAX;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::exchange::Fault;

/// Port if none is named.
const PORT: u16 = 80;

/// Where a witness listens: `http://host[:port][/prefix]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessUrl {
    text: String,
    authority: HeaderValue,
    address: String,
    prefix: String,
}

impl WitnessUrl {
    /// Reads a URL; none if it is not of this form. There is no `https`: for a witness that is elsewhere
    /// a proxy on this machine speaks TLS.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let is_plain = uri.scheme_str() == Some("http")
            && uri.query().is_none()
            && !text.contains(['#', '@'])
            && !authority.host().is_empty();
        is_plain.then_some(())?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(PORT));
        let authority = HeaderValue::from_str(authority.as_str()).ok()?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Some(Self { text: text.to_owned(), authority, address, prefix })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// An open connection.
pub(super) struct Connection<'a> {
    url: &'a WitnessUrl,
    sender: SendRequest<Full<Bytes>>,
    /// The task that moves the bytes; it ends with the connection.
    _task: JoinSet<()>,
}

impl<'a> Connection<'a> {
    pub(super) async fn open(url: &'a WitnessUrl) -> Result<Self, Fault> {
        let stream = TcpStream::connect(&url.address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // The sender sees the same error.
            let _ended = connection.await;
        });
        Ok(Self { url, sender, _task: task })
    }

    /// One request; the status and the body of the answer.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        name: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), Fault> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{name}", self.url.prefix))
            .header(HOST, self.url.authority.clone())
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(body)))
            .map_err(unreachable)?;
        self.sender.ready().await.map_err(unreachable)?;
        let answer = self.sender.send_request(request).await.map_err(unreachable)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Fault::Unreachable { why: error.to_string() })?;
        Ok((status, body.to_bytes()))
    }
}

fn unreachable(error: impl std::error::Error) -> Fault {
    Fault::Unreachable { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_the_form_are_read_and_no_others() {
        let url = WitnessUrl::parse("http://127.0.0.1:7380").unwrap();
        assert_eq!((url.address.as_str(), url.prefix.as_str()), ("127.0.0.1:7380", ""));
        let url = WitnessUrl::parse("http://dpo.example/witness/").unwrap();
        assert_eq!((url.address.as_str(), url.prefix.as_str()), ("dpo.example:80", "/witness"));
        let url = WitnessUrl::parse("http://[::1]:7380/").unwrap();
        assert_eq!((url.address.as_str(), url.prefix.as_str()), ("[::1]:7380", ""));
        for text in [
            "",
            "127.0.0.1:7380",
            "https://127.0.0.1:7380",
            "http://",
            "http://user@dpo.example",
            "http://dpo.example/?a",
            "http://dpo.example/#a",
            "http://dpo example",
            "/witness",
        ] {
            assert_eq!(WitnessUrl::parse(text), None, "{text}");
        }
    }
}
