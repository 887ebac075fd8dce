//! How fast a connection is read: floods of small HTTP/2 frames, which nothing else counts, cost no
//! more than other bytes.

use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How much more than its rate a connection may send at once.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);

/// A stream that is read at a bounded rate. What is over it stays in the socket.
pub(super) struct Paced<S> {
    stream: S,
    bytes: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// Bytes that were read and have not been counted yet, since they are over the rate.
    owed: Option<NonZeroU32>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, bytes_per_second: u32) -> Self {
        let rate = NonZeroU32::new(bytes_per_second).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST));
        let (bytes, clock) = (RateLimiter::direct(quota), DefaultClock::default());
        Self { stream, bytes, clock, owed: None, pause: None }
    }

    /// Ready when everything read so far is within the rate.
    fn poll_counted(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(owed) = self.owed {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            match self.bytes.check_n(owed) {
                Ok(Err(until)) => {
                    let wait = until.wait_time_from(self.clock.now());
                    self.pause = Some(Box::pin(tokio::time::sleep(wait)));
                }
                // One read is never more than the burst; if it were, it would count as nothing.
                Ok(Ok(())) | Err(_) => self.owed = None,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poll_counted(context).is_pending() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len() - before;
        self.owed = NonZeroU32::new(u32::try_from(bytes).unwrap_or(u32::MAX));
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::noop_waker;

    #[test]
    fn what_is_over_the_rate_stays_in_the_socket() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let source = vec![7; 100_000];
        let mut stream = Paced::new(source.as_slice(), 1_000);
        let mut taken = 0;
        for _ in 0..100 {
            let mut room = [0; 1_000];
            let mut buffer = ReadBuf::new(&mut room);
            if Pin::new(&mut stream).poll_read(&mut context, &mut buffer).is_pending() {
                break;
            }
            taken += buffer.filled().len();
        }
        // Eight seconds' worth at once, and the piece that went over.
        assert!((8_000..=20_000).contains(&taken), "{taken}");
    }
}
