//! The console at the broker's own door: browsers with a client certificate, the pages of `schleuse-console`.
//!
//! Pages have no way of their own into the broker. For each browser's connection there is a connection of calls inside
//! this process, in the name of the same verified peer: so the role table, the rates, the limits and the log hold for
//! pages as they do for calls, by the same code. When the certificate is not good any more, both are cut.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use schleuse_client::{Client, ClientError, Clock as ClientClock, Names, Signer, TrustAnchors};
use schleuse_console::{Console, Door, Setting};
use tokio::io::DuplexStream;
use tonic::transport::Endpoint;

use super::limits;
use super::listener::{self, Accept, Connected, Life};
use super::peer::Peer;
use crate::engine::Clock;

/// Bytes on their way between a page and the calls it makes.
const BETWEEN_BYTES: usize = 64 * 1024;

/// The pages, and whom they believe.
#[derive(Clone)]
pub(super) struct Pages {
    console: Console,
    anchors: TrustAnchors,
}

/// The broker's clock for clients inside it.
struct InnerClock(Arc<dyn Clock>);

impl ClientClock for InnerClock {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.0.now()).unwrap_or(i64::MAX)
    }
}

impl Pages {
    /// Reads what pages need beside the broker: names of codes, and the trust file.
    pub(super) fn load(catalogue: &Path, trust: &Path) -> Result<Self, ClientError> {
        let text = std::fs::read_to_string(catalogue).map_err(|error| ClientError::File {
            path: catalogue.to_owned(),
            why: error.to_string(),
        })?;
        let names = Names::from_toml(&text)?;
        let console = Console::new(Setting { names, home: None });
        Ok(Self { console, anchors: TrustAnchors::load(trust)? })
    }

    /// A client in the name of a peer, whose calls come out of the returned stream.
    fn visitor(
        &self,
        peer: &Peer,
        clock: Arc<dyn Clock>,
    ) -> Result<(Client, DuplexStream), ClientError> {
        let (near, far) = tokio::io::duplex(BETWEEN_BYTES);
        // One connection, once: when it has ended, so has the browser's.
        let near = Arc::new(Mutex::new(Some(near)));
        let connector = tower::service_fn(move |_uri| {
            let near = near.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move {
                near.map(TokioIo::new).ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))
            }
        });
        let channel = Endpoint::from_static("http://broker").connect_with_connector_lazy(connector);
        let signer = Signer::without_key(&peer.certificate)?;
        let client = Client::builder().clock(InnerClock(clock));
        let client = client.over("broker".to_owned(), channel, self.anchors.clone(), signer)?;
        Ok((client, far))
    }
}

/// Serves the pages of a peer until its connection ends.
pub(super) async fn serve(parts: &Arc<Accept>, pages: &Pages, tls: Connected, peer: Arc<Peer>) {
    let (visitor, calls) = match pages.visitor(&peer, parts.clock.clone()) {
        Ok(made) => made,
        Err(error) => {
            tracing::error!(%error, "no pages for a browser");
            return;
        }
    };
    let (accept, caller) = (parts.clone(), peer.clone());
    tokio::spawn(
        async move { listener::serve_calls(&accept, calls, caller, Life::OfItsBrowser).await },
    );
    let console = pages.console.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (console, visitor) = (console.clone(), visitor.clone());
        async move {
            let door = Door::of_broker();
            Ok::<_, Infallible>(console.answer(&door, &visitor, request.map(Body::new)).await)
        }
    });
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(tls);
    // Old connections are asked to end, and end when what is under way has been answered.
    let ending = async {
        tokio::select! {
            () = parts.drain.cancelled() => {}
            () = tokio::time::sleep(limits::CONNECTION_AGE) => {}
        }
    };
    let ended = if is_http2 {
        let mut connection = std::pin::pin!(listener::http2().serve_connection(io, service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = peer.cut.cancelled() => Ok(()),
            () = ending => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = peer.cut.cancelled() => Ok(()),
                }
            }
        }
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits::IDLE)
            .max_buf_size(limits::SEND_BUFFER_BYTES_MAX);
        let mut connection = std::pin::pin!(builder.serve_connection(io, service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = peer.cut.cancelled() => Ok(()),
            () = ending => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = peer.cut.cancelled() => Ok(()),
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(identity = %peer.leaf.identity, %error, "a browser's connection ended");
    }
    peer.cut.cancel();
}
