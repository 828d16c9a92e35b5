//! Time as a value: whoever needs `now` is handed a [`Clock`]. The one place that may ask the machine, and a
//! clock that is set by hand for tests.

use protocol::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// Tells what time it is.
pub trait Clock: Send + Sync + 'static {
    /// This instant, in milliseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> Timestamp {
        // A machine whose clock stands before 1970 gets the epoch: every key is then pending and nothing signs.
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since)
    }
}

/// A clock that stands still until it is moved. For tests.
#[derive(Debug, Default)]
pub struct FakeClock(AtomicU64);

impl FakeClock {
    /// Standing at `at`.
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicU64::new(at.millis()))
    }

    /// Jumps to `at`, forwards or back.
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
