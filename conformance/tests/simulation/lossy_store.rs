//! A store that loses calls before or after they are done, sends them again as an SDK does that heard nothing, and
//! delays them so that others come first.

use conformance::Rng;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::tap::{Observer, Operation, Way};
use storage::{StoreError, StoreErrorKind};

/// The steps of a refresh.
const STEPS: [&str; 3] = ["load_grant", "rotate_refresh", "revoke_grant"];

/// How calls of the store are lost and delayed.
pub(crate) struct LossyStore {
    rng: Rng,
    loss: AtomicU64,
}

impl LossyStore {
    /// Loses nothing yet.
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, loss: AtomicU64::new(0) }
    }

    /// From now on `loss` in a hundred calls are lost.
    pub(crate) fn lose(&self, loss: u64) {
        self.loss.store(loss, Ordering::SeqCst);
    }

    fn is_lost(&self, call: Operation) -> bool {
        STEPS.contains(&call.name) && self.rng.chance(self.loss.load(Ordering::SeqCst))
    }

    fn carry(&self, call: Operation) -> Result<(), StoreError> {
        let lost = StoreError::new(StoreErrorKind::Unavailable, call.name, "lost on the way");
        if self.is_lost(call) { Err(lost) } else { Ok(()) }
    }
}

impl Observer for LossyStore {
    fn before(&self, call: Operation) -> Result<(), StoreError> {
        self.carry(call)
    }

    fn after(&self, call: Operation) -> Result<(), StoreError> {
        self.carry(call)
    }

    fn way(&self, call: Operation) -> Way {
        match STEPS.contains(&call.name) {
            true if self.is_lost(call) => Way::Again,
            true if self.rng.chance(50) => Way::Late,
            _ => Way::Straight,
        }
    }
}
