//! What every request passes before its handler: the certificate is still good, the role may make
//! the call, the agency is within its rate, a deadline is set.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{Request, Response};
use hyper::body::Incoming;
use schleuse_proto::rpc::Rpc;
use tonic::service::Routes;
use tower::{Service as _, ServiceExt};

use super::flush::{Flushes, GuardedBody, Handed};
use super::limits::{self, Limits};
use super::peer::Peer;
use super::services::{MESSAGE_SERVICE, MessageRoute};
use super::status::{self, Failure};
use super::table;
use super::tls::TlsState;
use crate::domain::command::Command;
use crate::domain::ids::AgencyId;
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
    quota: Quota,
    rates: Mutex<HashMap<AgencyId, Arc<Rates>>>,
}

/// Rates of one agency. Revocations have one of their own: no other traffic can keep them out.
struct Rates {
    calls: DefaultDirectRateLimiter,
    revocations: DefaultDirectRateLimiter,
}

impl Rates {
    fn of(&self, rpc: Option<Rpc>) -> &DefaultDirectRateLimiter {
        if rpc == Some(Rpc::RevokeConsent) { &self.revocations } else { &self.calls }
    }
}

/// The gate for one connection.
#[derive(Clone)]
pub(super) struct ConnectionGate {
    gate: Gate,
    peer: Arc<Peer>,
    flushes: Arc<Flushes>,
    rates: Arc<Rates>,
}

impl Gate {
    pub(super) fn new(
        messages: MessageRoute,
        routes: Routes,
        engine: Engine,
        tls: Arc<TlsState>,
        limits: Limits,
    ) -> Self {
        let per_second = NonZeroU32::new(limits.calls_per_second).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second)
            .allow_burst(per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        let shared = Shared { engine, tls, quota, rates: Mutex::default() };
        Self { messages, routes: routes.prepare(), shared: Arc::new(shared) }
    }

    pub(super) fn for_connection(&self, peer: Arc<Peer>, flushes: Arc<Flushes>) -> ConnectionGate {
        let mut rates = self.shared.rates.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by the agencies that certificates are issued for.
        let of_agency = rates
            .entry(peer.actor.agency.clone())
            .or_insert_with(|| {
                let limiter = || RateLimiter::direct(self.shared.quota);
                Arc::new(Rates { calls: limiter(), revocations: limiter() })
            })
            .clone();
        drop(rates);
        ConnectionGate { gate: self.clone(), peer, flushes, rates: of_agency }
    }
}

impl ConnectionGate {
    /// Whether the request may reach its handler.
    async fn check(&self, path: &str) -> Result<Option<Rpc>, Failure> {
        let shared = &self.gate.shared;
        let now = shared.engine.clock().now();
        let peer = &self.peer;
        let good = peer.leaf.is_valid_at(now)
            && shared.tls.crls().is_good(&peer.issuer, &peer.leaf.serial, now);
        if !good {
            return Err(Failure::CertificateNotValid);
        }
        let rpc = Rpc::from_path(path);
        self.rates.of(rpc).check().map_err(|_| Failure::RateLimited)?;
        let Some(rpc) = rpc else { return Ok(None) };
        if !table::is_permitted(peer.actor.role, rpc) {
            let actor = peer.actor.clone();
            let command = Command::RefusedCall { actor, method: rpc.path().to_owned() };
            shared.engine.execute(Lane::Normal, command).await.map_err(Failure::Refused)?;
            return Err(Failure::RoleNotPermitted { role: peer.actor.role, rpc });
        }
        Ok(Some(rpc))
    }

    async fn answer(self, request: Request<Incoming>) -> Response<GuardedBody> {
        let response = match self.check(request.uri().path()).await {
            Err(failure) => status::status(&failure).into_http(),
            Ok(rpc) => self.call(request, rpc).await,
        };
        let (mut parts, body) = response.into_parts();
        let handed = parts.extensions.remove::<Handed>();
        Response::from_parts(parts, GuardedBody::new(body, handed, self.flushes))
    }

    async fn call(
        &self,
        mut request: Request<Incoming>,
        rpc: Option<Rpc>,
    ) -> Response<tonic::body::Body> {
        request.extensions_mut().insert(self.peer.clone());
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
        let streaming = rpc.is_none_or(table::is_streaming);
        let handled = if streaming {
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
