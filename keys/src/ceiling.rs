//! How many signatures a process asks a custody for.

use super::clock::Clock;
use super::error::{SignError, SignErrorKind};
use protocol::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The least that a ceiling may be: the two signatures of one answer.
pub const LEAST_CEILING: u32 = 2;
/// One part in this many of a second's signatures may be made at once.
const BURST: u64 = 5;
/// Signatures are counted in thousandths: so many come in a millisecond as signatures in a second.
const WHOLE: u64 = 1000;

/// A token bucket. KMS's own limit is shared by everything in the account and region, so one service must not use it up.
pub struct Ceiling {
    per_second: u32,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    at: Timestamp,
    left: u64,
}

impl Ceiling {
    /// At most this many a second, and no fewer than [`LEAST_CEILING`]. Beyond, a fifth of them at once after a pause.
    pub fn new(per_second: u32, clock: Arc<dyn Clock>) -> Self {
        let per_second = per_second.max(LEAST_CEILING);
        let state = State { at: clock.now(), left: burst(per_second) };
        Self { per_second, clock, state: Mutex::new(state) }
    }

    /// Takes the signatures of one answer, all or none.
    ///
    /// # Errors
    /// How long to wait until there may be as many.
    pub fn take(&self, signatures: u32) -> Result<(), Duration> {
        let (now, wanted) = (self.clock.now(), u64::from(signatures) * WHOLE);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back adds nothing.
        let passed = u64::try_from(now.since(state.at).as_millis()).unwrap_or(u64::MAX);
        let added = passed.saturating_mul(u64::from(self.per_second));
        state.left = state.left.saturating_add(added).min(burst(self.per_second));
        state.at = now;
        match state.left.checked_sub(wanted) {
            Some(left) => {
                state.left = left;
                Ok(())
            }
            None => {
                let missing = wanted.saturating_sub(state.left);
                Err(Duration::from_millis(missing.div_ceil(u64::from(self.per_second))))
            }
        }
    }

    /// The error of a caller who can't wait for as long.
    pub fn busy(&self) -> SignError {
        let why = format!("more than {} signatures a second (`signatures_per_second`)", self.per_second);
        SignError::new(SignErrorKind::Busy, "signing by KMS", why)
    }
}

fn burst(per_second: u32) -> u64 {
    (u64::from(per_second) / BURST).max(u64::from(LEAST_CEILING)) * WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const MILLISECOND: Duration = Duration::from_millis(1);

    /// How many answers with two signatures there are in a second in which one is wanted in each millisecond.
    fn answers(ceiling: &Ceiling, clock: &FakeClock) -> u32 {
        let answers = (0..1000).map(|_| {
            clock.advance(MILLISECOND);
            u32::from(ceiling.take(2).is_ok())
        });
        answers.sum()
    }

    #[test]
    fn what_it_allows_becomes_whole_answers_and_is_spread_over_the_second() {
        for per_second in [0, 1, 2, 10, 50, 500] {
            let clock = Arc::new(FakeClock::new(START));
            let ceiling = Ceiling::new(per_second, Arc::<FakeClock>::clone(&clock));
            let (at_once, half) = ((per_second / 5).max(2) / 2, per_second.max(2) / 2);
            assert_eq!((0..1000).filter(|_| ceiling.take(2).is_ok()).count() as u32, at_once, "{per_second}");
            for _ in 0..3 {
                assert_eq!(answers(&ceiling, &clock), half, "{per_second}");
            }
        }
    }

    #[test]
    fn it_says_when_there_is_enough_and_a_clock_that_is_set_back_adds_nothing() {
        let clock = Arc::new(FakeClock::new(START));
        let ceiling = Ceiling::new(10, Arc::<FakeClock>::clone(&clock));
        assert_eq!(ceiling.take(2), Ok(()));
        assert_eq!(ceiling.take(2), Err(200 * MILLISECOND));
        clock.set(START.minus(Duration::from_secs(3600)));
        assert_eq!(ceiling.take(1), Err(100 * MILLISECOND));
        clock.advance(100 * MILLISECOND);
        assert_eq!(ceiling.take(1), Ok(()));
        assert!(ceiling.busy().to_string().contains("more than 10 signatures a second"));
    }
}
