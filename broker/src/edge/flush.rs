//! Knowing when bytes have left: the lower half of the revocation barrier.
//!
//! A hand-out is in flight from its permit until its bytes are in the socket. The response body wraps
//! the bytes it gives to HTTP/2 together with their guards; HTTP/2 drops the bytes when it has passed
//! them to TLS; the stream below TLS then reports the next completed flush, and only that releases
//! the guards. HTTP/2 flushes TLS only after its own buffer is empty, in the same task, so a
//! completed flush covers all bytes dropped before it.
//!
//! The stream also lets other tasks run once before the first byte of a burst: answers that are ready
//! at the same time then share one TLS record and one system call.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Call;
use super::rates::Place;
use crate::engine::InFlightGuard;

/// Guards of one connection whose bytes were passed to TLS and wait for a flush.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<InFlightGuard>,
    closed: bool,
}

impl Flushes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed_on(&self, guards: Vec<InFlightGuard>) {
        let mut state = self.state();
        if !state.closed {
            state.waiting.extend(guards);
        }
    }

    fn flushed(&self) {
        let waiting = std::mem::take(&mut self.state().waiting);
        drop(waiting);
    }

    fn close(&self) {
        let waiting = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
    }
}

/// A stream that gathers writes and tells completed flushes.
#[derive(Debug)]
pub(super) struct Tracked<S> {
    stream: S,
    flushes: Arc<Flushes>,
    /// Others have had their turn since the last completed flush.
    gathered: bool,
}

impl<S> Tracked<S> {
    pub(super) fn new(stream: S, flushes: Arc<Flushes>) -> Self {
        Self { stream, flushes, gathered: false }
    }

    /// Whether to write now; otherwise the task is woken again behind those that are ready.
    fn may_write(&mut self, context: &Context<'_>) -> bool {
        if !self.gathered {
            self.gathered = true;
            context.waker().wake_by_ref();
            return false;
        }
        true
    }
}

impl<S> Drop for Tracked<S> {
    fn drop(&mut self) {
        self.flushes.close();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tracked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tracked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.may_write(context) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.may_write(context) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.gathered = false;
            self.flushes.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Guards of the hand-outs that a response has encoded but not yet given to HTTP/2. A handler puts
/// it into the response's extensions.
#[derive(Clone, Debug, Default)]
pub(super) struct Handed(Arc<Mutex<Vec<InFlightGuard>>>);

impl Handed {
    /// Adds the guard of a hand-out that is about to be encoded.
    pub(super) fn add(&self, guard: InFlightGuard) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(guard);
    }

    fn take(&self) -> Vec<InFlightGuard> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A response body that ties guards to the bytes they protect.
pub(super) struct GuardedBody {
    inner: tonic::body::Body,
    handed: Option<Handed>,
    flushes: Arc<Flushes>,
    _counted: Counted,
}

/// Where the call is counted until its body is gone.
type Counted = (Call, Option<Place>);

impl GuardedBody {
    pub(super) fn new(
        inner: tonic::body::Body,
        handed: Option<Handed>,
        flushes: Arc<Flushes>,
        counted: Counted,
    ) -> Self {
        Self { inner, handed, flushes, _counted: counted }
    }
}

/// Bytes with the guards of the hand-outs in them.
struct GuardedBytes {
    bytes: Bytes,
    guards: Vec<InFlightGuard>,
    flushes: Arc<Flushes>,
}

impl AsRef<[u8]> for GuardedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for GuardedBytes {
    fn drop(&mut self) {
        self.flushes.passed_on(std::mem::take(&mut self.guards));
    }
}

impl Body for GuardedBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let Some(handed) = &self.handed else { return polled };
        polled.map(|frame| {
            frame.map(|frame| {
                frame.map(|frame| match frame.into_data() {
                    Ok(bytes) => {
                        // Everything encoded so far is in this frame.
                        let guards = handed.take();
                        let flushes = self.flushes.clone();
                        Frame::data(Bytes::from_owner(GuardedBytes { bytes, guards, flushes }))
                    }
                    Err(frame) => frame,
                })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::{ArcWake, waker};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl ArcWake for Wakes {
        fn wake_by_ref(wakes: &Arc<Self>) {
            wakes.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_burst_lets_the_others_run_once_and_is_then_written() {
        let wakes = Arc::new(Wakes::default());
        let waker = waker(wakes.clone());
        let mut context = Context::from_waker(&waker);
        let mut stream = Tracked::new(Vec::new(), Arc::new(Flushes::default()));
        for burst in 1..=3 {
            assert!(Pin::new(&mut stream).poll_write(&mut context, b"x").is_pending());
            assert_eq!(wakes.0.load(Ordering::Relaxed), burst, "it is woken again");
            for _ in 0..2 {
                let written = Pin::new(&mut stream).poll_write(&mut context, b"x");
                assert!(matches!(written, Poll::Ready(Ok(1))));
            }
            assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        }
        assert_eq!(stream.stream, b"xxxxxx");
    }
}
