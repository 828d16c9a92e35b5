//! A log line about something that callers can make happen as often as they like: at most one a minute.

use crate::every_minute::EveryMinute;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often something happened since its last line.
#[derive(Debug, Default)]
pub struct LogThrottle {
    times: AtomicU64,
    next: EveryMinute,
}

impl LogThrottle {
    /// Counts one time. `now` is the time since any fixed moment. `Some`: a line is due, with the number of times since
    /// the last one.
    pub fn due(&self, now: Duration) -> Option<u64> {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.next.is_due(now).then(|| self.times.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_says_how_often() {
        let throttle = LogThrottle::default();
        let due = |second| throttle.due(Duration::from_secs(second));
        assert_eq!(due(1_000), Some(1));
        assert_eq!([due(1_000), due(1_030), due(1_059)], [None; 3]);
        assert_eq!(due(1_060), Some(4));
        assert_eq!(due(1_061), None);
        assert_eq!(due(5), Some(2), "a clock that was ahead");
        assert_eq!(due(64), None);
    }
}
