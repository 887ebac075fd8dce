//! Answers that hold much of the log in memory: how much, how many at once, and off the threads that answer others.
//!
//! The broker's own door shares memory and threads with everybody's messages and revocations. So what is searched there
//! has a bound, few such answers are made at once and one for each visitor, what computes for long does so on threads
//! for that, and an answer keeps its place until the browser has read it or its time is over. A companion has its machine for itself: its bound
//! is that of the command line.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http::Response;
use hyper::body::{Frame, SizeHint};
use schleuse_client::{ClientError, LogAnswer, LogQuery};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::desk::{Answer, Desk, Failed};
use crate::failure::Why;
use crate::texts::filled;

/// Records of one answer at the broker's door.
const DOOR_ROWS_MAX: usize = 10_000;
/// Records of one answer of a companion, in its own memory.
const COMPANION_ROWS_MAX: usize = 100_000;
/// Large answers at once.
const AT_ONCE: usize = 2;
/// Longest wait for a place.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// How long a browser may take to read an answer.
const READING_MAX: Duration = Duration::from_secs(600);
/// Bytes that are given to the connection at once.
const PART_BYTES: usize = 64 * 1024;

static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(AT_ONCE));

/// Places for large answers: so many in all, and of these one for each visitor.
#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    /// By the visitor; those who have none and wait for none are forgotten.
    own: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A place for a large answer. It is free again when nothing holds it any more: neither the page, nor what it computes,
/// nor the answer on its way.
#[derive(Clone, Debug)]
pub(super) struct Place(
    #[expect(dead_code, reason = "held")] Arc<(Option<OwnedSemaphorePermit>, OwnedSemaphorePermit)>,
);

impl Places {
    fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), own: Mutex::default() }
    }

    /// Waits for the visitor's own place, if it is one of several, then for one of all: so nobody waits for whoever
    /// waits.
    async fn place(&self, visitor: Option<&str>) -> Result<Place, AcquireError> {
        let own = match visitor {
            Some(visitor) => Some(self.own_of(visitor).acquire_owned().await?),
            None => None,
        };
        let all = self.all.clone().acquire_owned().await?;
        Ok(Place(Arc::new((own, all))))
    }

    fn own_of(&self, visitor: &str) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = own.get(visitor).and_then(Weak::upgrade) {
            return known;
        }
        own.retain(|_, one| one.strong_count() > 0);
        let new = Arc::new(Semaphore::new(1));
        own.insert(visitor.to_owned(), Arc::downgrade(&new));
        new
    }
}

/// Records of one answer where this page is shown.
pub(super) fn rows_max(desk: &Desk) -> usize {
    if desk.is_home() { COMPANION_ROWS_MAX } else { DOOR_ROWS_MAX }
}

/// What a visitor is told whose search finds more, and with which command it works; at the broker's door with a
/// companion, too.
pub(super) fn too_many(desk: &Desk, command: &str) -> String {
    beyond(desk, desk.t().dpo.too_many, command)
}

/// The same of everything about one participant.
pub(super) fn too_many_of_one(desk: &Desk, command: &str) -> String {
    beyond(desk, desk.t().dpo.too_many_of_one, command)
}

fn beyond(desk: &Desk, says: &str, command: &str) -> String {
    let says = filled(says, &[&rows_max(desk).to_string()]);
    let command = if desk.is_home() { command } else { "schleuse dpo console" };
    format!("{says} {}", filled(desk.t().dpo.too_many_here, &[command]))
}

/// A place; after some time without one, the visitor is asked to come again.
pub(super) async fn place(desk: &Desk) -> Result<Place, Failed> {
    // A companion has one visitor only.
    let visitor = (!desk.is_home()).then(|| desk.client.identity().to_string());
    match tokio::time::timeout(WAIT_MAX, PLACES.place(visitor.as_deref())).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(desk.failed(Why::Busy)),
    }
}

/// What a query finds, up to the bound of this place.
pub(super) async fn rows(desk: &Desk, query: &LogQuery) -> Result<LogAnswer, ClientError> {
    desk.client.query_up_to(query, rows_max(desk)).await
}

impl Place {
    /// Computes something off the threads that answer others.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        desk: &Desk,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        let place = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            // A browser that turned away ends the page, but not this.
            drop(place);
            done
        });
        done.await.map_err(|_| desk.failed(Why::Fault))
    }

    /// An answer that keeps the place until it was read.
    pub(super) async fn keep(self, answer: Answer) -> Answer {
        let (parts, body) = answer?.into_parts();
        // It is in memory already.
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        Ok(Response::from_parts(parts, Body::new(Kept::new(bytes, self))))
    }
}

#[derive(Debug)]
struct Held {
    bytes: Bytes,
    _place: Place,
}

/// A body that holds its place. It is given away in parts that are copies: the whole is free as soon as the last one
/// was taken.
#[derive(Debug)]
struct Kept {
    held: Arc<Mutex<Option<Held>>>,
    left: u64,
}

impl Kept {
    fn new(bytes: Bytes, place: Place) -> Self {
        let left = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let held = Arc::new(Mutex::new(Some(Held { bytes, _place: place })));
        let late = Arc::downgrade(&held);
        tokio::spawn(async move {
            tokio::time::sleep(READING_MAX).await;
            if let Some(held) = late.upgrade() {
                held.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        });
        Self { held, left }
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut place = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = place.as_mut() else {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        };
        let part = held.bytes.split_to(held.bytes.len().min(PART_BYTES));
        let part = Bytes::copy_from_slice(&part);
        if held.bytes.is_empty() {
            *place = None;
        }
        drop(place);
        self.left = self.left.saturating_sub(u64::try_from(part.len()).unwrap_or(u64::MAX));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn kept(bytes: usize, place: Place) -> Body {
        Body::new(Kept::new(Bytes::from(vec![7; bytes]), place))
    }

    async fn one(places: &Places) -> Place {
        places.place(Some("somebody")).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_visitor_has_one_place_and_leaves_the_other_to_others() {
        let places = Places::new(2);
        let held = places.place(Some("one")).await.unwrap();
        let wait =
            |visitor| tokio::time::timeout(Duration::from_secs(1), places.place(Some(visitor)));
        assert!(wait("one").await.is_err(), "waits for the visitor's own");
        let other = wait("other").await.unwrap().unwrap();
        assert!(wait("third").await.is_err(), "waits for one of all");
        drop(held);
        let again = wait("one").await.unwrap().unwrap();
        drop((other, again));
        let two = (places.place(None).await.unwrap(), places.place(None).await.unwrap());
        assert!(wait("third").await.is_err());
        drop(two);
        drop(wait("third").await.unwrap().unwrap());
        assert_eq!(places.own.lock().unwrap().len(), 1, "the others are forgotten");
    }

    #[tokio::test]
    async fn a_large_answer_keeps_its_place_until_it_was_read_or_given_up() {
        let places = Places::new(1);
        let mut body = kept(PART_BYTES + 1, one(&places).await);
        assert_eq!(body.size_hint().exact(), Some(65_537));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), PART_BYTES);
        assert_eq!(places.all.available_permits(), 0, "not all of it was read");
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 1);
        assert_eq!((places.all.available_permits(), body.is_end_stream()), (1, true));
        assert!(body.frame().await.is_none());
        let given_up = kept(1, one(&places).await);
        assert_eq!(places.all.available_permits(), 0);
        drop(given_up);
        assert_eq!(places.all.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_read_loses_the_place() {
        let places = Places::new(1);
        let mut body = kept(PART_BYTES + 1, one(&places).await);
        body.frame().await.unwrap().unwrap();
        // Waits for the place as the next visitor would.
        drop(one(&places).await);
        assert!(body.frame().await.unwrap().is_err(), "and is told that it is not all");
    }

    #[tokio::test]
    async fn an_answer_goes_out_as_it_was_made() {
        let places = Places::new(1);
        let place = one(&places).await;
        let made = Response::builder().header("x", "y").body(Body::from("all of it")).unwrap();
        let Ok(answer) = place.keep(Ok(made)).await else { panic!("no answer") };
        assert_eq!(
            (places.all.available_permits(), &answer.headers()["x"]),
            (0, &"y".parse().unwrap())
        );
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "all of it");
        assert_eq!(places.all.available_permits(), 1);
    }
}
