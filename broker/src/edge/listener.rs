//! The accept loop: TCP → TLS under a deadline → peer → HTTP/2 with every limit set.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::connections::Connections;
use super::console::{self, Pages};
use super::flush::{Flushes, Tracked};
use super::gate::Gate;
use super::limits::{self, Limits};
use super::pace::Paced;
use super::peer::Peer;
use super::rates;
use super::tls::TlsState;
use crate::engine::Clock;

/// Parts of the accept loop.
pub(super) struct Accept {
    pub(super) listener: TcpListener,
    pub(super) tls: Arc<TlsState>,
    pub(super) connections: Arc<Connections>,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) drain: CancellationToken,
    /// What browsers are shown; none: here are calls.
    pub(super) pages: Option<Pages>,
}

/// How long to wait when the system has no descriptor for another connection.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the broker drains.
pub(super) async fn accept(parts: Accept) {
    let parts = Arc::new(parts);
    let handshakes = Arc::new(Semaphore::new(limits::HANDSHAKES_MAX));
    let per_address = Arc::new(PerAddress::new(&parts.limits));
    loop {
        let accepted = tokio::select! {
            () = parts.drain.cancelled() => return,
            accepted = parts.listener.accept() => accepted,
        };
        let (tcp, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(NO_DESCRIPTOR_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = handshakes.clone().try_acquire_owned() else { continue };
        let Some(place) = per_address.enter(address.ip()) else { continue };
        let parts = parts.clone();
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(limits::HANDSHAKE, shake(&parts, tcp)).await;
            drop((slot, place));
            match shaken {
                Ok(Ok((tls, peer))) => serve(&parts, tls, peer).await,
                Ok(Err(why)) => tracing::info!(%address, %why, "connection refused"),
                Err(_) => tracing::info!(%address, "connection refused: handshake too slow"),
            }
        });
    }
}

/// A connection below HTTP/2. TLS itself reads at most 4 KiB at once; the buffer saves system calls.
pub(super) type Connected = TlsStream<BufReader<Paced<TcpStream>>>;

async fn shake(parts: &Accept, tcp: TcpStream) -> Result<(Connected, Peer), String> {
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let config = match parts.pages {
        Some(_) => parts.tls.config_of_pages(),
        None => parts.tls.config(),
    };
    let acceptor = TlsAcceptor::from(config);
    let tcp = Paced::new(tcp, parts.limits.connection_bytes_per_second);
    let tcp = BufReader::with_capacity(limits::READ_BUFFER_BYTES, tcp);
    let tls = acceptor.accept(tcp).await.map_err(|error| error.to_string())?;
    let peer = Peer::from_certificates(
        tls.get_ref().1.peer_certificates(),
        parts.tls.trust(),
        parts.clock.now(),
    );
    Ok((tls, peer.map_err(|error| error.to_string())?))
}

async fn serve(parts: &Arc<Accept>, tls: Connected, peer: Peer) {
    let peer = Arc::new(peer);
    let Some(_open) = parts.connections.open(peer.clone()) else {
        tracing::warn!(identity = %peer.leaf.identity, "connection refused: too many connections");
        return;
    };
    match &parts.pages {
        None => serve_calls(parts, tls, peer, Life::Own).await,
        Some(pages) => console::serve(parts, pages, tls, peer).await,
    }
}

/// The builder of HTTP/2 connections, with every limit set.
pub(super) fn http2() -> hyper::server::conn::http2::Builder<TokioExecutor> {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS_PER_CONNECTION_MAX)
        .max_pending_accept_reset_streams(limits::PENDING_RESET_STREAMS_MAX)
        .max_local_error_reset_streams(limits::LOCAL_RESET_STREAMS_MAX)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .max_frame_size(limits::FRAME_BYTES_MAX)
        .max_header_list_size(limits::HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(limits::SEND_BUFFER_BYTES_MAX)
        .keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits::KEEP_ALIVE_TIMEOUT);
    builder
}

/// What ends a connection of calls that nobody ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Its age, or that nothing is asked on it.
    Own,
    /// The end of the browser's connection behind which it is: that one ends first, and in order.
    OfItsBrowser,
}

/// Serves the calls of a peer on a stream that speaks HTTP/2 in its name.
pub(super) async fn serve_calls<S>(parts: &Accept, stream: S, peer: Arc<Peer>, life: Life)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let flushes = Arc::new(Flushes::default());
    let activity = Arc::new(Activity::default());
    let service = parts.gate.for_connection(peer.clone(), flushes.clone(), activity.clone());
    let io = TokioIo::new(Tracked::new(stream, flushes));
    let mut connection = std::pin::pin!(http2().serve_connection(io, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = peer.cut.cancelled() => None,
        () = parts.drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = peer.cut.cancelled() => None,
            }
        }
        () = ends(&activity), if life == Life::Own => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = peer.cut.cancelled() => None,
                () = tokio::time::sleep(limits::CONNECTION_AGE_GRACE) => None,
            }
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(identity = %peer.leaf.identity, %error, "connection ended");
    }
    // Handlers that outlive the connection learn that it is gone.
    peer.cut.cancel();
}

/// Returns when the connection should be asked to end: it is old, or nothing is asked on it.
async fn ends(activity: &Activity) {
    tokio::select! {
        () = tokio::time::sleep(limits::CONNECTION_AGE) => {}
        () = activity.idle(limits::IDLE) => {}
    }
}

/// Handshakes by source address: those under way, and how many a second.
struct PerAddress {
    under_way: Mutex<HashMap<IpAddr, usize>>,
    begun: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
}

struct Place {
    address: IpAddr,
    table: Arc<PerAddress>,
}

impl PerAddress {
    fn new(limits: &Limits) -> Self {
        let per_second = rates::quota(limits.handshakes_per_second_per_address);
        Self { under_way: Mutex::default(), begun: RateLimiter::hashmap(per_second) }
    }

    /// Takes in a handshake; none if this address has too many.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        if self.begun.len() >= limits::HANDSHAKE_ADDRESSES_MAX {
            self.begun.retain_recent();
        }
        self.begun.check_key(&address).ok()?;
        let mut table = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = table.entry(address).or_default();
        if *count >= limits::HANDSHAKES_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Place { address, table: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.table.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = table.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                table.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_handshakes_at_once_and_in_a_second() {
        let limits = |per_second| Limits {
            connections_max: 1,
            connections_per_identity_max: 1,
            handshakes_per_second_per_address: per_second,
            calls_per_second: 1,
            calls_under_way_max: 1,
            calls_under_way_per_agency_max: 1,
            streams_max: 1,
            streams_per_agency_max: 1,
            messages_per_second: 1,
            coverage_questions_per_minute: 1,
            connection_bytes_per_second: 1,
        };
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let slow = Arc::new(PerAddress::new(&limits(5)));
        let ended = (0..100).filter(|_| slow.enter(one).is_some()).count();
        assert!((10..100).contains(&ended), "{ended} although they ended");
        assert!(slow.enter(other).is_some());

        let many = Arc::new(PerAddress::new(&limits(10_000)));
        let open: Vec<_> = (0..100).filter_map(|_| many.enter(one)).collect();
        assert_eq!(open.len(), limits::HANDSHAKES_PER_ADDRESS_MAX);
        assert!(many.enter(other).is_some());
        drop(open);
        assert!(many.enter(one).is_some());
        assert_eq!(many.under_way.lock().unwrap().len(), 0, "nothing is remembered for nothing");
    }
}
