//! Knowing when bytes have left: the lower half of the revocation barrier.
//!
//! A hand-out is in flight from its permit until its bytes are in the socket. The response body wraps
//! the bytes it gives to HTTP/2 together with their guards; HTTP/2 drops the bytes when it has passed
//! them to the write buffer above TLS; the stream then reports the next completed flush of buffer and
//! TLS, and only that releases the guards. HTTP/2 flushes only after its own buffer is empty, in the
//! same task, so a completed flush covers all bytes dropped before it.
//!
//! The stream also lets other tasks run once before the first byte of a burst: answers that are ready
//! at the same time then share one TLS record and one system call.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};

use super::activity::Call;
use super::limits;
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
    stream: BufWriter<S>,
    flushes: Arc<Flushes>,
    /// Others have had their turn since the last completed flush.
    gathered: bool,
    /// A piece of something large was written since the last completed flush: then the next piece is
    /// not delayed.
    large: bool,
}

/// Bytes of one write that are a piece of something large: a full frame, see `limits::FRAME_BYTES_MAX`.
const LARGE_BYTES: usize = 16 * 1024;

impl<S: AsyncWrite> Tracked<S> {
    pub(super) fn new(stream: S, flushes: Arc<Flushes>) -> Self {
        let stream = BufWriter::with_capacity(limits::WRITE_BUFFER_BYTES, stream);
        Self { stream, flushes, gathered: false, large: false }
    }
}

impl<S> Tracked<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Tracked<S> {
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.large |= *bytes >= LARGE_BYTES;
        }
        written
    }

    /// No vectored writes: then HTTP/2 copies answers of up to 1 KiB into one buffer and goes on, instead
    /// of flushing each.
    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.gathered = std::mem::take(&mut self.large);
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
    counted: Counted,
}

/// Where a call is counted until all its bytes were passed to TLS.
type Counted = Arc<(Call, Option<Place>)>;

impl GuardedBody {
    pub(super) fn new(
        inner: tonic::body::Body,
        handed: Option<Handed>,
        flushes: Arc<Flushes>,
        counted: (Call, Option<Place>),
    ) -> Self {
        Self { inner, handed, flushes, counted: Arc::new(counted) }
    }
}

/// Bytes with the guards of the hand-outs in them, and with the place of their call: HTTP/2 may hold
/// them long after the body has ended, if the caller does not take them.
struct GuardedBytes {
    bytes: Bytes,
    guards: Vec<InFlightGuard>,
    flushes: Arc<Flushes>,
    _counted: Counted,
}

impl AsRef<[u8]> for GuardedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for GuardedBytes {
    fn drop(&mut self) {
        if !self.guards.is_empty() {
            self.flushes.passed_on(std::mem::take(&mut self.guards));
        }
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
        polled.map(|frame| {
            frame.map(|frame| {
                frame.map(|frame| match frame.into_data() {
                    Ok(bytes) => {
                        // Everything encoded so far is in this frame.
                        let guards = self.handed.as_ref().map(Handed::take).unwrap_or_default();
                        let (flushes, _counted) = (self.flushes.clone(), self.counted.clone());
                        let guarded = GuardedBytes { bytes, guards, flushes, _counted };
                        Frame::data(Bytes::from_owner(guarded))
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
    fn something_large_is_delayed_once_and_not_for_each_of_its_pieces() {
        let wakes = Arc::new(Wakes::default());
        let waker = waker(wakes.clone());
        let mut context = Context::from_waker(&waker);
        let mut stream = Tracked::new(Vec::new(), Arc::new(Flushes::default()));
        let piece = vec![1; 16 * 1024];
        assert!(Pin::new(&mut stream).poll_write(&mut context, &piece).is_pending());
        for _ in 0..64 {
            assert!(Pin::new(&mut stream).poll_write(&mut context, &piece).is_ready());
            assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        }
        assert_eq!(
            (wakes.0.load(Ordering::Relaxed), stream.stream.get_ref().len()),
            (1, 1024 * 1024)
        );
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
        assert_eq!(stream.stream.get_ref(), b"xxxxxx");
    }
}
