//! Instants as values. The current time is always a parameter: nothing in this crate reads a clock.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far the clocks of processes that share a store may differ.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// An instant: milliseconds since 1970-01-01T00:00:00Z, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The earliest instant, before anything was issued.
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

    /// Whole seconds since the epoch, rounded down, so that no token is dated in the future. For claims and answers.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// A later instant; saturates instead of overflowing.
    pub fn plus(self, lifetime: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)))
    }

    /// An earlier instant; not before the epoch.
    pub fn minus(self, lifetime: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time since `earlier`; zero if that is in the future (a clock was set back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whether less than `span` has passed since `earlier`. False if `earlier` is further ahead than [`CLOCK_SKEW`]: a
    /// clock that ran ahead must not make anything look recent for long.
    pub fn is_just_after(self, earlier: Self, span: Duration) -> bool {
        !earlier.is_ahead_of(self) && self.since(earlier) < span
    }

    /// Whether this instant of a past event is further ahead than [`CLOCK_SKEW`]: its clock or the clock of `now` is
    /// wrong.
    pub fn is_ahead_of(self, now: Self) -> bool {
        self > now.plus(CLOCK_SKEW)
    }

    /// Whether this expiry has passed; true from the instant itself on.
    pub fn has_passed(self, now: Self) -> bool {
        now >= self
    }
}
