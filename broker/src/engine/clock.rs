//! The one clock. Decisions never see it run backwards.

use crate::domain::ids::TimeMs;

/// A wall clock.
pub trait Clock: Send + Sync {
    /// Unix milliseconds.
    fn now(&self) -> TimeMs;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimeMs {
        #[expect(clippy::disallowed_methods, reason = "the one clock of the program")]
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|since| TimeMs::try_from(since.as_millis()).ok())
            .unwrap_or_default()
    }
}
