//! The companion: serves the console on the machine of somebody whose key must stay there.
//!
//! It listens on 127.0.0.1 alone and opens with a link that works once; behind it all pages lie below a secret path.
//! Whoever connects must be the same user of the machine, where the system can tell (Linux). It keeps no cookie: the
//! path is the session, and it ends with the program or when nobody asked for anything for some time.

mod owner;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use ring::rand::{SecureRandom as _, SystemRandom};
use schleuse_client::{Client, ClientError};
use schleuse_proto::evidence::{Digest, sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::failure::{self, Why};
use crate::surface::Language;
use crate::{Console, Door, see_other};

/// Connections at once: a browser opens six.
const CONNECTIONS_MAX: usize = 64;
/// Pause after a connection could not be accepted.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);
/// Longest wait for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a secret: nobody guesses it.
const SECRET_BYTES: usize = 32;
/// Length of the prefix of all pages in characters: `/s/`, and the secret in base64url.
const PREFIX_CHARACTERS: usize = 3 + (SECRET_BYTES * 4).div_ceil(3);
/// Largest head of a request in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A companion that listens.
#[derive(Clone, Debug)]
pub struct Companion(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    console: Console,
    client: Client,
    address: SocketAddr,
    idle_ms: u64,
    session: Mutex<Session>,
    used_ms: AtomicI64,
}

/// The session and the one link that opens it; both as digests, so that comparing them tells nothing by its time, and
/// nothing that prints them gives them away.
#[derive(Debug)]
struct Session {
    /// Digest of the prefix of all pages; none: not open, or ended.
    prefix: Option<Digest>,
    /// Digest of the link that was not used yet.
    launch: Option<Digest>,
}

fn secret() -> Result<String, ClientError> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ClientError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl Companion {
    /// Begins to listen on a port of 127.0.0.1; 0: any free one. The session ends when nobody asked for anything for
    /// `idle` of the client's clock.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(
        console: Console,
        client: Client,
        port: u16,
        idle: Duration,
    ) -> Result<(Self, Serving), ClientError> {
        let taken = |error: std::io::Error| ClientError::Precondition {
            what: "port",
            why: format!("127.0.0.1:{port} cannot be used ({error}); choose another one or none"),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let parts = Parts {
            used_ms: AtomicI64::new(client.now_ms()),
            console,
            client,
            address,
            idle_ms: u64::try_from(idle.as_millis()).unwrap_or(u64::MAX),
            session: Mutex::new(Session { prefix: None, launch: None }),
        };
        let companion = Self(Arc::new(parts));
        Ok((companion.clone(), Serving { companion, listener }))
    }

    /// A new link that opens the console once. One that was not used before it does not work any more.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn launch_link(&self) -> Result<String, ClientError> {
        let token = secret()?;
        self.session().launch = Some(sha256(&[token.as_bytes()]));
        Ok(format!("http://{}/launch/{token}", self.0.address))
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Session> {
        self.0.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses a link up: the prefix of the pages, which is new.
    fn launch(&self, token: &str) -> Option<String> {
        let fresh = secret().ok()?;
        let mut session = self.session();
        let digest = sha256(&[token.as_bytes()]);
        if session.launch != Some(digest) {
            return None;
        }
        session.launch = None;
        let prefix = format!("/s/{fresh}");
        session.prefix = Some(sha256(&[prefix.as_bytes()]));
        self.0.used_ms.store(self.0.client.now_ms(), Ordering::Relaxed);
        Some(prefix)
    }

    /// The door of the open session, and that it was used now; none if there is none, it was idle too long, or the
    /// clock was set back by so much.
    fn door(&self, path: &str) -> Option<Door> {
        let now_ms = self.0.client.now_ms();
        let mut session = self.session();
        let used_ms = self.0.used_ms.load(Ordering::Relaxed);
        if now_ms.abs_diff(used_ms) > self.0.idle_ms {
            session.prefix = None;
        }
        let prefix = path.get(..PREFIX_CHARACTERS)?;
        if session.prefix? != sha256(&[prefix.as_bytes()]) {
            return None;
        }
        self.0.used_ms.store(now_ms, Ordering::Relaxed);
        Some(Door::of_companion(self.0.address.to_string(), prefix.to_owned()))
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let language = Language::preferred(request.headers());
        let path = request.uri().path();
        // What is public of every companion: how it looks.
        let door = match self.door(path) {
            Some(door) => door,
            None => {
                let door = Door::of_companion(self.0.address.to_string(), "/-".to_owned());
                let mut response = self.outside(&door, &request, language);
                crate::guard::protect(&door, response.headers_mut());
                return response;
            }
        };
        self.0.console.answer(&door, &self.0.client, request).await
    }

    /// Answers whoever is not in the session.
    fn outside(&self, door: &Door, request: &Request<Body>, language: Language) -> Response<Body> {
        // A link is opened from a terminal or a file: no page of ours sent it, and a foreign one does not know it.
        let token = request.uri().path().strip_prefix("/launch/");
        let Some(token) = token else {
            return match door.check(request) {
                Ok(()) if let Some(name) = request.uri().path().strip_prefix("/assets/") => {
                    crate::assets::answer(name)
                }
                Ok(()) => failure::plain(language, Why::SessionOver),
                Err(why) => failure::plain(language, why),
            };
        };
        // A browser that loads ahead of its user must not use the link up.
        if request.headers().contains_key("sec-purpose") {
            return failure::plain(language, Why::Foreign);
        }
        match door.check(request) {
            Err(Why::WrongHost) => failure::plain(language, Why::WrongHost),
            Ok(()) | Err(_) => match self.launch(token) {
                Some(prefix) => see_other(&format!("{prefix}/{}/", language.code())),
                None => failure::plain(language, Why::LinkUsed),
            },
        }
    }
}

/// A companion's side that accepts browsers.
#[derive(Debug)]
pub struct Serving {
    companion: Companion,
    listener: TcpListener,
}

impl Serving {
    /// Serves until the future is dropped.
    pub async fn run(self) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let Ok((stream, from)) = self.listener.accept().await else {
                // No descriptor is left: asking again at once would only keep a processor busy.
                tokio::time::sleep(NO_DESCRIPTOR_PAUSE).await;
                continue;
            };
            if !owner::is_ours(from, self.companion.0.address) {
                continue;
            }
            let companion = self.companion.clone();
            tokio::spawn(async move {
                serve(companion, stream).await;
                drop(place);
            });
        }
    }
}

async fn serve(companion: Companion, stream: TcpStream) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let companion = companion.clone();
        async move { Ok::<_, std::convert::Infallible>(companion.answer(request.map(Body::new)).await) }
    });
    let _delayed = stream.set_nodelay(true);
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // A browser that goes away is no fault.
    let _gone = served.await;
}
