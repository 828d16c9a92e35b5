//! Durations, counted by how long they are.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The upper bounds of the buckets in microseconds; the last bucket has none.
pub(super) const BOUNDS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Durations by bucket, and their sum.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// The numbers of a histogram at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Durations {
    /// How many are at most as long as each bound, and how many there are.
    pub(super) up_to: [u64; BOUNDS.len() + 1],
    /// Their sum.
    pub(super) nanoseconds: u64,
}

impl Histogram {
    /// Notes a duration.
    pub fn note(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let microseconds = nanoseconds.div_ceil(1_000);
        let bucket = BOUNDS.iter().position(|bound| microseconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }

    /// The numbers now.
    pub(super) fn read(&self) -> Durations {
        let (mut up_to, mut sum) = ([0; BOUNDS.len() + 1], 0_u64);
        for (total, count) in up_to.iter_mut().zip(&self.buckets) {
            sum = sum.wrapping_add(count.load(Relaxed));
            *total = sum;
        }
        Durations { up_to, nanoseconds: self.nanoseconds.load(Relaxed) }
    }
}

impl Durations {
    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        let [.., all] = self.up_to;
        all
    }
}
