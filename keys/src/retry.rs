//! When a server tries again to rotate after the custody failed to make keys. A try with KMS may write the ring twice, to
//! announce keys and to take that back, and may leave a key behind: so not every minute until somebody corrects a permission.

use super::error::KeysError;
use protocol::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The pause after the first failure; twice as long after each further one.
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause: as often as a rotation by schedule.
const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after failures, if there were any.
#[derive(Default)]
pub(super) struct Retry(Mutex<Option<Pause>>);

#[derive(Clone, Copy)]
struct Pause {
    until: Timestamp,
    length: Duration,
}

impl Retry {
    /// Whether to try now. If the clock was set back, the end of the pause says nothing.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.lock().is_none_or(|pause| pause.until.has_passed(now) || pause.until.since(now) > LONGEST)
    }

    /// Notes how a try ended. A ring of another process says nothing about this one.
    pub(super) fn note(&self, now: Timestamp, tried: &Result<Option<bool>, KeysError>) {
        let mut pause = self.lock();
        match tried {
            Err(KeysError::Sign(_)) => {
                let length = pause.map_or(FIRST, |pause| (pause.length * 2).min(LONGEST));
                *pause = Some(Pause { until: now.plus(length), length });
            }
            Ok(None | Some(true)) => *pause = None,
            Ok(Some(false)) | Err(_) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
