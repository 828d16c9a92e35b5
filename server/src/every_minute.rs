//! Something that is done once a minute at most, by whichever caller comes first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Between two times.
const PAUSE: Duration = Duration::from_secs(60);

/// When the next time is due. At first it is due at once.
#[derive(Debug, Default)]
pub struct EveryMinute {
    /// In milliseconds.
    next: AtomicU64,
}

impl EveryMinute {
    /// One that is due for the first time a minute after `now`.
    pub const fn after(now: Duration) -> Self {
        Self { next: AtomicU64::new(millis(now) + millis(PAUSE)) }
    }

    /// Whether it is due, which is true for one caller. `now` is the time since any fixed moment.
    pub fn is_due(&self, now: Duration) -> bool {
        let (now, next) = (millis(now), self.next.load(Ordering::Relaxed));
        let then = now.saturating_add(millis(PAUSE));
        // A next time that is further ahead was due by a clock that has been set back since.
        let is_early = now < next && next <= then;
        !is_early && self.next.compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "584 million years")]
const fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}
