//! Instants as values. Rules are told what time it is; nothing in this crate can ask.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far apart the clocks of processes may be that share a store.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// An instant: milliseconds since 1970-01-01T00:00:00Z, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The beginning of time: before everything that was ever issued.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the epoch, as JWTs carry them.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: what goes on the wire, so that no token is ever
    /// issued "in the future".
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This instant moved later; stays at the end of time instead of overflowing.
    pub fn plus(self, lifetime: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This instant moved earlier; stops at the epoch.
    pub fn minus(self, lifetime: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies ahead (a clock that jumped back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whether less than `span` has gone by since `earlier`. What lies further ahead than clocks differ does not
    /// count as just now: a clock that ran ahead must not make anything look fresh for long.
    pub fn is_just_after(self, earlier: Self, span: Duration) -> bool {
        !earlier.is_ahead_of(self) && self.since(earlier) < span
    }

    /// Whether this instant, of something that happened, lies further ahead than clocks differ: the clock that told it
    /// was wrong, or the one that tells `now` is.
    pub fn is_ahead_of(self, now: Self) -> bool {
        self > now.plus(CLOCK_SKEW)
    }

    /// Whether an expiry at this instant is over: true from the instant itself on.
    pub fn has_passed(self, now: Self) -> bool {
        now >= self
    }
}
