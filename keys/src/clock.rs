//! Time as a value: everything that needs `now` gets a [`Clock`]. The only place that reads the machine's clock, and a
//! clock for tests that is set by hand.

use protocol::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// Gives the time.
pub trait Clock: Send + Sync + 'static {
    /// This instant, in milliseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        // If the machine's clock is before 1970, this is the epoch: every key is then pending and nothing signs.
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since)
    }
}

/// A clock that changes only when it is set. For tests.
#[derive(Debug, Default)]
pub struct FakeClock(AtomicU64);

impl FakeClock {
    /// Shows `at`.
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicU64::new(at.millis()))
    }

    /// Jumps to `at`, forward or back.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.millis(), Ordering::SeqCst);
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
