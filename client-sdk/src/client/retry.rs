//! Repetition: exponential pauses with jitter, a bounded number of them.

use std::time::Duration;

use crate::random;

/// Longest time for one unary call.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Most pauses of a call: with the pauses above about ten seconds.
const PAUSES_MAX: u32 = 7;

/// Pauses between attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    taken: u32,
    pauses_max: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(PAUSES_MAX)
    }
}

impl Backoff {
    /// At most that many pauses.
    pub(crate) fn new(pauses_max: u32) -> Self {
        Self { taken: 0, pauses_max }
    }

    /// Waits before the next attempt; false if there is to be none.
    pub(crate) async fn pause(&mut self) -> bool {
        if self.taken >= self.pauses_max {
            return false;
        }
        tokio::time::sleep(random::jitter(self.longest())).await;
        self.taken += 1;
        true
    }

    /// Forgets the failures: something worked.
    pub(crate) fn reset(&mut self) {
        self.taken = 0;
    }

    fn longest(&self) -> Duration {
        let factor = 2_u32.saturating_pow(self.taken);
        FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_jitter_stays_within_half() {
        let at = |taken| Backoff { taken, pauses_max: 99 }.longest();
        assert_eq!([at(0), at(1), at(2)].map(|p| p.as_millis()), [50, 100, 200]);
        assert_eq!(at(60), LONGEST_PAUSE);
        for _ in 0..100 {
            let pause = random::jitter(LONGEST_PAUSE);
            assert!((LONGEST_PAUSE / 2..=LONGEST_PAUSE).contains(&pause));
        }
    }

    #[tokio::test]
    async fn there_is_a_last_attempt() {
        assert!(!Backoff::new(0).pause().await);
        let mut one = Backoff::new(1);
        assert!(one.pause().await);
        assert!(!one.pause().await);
        one.reset();
        assert!(one.pause().await);
    }
}
