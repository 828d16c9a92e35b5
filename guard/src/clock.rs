//! Time as a value, so that no test depends on the machine's clock.

use protocol::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives the time.
pub trait Clock: Send + Sync + 'static {
    /// This instant.
    fn now(&self) -> SystemTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the machine's clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// This instant, as it is compared with claims.
pub(crate) fn now(clock: &dyn Clock) -> Timestamp {
    Timestamp::EPOCH.plus(clock.now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
