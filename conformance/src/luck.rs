//! Luck: draws that follow from a seed.

use server::entropy::{self, SeededEntropy};
use std::ops::Range;
use std::time::Duration;

/// A stream of draws.
pub struct Luck(SeededEntropy);

impl Luck {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `bound`, each as likely as the others (as nearly as 64 bits allow).
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_be_bytes(entropy::bytes(&self.0)) % bound
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub fn strikes(&self, percent: u64) -> bool {
        percent > 0 && self.below(100) < percent
    }

    /// Some milliseconds of a range of seconds.
    pub fn within(&self, seconds: Range<u64>) -> Duration {
        Duration::from_millis(seconds.start * 1000 + self.below((seconds.end - seconds.start) * 1000))
    }
}
