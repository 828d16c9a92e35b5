//! An answer that is looked up at most once in a while and by one caller at a time, however many want it.

use keys::clock::Clock;
use protocol::time::Timestamp;
use std::time::Duration;
use tokio::sync::Mutex;

/// The last answer and when it was found.
#[derive(Debug)]
pub struct SingleFlight<T>(Mutex<Option<(Timestamp, T)>>);

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> SingleFlight<T> {
    /// The last answer if it is younger than `age`, else a new one; callers meanwhile wait for it.
    pub async fn within<F: Future<Output = T>>(
        &self,
        age: Duration,
        clock: &dyn Clock,
        look: impl FnOnce() -> F,
    ) -> T {
        let mut last = self.0.lock().await;
        let now = clock.now();
        // An answer from the future was found before the clock was set back, and could be of any age.
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| *at <= now && now.since(*at) < age) {
            return answer.clone();
        }
        let answer = look().await;
        *last = Some((clock.now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keys::clock::FakeClock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::task::yield_now;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn many_at_once_look_once_and_nobody_looks_again_within_a_second() {
        let clock = FakeClock::new(Timestamp::from_seconds(1_800_000_000));
        let (answer, looks) = (SingleFlight::default(), AtomicU64::new(0));
        let ask = || {
            answer.within(SECOND, &clock, async || {
                yield_now().await;
                looks.fetch_add(1, Ordering::SeqCst) + 1
            })
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (1, 1, 1));
        clock.advance(SECOND - Duration::from_millis(1));
        assert_eq!(ask().await, 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(ask().await, 2);
        clock.set(Timestamp::from_seconds(1_700_000_000));
        assert_eq!(ask().await, 3, "a clock that was set back");
    }
}
