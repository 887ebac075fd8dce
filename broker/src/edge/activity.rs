//! Whether a connection still serves: one without calls is asked to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The calls of one connection, counted.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A call, until its answer has been written or dropped.
#[derive(Debug)]
pub(super) struct Call(Arc<Activity>);

impl Activity {
    pub(super) fn begin(self: &Arc<Self>) -> Call {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Call(self.clone())
    }

    /// Returns when there was no call for a time; at most twice that time later.
    pub(super) async fn idle(&self, time: Duration) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            let was_busy = self.ended.load(Ordering::Relaxed) != before;
            tokio::time::sleep(time).await;
            if !was_busy && self.begun.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, advance};

    const TIME: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_without_calls() {
        let activity = Arc::new(Activity::default());
        let begin = Instant::now();
        activity.idle(TIME).await;
        assert_eq!(begin.elapsed(), TIME);

        let long_call = activity.begin();
        let idle = tokio::spawn({
            let activity = activity.clone();
            async move { activity.idle(TIME).await }
        });
        tokio::task::yield_now().await;
        for _ in 0..5 {
            advance(TIME).await;
            tokio::task::yield_now().await;
        }
        assert!(!idle.is_finished(), "a call is under way");
        drop(long_call);
        let begin = Instant::now();
        idle.await.unwrap();
        assert!(begin.elapsed() <= 2 * TIME);
    }
}
