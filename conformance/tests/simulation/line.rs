//! The line between the server and its store. What it carries gets lost before it is done or after, is sent again
//! by an SDK that heard nothing, and lets others go first.

use conformance::Luck;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::tap::{Call, Observer, Way};
use storage::{StoreError, StoreErrorKind};

/// The steps of a refresh.
const STEPS: [&str; 3] = ["load_grant", "rotate_refresh", "revoke_grant"];

/// A line with its luck.
pub(crate) struct Line {
    luck: Luck,
    loss: AtomicU64,
}

impl Line {
    /// A line that loses nothing yet.
    pub(crate) fn new(luck: Luck) -> Self {
        Self { luck, loss: AtomicU64::new(0) }
    }

    /// From now on `loss` in a hundred calls are lost.
    pub(crate) fn lose(&self, loss: u64) {
        self.loss.store(loss, Ordering::SeqCst);
    }

    fn strikes(&self, call: Call) -> bool {
        STEPS.contains(&call.name) && self.luck.strikes(self.loss.load(Ordering::SeqCst))
    }

    fn carry(&self, call: Call) -> Result<(), StoreError> {
        let lost = StoreError::new(StoreErrorKind::Unavailable, call.name, "lost on the line");
        if self.strikes(call) { Err(lost) } else { Ok(()) }
    }
}

impl Observer for Line {
    fn before(&self, call: Call) -> Result<(), StoreError> {
        self.carry(call)
    }

    fn after(&self, call: Call) -> Result<(), StoreError> {
        self.carry(call)
    }

    fn way(&self, call: Call) -> Way {
        match STEPS.contains(&call.name) {
            true if self.strikes(call) => Way::Again,
            true if self.luck.strikes(50) => Way::Late,
            _ => Way::Straight,
        }
    }
}
