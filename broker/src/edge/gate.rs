//! What every request passes before its handler: the certificate is still good, the role may make
//! the call, the agency is within its rate, a deadline is set.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use schleuse_proto::rpc::Rpc;
use tonic::service::Routes;
use tower::{Service as _, ServiceExt};

use super::activity::Activity;
use super::flush::{Flushes, GuardedBody, Handed};
use super::limits;
use super::peer::Peer;
use super::rates::{AllRates, Place, Rates};
use super::services::{MESSAGE_SERVICE, MessageRoute};
use super::status::{self, Failure};
use super::table;
use super::tls::TlsState;
use crate::domain::command::Command;
use crate::engine::{Engine, Lane};

/// The gate in front of all services.
#[derive(Clone)]
pub(super) struct Gate {
    messages: MessageRoute,
    routes: Routes,
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    tls: Arc<TlsState>,
    rates: Arc<AllRates>,
}

/// The gate for one connection.
#[derive(Clone)]
pub(super) struct ConnectionGate {
    gate: Gate,
    peer: Arc<Peer>,
    flushes: Arc<Flushes>,
    rates: Arc<Rates>,
    activity: Arc<Activity>,
}

impl Gate {
    pub(super) fn new(
        messages: MessageRoute,
        routes: Routes,
        engine: Engine,
        tls: Arc<TlsState>,
        rates: Arc<AllRates>,
    ) -> Self {
        let shared = Shared { engine, tls, rates };
        Self { messages, routes: routes.prepare(), shared: Arc::new(shared) }
    }

    pub(super) fn for_connection(
        &self,
        peer: Arc<Peer>,
        flushes: Arc<Flushes>,
        activity: Arc<Activity>,
    ) -> ConnectionGate {
        let rates = self.shared.rates.of(&peer.actor.agency);
        ConnectionGate { gate: self.clone(), peer, flushes, rates, activity }
    }
}

impl ConnectionGate {
    /// Whether the request may reach its handler, and the place that it then takes.
    async fn check(&self, path: &str) -> Result<(Option<Rpc>, Option<Place>), Failure> {
        let shared = &self.gate.shared;
        let now = shared.engine.clock().now();
        let peer = &self.peer;
        let good = peer.leaf.is_valid_at(now)
            && shared.tls.crls().is_good(&peer.issuer, &peer.leaf.serial, now);
        if !good {
            return Err(Failure::CertificateNotValid);
        }
        let rpc = Rpc::from_path(path);
        let place = self.rates.begin(rpc)?;
        let Some(rpc) = rpc else { return Ok((None, place)) };
        if !table::is_permitted(peer.actor.role, rpc) {
            let actor = peer.actor.clone();
            let command = Command::RefusedCall { actor, method: rpc.path().to_owned() };
            shared.engine.execute(Lane::Normal, command).await.map_err(Failure::Refused)?;
            return Err(Failure::RoleNotPermitted { role: peer.actor.role, rpc });
        }
        Ok((Some(rpc), place))
    }

    async fn answer(self, request: Request<Incoming>) -> Response<GuardedBody> {
        let call = self.activity.begin();
        let (response, place) = match self.check(request.uri().path()).await {
            Err(failure) => (status::status(&failure).into_http(), None),
            Ok((rpc, place)) => {
                // A defect in a handler is the end of its call, not of the connection.
                let called = AssertUnwindSafe(self.call(request, rpc)).catch_unwind().await;
                let response = called.unwrap_or_else(|_| {
                    tracing::error!(?rpc, "a handler panicked");
                    status::status(&Failure::Internal).into_http()
                });
                (response, place)
            }
        };
        let (mut parts, body) = response.into_parts();
        let handed = parts.extensions.remove::<Handed>();
        Response::from_parts(parts, GuardedBody::new(body, handed, self.flushes, (call, place)))
    }

    async fn call(
        &self,
        mut request: Request<Incoming>,
        rpc: Option<Rpc>,
    ) -> Response<tonic::body::Body> {
        request.extensions_mut().insert(self.peer.clone());
        request.extensions_mut().insert(self.rates.clone());
        let handled = async move {
            if request.uri().path().starts_with(MESSAGE_SERVICE) {
                return self.gate.messages.clone().call(request).await;
            }
            let mut routes = self.gate.routes.clone();
            match <Routes as ServiceExt<Request<Incoming>>>::ready(&mut routes).await {
                Ok(ready) => ready.call(request).await,
                Err(never) => match never {},
            }
        };
        let long = rpc.is_none_or(table::is_long);
        let handled = if long {
            Ok(handled.await)
        } else {
            tokio::time::timeout(limits::UNARY_CALL, handled).await
        };
        match handled {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => status::status(&Failure::TooSlow).into_http(),
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for ConnectionGate {
    type Response = Response<GuardedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let gate = self.clone();
        Box::pin(async move { Ok(gate.answer(request).await) })
    }
}
