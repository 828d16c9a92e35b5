//! A seeded random number generator, so that a run can be repeated.

use keys::entropy::{self, SeededEntropy};
use std::ops::Range;
use std::time::Duration;

/// A stream of random numbers that follows from its seed.
pub struct Rng(SeededEntropy);

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `bound`, each as likely as the others (as nearly as 64 bits allow).
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_be_bytes(entropy::bytes(&self.0)) % bound
    }

    /// True `percent` times in a hundred.
    pub fn chance(&self, percent: u64) -> bool {
        percent > 0 && self.below(100) < percent
    }

    /// A duration within a range of seconds, to the millisecond.
    pub fn within(&self, seconds: Range<u64>) -> Duration {
        Duration::from_millis(seconds.start * 1000 + self.below((seconds.end - seconds.start) * 1000))
    }
}
