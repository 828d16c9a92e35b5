//! How old the ring is that was read last, and how long it may be used if it can't be read again.
//!
//! Callers can make a store busy, so while it is busy a ring that is too old is not used. Callers can't make the store
//! unavailable, so while it is away the last ring is used, unless it is known to be out of date.

use super::error::KeysError;
use super::ring::REFRESH_AFTER;
use protocol::time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use storage::StoreErrorKind;

/// How long an old ring is used while the store is away: as long as a cached client. After that a key might sign that was
/// revoked long ago.
pub const STALE_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How long requests don't repeat a reading that failed because the store was away, so that they don't queue.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The same for any other failure, which passes soon; until then no request is served.
pub(super) const RETRY_SOON: Duration = Duration::from_secs(1);

/// The age of the ring that was read last. Readings are made one at a time.
pub(super) struct Age {
    /// When the ring was last read, in milliseconds.
    read_at: AtomicU64,
    /// When a reading was last tried.
    tried_at: AtomicU64,
    /// Whether the last try failed because the store was away.
    away: AtomicBool,
    /// Grows when the store is known to have changed.
    epoch: AtomicU64,
    /// The epoch in which the last reading began.
    read_in: AtomicU64,
}

impl Age {
    /// Of a ring that was read just now.
    pub(super) const fn new(now: Timestamp) -> Self {
        let (read_at, tried_at) = (AtomicU64::new(now.millis()), AtomicU64::new(now.millis()));
        Self {
            read_at,
            tried_at,
            away: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            read_in: AtomicU64::new(0),
        }
    }

    /// When the ring was last read.
    pub(super) fn read_at(&self) -> Timestamp {
        Timestamp::from_millis(self.read_at.load(Ordering::Acquire))
    }

    /// Whether it can be used without reading again.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.is_current() && since(&self.read_at, now) < REFRESH_AFTER
    }

    /// Whether requests may read again.
    pub(super) fn may_try(&self, now: Timestamp) -> bool {
        let pause = if self.away.load(Ordering::Acquire) { RETRY_AFTER } else { RETRY_SOON };
        since(&self.tried_at, now) >= pause
    }

    /// Whether it may be used although it is not fresh.
    pub(super) fn may_be_used(&self, now: Timestamp) -> bool {
        self.is_away() && since(&self.read_at, now) < STALE_LIMIT
    }

    /// Whether the store is away, and nothing is known to have changed since the last reading.
    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire) && self.is_current()
    }

    /// Notes that the ring is out of date.
    pub(super) fn distrust(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.tried_at.store(0, Ordering::Release);
    }

    /// A reading begins; returns its epoch.
    pub(super) fn begin(&self, now: Timestamp) -> u64 {
        self.tried_at.store(now.millis(), Ordering::Release);
        self.epoch.load(Ordering::Acquire)
    }

    /// The reading ended. A pause begins now and not when the reading began: of many callers that waited for it, none repeats
    /// what failed.
    pub(super) fn end<T>(&self, begun: (Timestamp, u64), now: Timestamp, ended: &Result<T, KeysError>) {
        let (at, epoch) = begun;
        if self.epoch.load(Ordering::Acquire) == epoch {
            self.tried_at.store(now.millis(), Ordering::Release);
        }
        let away =
            matches!(ended, Err(KeysError::Store(error)) if error.kind() == StoreErrorKind::Unavailable);
        self.away.store(away, Ordering::Release);
        if ended.is_ok() {
            self.read_at.store(at.millis(), Ordering::Release);
            self.read_in.store(epoch, Ordering::Release);
        }
    }

    fn is_current(&self) -> bool {
        self.read_in.load(Ordering::Acquire) == self.epoch.load(Ordering::Acquire)
    }
}

/// How long ago an instant was. One that lies ahead comes from before a jump back of the clock and could be of any age:
/// it counts as long ago.
fn since(instant: &AtomicU64, now: Timestamp) -> Duration {
    let then = Timestamp::from_millis(instant.load(Ordering::Acquire));
    if then > now { Duration::MAX } else { now.since(then) }
}
