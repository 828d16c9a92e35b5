//! What is not counted but looked up when the metrics are read.

use super::histogram::Histogram;
use keys::{KeyState, RingStatus};
use protocol::time::Timestamp;

/// The state of the process.
pub struct Gauges<'a> {
    /// When they were looked up.
    pub now: Timestamp,
    /// When the application was assembled.
    pub started_at: Timestamp,
    /// The password pool.
    pub passwords: PasswordLoad<'a>,
    /// The key ring.
    pub ring: RingStatus,
    /// The states of the signing keys.
    pub keys: Vec<KeyState>,
}

/// The password pool.
pub struct PasswordLoad<'a> {
    /// How many computations may run at a time.
    pub places: usize,
    /// How many run.
    pub busy: usize,
    /// How many strangers wait.
    pub strangers: usize,
    /// How many callers wait that an account knows.
    pub known: usize,
    /// How many were refused because too many were waiting.
    pub refused: u64,
    /// How long the computations took.
    pub took: &'a Histogram,
}

impl Gauges<'_> {
    /// The seconds until the next signing key takes over; negative when it should have.
    pub(super) fn seconds_to_rotation(&self) -> i64 {
        let seconds = |at: Timestamp| i64::try_from(at.seconds()).unwrap_or(i64::MAX);
        seconds(self.ring.rotation_due).saturating_sub(seconds(self.now))
    }
}
