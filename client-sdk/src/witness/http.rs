//! The HTTP/1.1 service of a witness: two paths, everything bounded.
//!
//! Plain HTTP: a request and its answer are public and signed. Beyond one machine a TLS proxy stands
//! before it, see `ops/adr/0007-witnesses.md`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use schleuse_proto::witness::{
    ADD_CHECKPOINT, BODY_BYTES_MAX, CHECKPOINT, CONTENT_TYPE_SIZE, encode_size,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Witness, WitnessRefusal};

/// Most connections at the same time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 64;
/// Longest time for a request's head, and for the pause between two requests.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest time for a request's body.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest life of a connection, so that a place is free again after it.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(60);
/// Largest head of a request in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Pause after a connection could not be accepted, for example for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const SIZE: HeaderValue = HeaderValue::from_static(CONTENT_TYPE_SIZE);

type Answer = Response<Full<Bytes>>;

/// Serves a witness until `stop` is ready. A request that is cut then has either no effect, or its
/// checkpoint is kept and the next request is answered with its size.
pub async fn serve(listener: TcpListener, witness: Arc<Witness>, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        while connections.try_join_next().is_some() {}
        let Ok(place) = place else { break };
        if let Ok((stream, _)) = accepted {
            let witness = witness.clone();
            connections.spawn(async move {
                connection(stream, witness).await;
                drop(place);
            });
        } else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, witness: Arc<Witness>) {
    let service = service_fn(move |request| {
        let witness = witness.clone();
        async move { Ok::<_, Infallible>(respond(witness, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let _ended = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
}

async fn respond(witness: Arc<Witness>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().strip_prefix('/').unwrap_or_default();
    match (request.method(), path) {
        (&Method::POST, ADD_CHECKPOINT) => add_checkpoint(witness, request.into_body()).await,
        (&Method::GET, CHECKPOINT) => newest(witness).await,
        (_, ADD_CHECKPOINT | CHECKPOINT) => answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, ""),
        _ => answer(StatusCode::NOT_FOUND, TEXT, "there is no such path\n"),
    }
}

async fn newest(witness: Arc<Witness>) -> Answer {
    // It waits while another checkpoint is written: not on the threads of the network.
    match tokio::task::spawn_blocking(move || witness.newest()).await {
        Ok(Some(newest)) => answer(StatusCode::OK, TEXT, newest.note),
        Ok(None) => answer(StatusCode::NOT_FOUND, TEXT, "no checkpoint was cosigned yet\n"),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, ""),
    }
}

async fn add_checkpoint(witness: Arc<Witness>, body: Incoming) -> Answer {
    let body = Limited::new(body, BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(BODY_TIME_MAX, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "");
        }
        Ok(Err(_)) => return answer(StatusCode::BAD_REQUEST, TEXT, ""),
        Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, TEXT, ""),
    };
    // It syncs a file: not on the threads of the network.
    let added = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body)).await;
    match added.unwrap_or(Err(WitnessRefusal::NotKept)) {
        Ok(line) => answer(StatusCode::OK, TEXT, line),
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &WitnessRefusal) -> Answer {
    let status = match refusal {
        WitnessRefusal::OtherSize { newest: size } | WitnessRefusal::Forked { size } => {
            return answer(StatusCode::CONFLICT, SIZE, encode_size(*size));
        }
        WitnessRefusal::Malformed => StatusCode::BAD_REQUEST,
        WitnessRefusal::UnknownLog => StatusCode::NOT_FOUND,
        WitnessRefusal::NotSigned => StatusCode::FORBIDDEN,
        WitnessRefusal::NotProven => StatusCode::UNPROCESSABLE_ENTITY,
        WitnessRefusal::NotKept => StatusCode::INTERNAL_SERVER_ERROR,
    };
    answer(status, TEXT, format!("{refusal}\n"))
}

fn answer(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}
