//! The edge: sockets, TLS, identities, limits, gRPC.
//!
//! Owns the accept loop, the mapping from certificate to [`peer::Peer`], the role × call table, all
//! limits of connections, the conversion between wire and domain, and the one map from errors to
//! `Status`. It decides nothing and stores nothing.

mod activity;
pub mod certificates;
pub mod connections;
mod console;
pub mod crls;
mod flush;
mod gate;
pub mod limits;
mod listener;
mod pace;
pub mod peer;
mod rates;
mod services;
mod status;
pub mod table;
pub mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic_health::server::HealthReporter;

use crate::engine::Engine;
use connections::Connections;
use console::Pages;
use gate::Gate;
use limits::Limits;
use rates::AllRates;
use tls::{TlsError, TlsFiles, TlsState};

/// What the edge is made of.
pub struct Parts {
    /// Where to listen.
    pub listener: TcpListener,
    /// Certificates, trust and revocation lists.
    pub tls: TlsFiles,
    /// Bounds.
    pub limits: Limits,
    /// The engine behind it.
    pub engine: Engine,
    /// Whether the sender's signature is checked when a message is accepted.
    pub check_signatures: bool,
    /// Whether server reflection is offered.
    pub reflection: bool,
    /// Whether the broker is strict about its surroundings.
    pub is_production: bool,
    /// Where browsers come in, if they may.
    pub console: Option<ConsoleParts>,
}

/// What the console is made of.
pub struct ConsoleParts {
    /// Where to listen.
    pub listener: TcpListener,
    /// Catalogue file, for the names of codes.
    pub catalogue: PathBuf,
    /// Trust file.
    pub trust: PathBuf,
}

/// A running edge.
pub struct Edge {
    address: SocketAddr,
    console: Option<(SocketAddr, JoinHandle<()>)>,
    tls: Arc<TlsState>,
    connections: Arc<Connections>,
    drain: CancellationToken,
    accepting: JoinHandle<()>,
    watching: JoinHandle<()>,
    health: HealthReporter,
}

impl Edge {
    /// Starts to listen.
    ///
    /// # Errors
    /// Certificates or lists cannot be used.
    pub async fn start(parts: Parts) -> Result<Self, TlsError> {
        let Parts { listener, tls, limits, engine, check_signatures, .. } = parts;
        let Parts { reflection, is_production, console, .. } = parts;
        let address = listener.local_addr().map_err(TlsError::Listener)?;
        let clock = engine.clock().clone();
        let tls = Arc::new(TlsState::load(tls)?);
        let connections = Arc::new(Connections::new(limits));
        let drain = CancellationToken::new();
        let context = services::Context::new(engine.clone(), check_signatures, drain.clone());
        let messages = services::message_route(&context);
        let rates = Arc::new(AllRates::new(limits));
        let operation = services::Operation {
            engine: engine.clone(),
            tls: tls.clone(),
            connections: connections.clone(),
            rates: rates.clone(),
            limits,
            is_production,
        };
        let (routes, health) = services::routes(&context, operation, reflection).await;
        let gate = Gate::new(messages, routes, engine, tls.clone(), rates);
        let watching = tokio::spawn(tls::watch(
            tls.clone(),
            connections.clone(),
            clock.clone(),
            drain.clone(),
        ));
        let accept = |listener, pages| listener::Accept {
            listener,
            pages,
            tls: tls.clone(),
            connections: connections.clone(),
            gate: gate.clone(),
            clock: clock.clone(),
            limits,
            drain: drain.clone(),
        };
        let accepting = tokio::spawn(listener::accept(accept(listener, None)));
        let console = match console {
            None => None,
            Some(ConsoleParts { listener, catalogue, trust }) => {
                let address = listener.local_addr().map_err(TlsError::Listener)?;
                let pages = Pages::load(&catalogue, &trust);
                let pages = pages.map_err(|error| TlsError::Console(error.to_string()))?;
                let accepting = tokio::spawn(listener::accept(accept(listener, Some(pages))));
                Some((address, accepting))
            }
        };
        Ok(Self { address, console, tls, connections, drain, accepting, watching, health })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where browsers come in, if they may.
    #[must_use]
    pub fn console_address(&self) -> Option<SocketAddr> {
        self.console.as_ref().map(|(address, _)| *address)
    }

    /// Certificates and lists, for a reload on demand.
    #[must_use]
    pub fn tls(&self) -> &Arc<TlsState> {
        &self.tls
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Stops accepting, lets open calls end for [`limits::DRAIN`], then cuts what is left.
    pub async fn drain(self) {
        self.drain.cancel();
        services::end_health(self.health).await;
        let _ended = self.accepting.await;
        if let Some((_, accepting)) = self.console {
            let _ended = accepting.await;
        }
        if tokio::time::timeout(limits::DRAIN, self.connections.all_closed()).await.is_err() {
            self.connections.cut_all();
            self.connections.all_closed().await;
        }
        let _ended = self.watching.await;
    }
}
