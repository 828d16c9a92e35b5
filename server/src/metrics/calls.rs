//! Calls of the store and of KMS.

use super::histogram::{Durations, Histogram};
use keys::kms::meter::{self, CALLS, Outcome};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::StoreErrorKind;
use storage::metered::Meter;

/// The calls of one operation of the store.
#[derive(Debug, Default)]
pub struct StoreCalls {
    ok: AtomicU64,
    busy: AtomicU64,
    unavailable: AtomicU64,
    corrupt: AtomicU64,
    took: Histogram,
}

impl Meter for StoreCalls {
    fn note(&self, took: Duration, failed: Option<StoreErrorKind>) {
        let count = match failed {
            None => &self.ok,
            Some(StoreErrorKind::Busy) => &self.busy,
            Some(StoreErrorKind::Unavailable) => &self.unavailable,
            Some(StoreErrorKind::Corrupt) => &self.corrupt,
        };
        count.fetch_add(1, Relaxed);
        self.took.note(took);
    }
}

impl StoreCalls {
    /// How many ended how.
    pub(super) fn each(&self) -> [(&'static str, u64); 4] {
        let of = |count: &AtomicU64| count.load(Relaxed);
        [
            ("ok", of(&self.ok)),
            ("busy", of(&self.busy)),
            ("unavailable", of(&self.unavailable)),
            ("corrupt", of(&self.corrupt)),
        ]
    }

    /// How long they took.
    pub(super) fn took(&self) -> Durations {
        self.took.read()
    }

    /// How many failed.
    pub(super) fn failed(&self) -> u64 {
        let [_, failed @ ..] = self.each();
        failed.iter().map(|(_, count)| count).sum()
    }
}

/// The calls of KMS.
#[derive(Debug, Default)]
pub struct KmsCalls([OneCall; CALLS.len()]);

#[derive(Debug, Default)]
struct OneCall {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    took: Histogram,
}

impl meter::Meter for KmsCalls {
    fn note(&self, call: &'static str, took: Duration, outcome: Outcome) {
        let at = CALLS.iter().position(|known| *known == call);
        let Some(call) = at.and_then(|at| self.0.get(at)) else { return };
        if let Some(count) = call.outcomes.get(outcome as usize) {
            count.fetch_add(1, Relaxed);
        }
        call.took.note(took);
    }
}

impl KmsCalls {
    /// The calls by name: how many ended how, and how long they took.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, [(Outcome, u64); 5], Durations)> {
        CALLS.into_iter().zip(&self.0).map(|(name, call)| {
            let count = |outcome: Outcome| call.outcomes.get(outcome as usize).map_or(0, |n| n.load(Relaxed));
            (name, Outcome::ALL.map(|outcome| (outcome, count(outcome))), call.took.read())
        })
    }

    /// How many failed.
    pub(super) fn failed(&self) -> u64 {
        let each = self.each().flat_map(|(_, outcomes, _)| outcomes);
        each.filter(|(outcome, _)| *outcome != Outcome::Ok).map(|(_, count)| count).sum()
    }
}
