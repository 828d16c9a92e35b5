//! Limits of one process, for what costs a read and nothing else. Shared limits are in storage
//! ([`crate::attempts`]).

use protocol::attempts::{AttemptKey, Limit};
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many callers are counted at most; beyond, counting begins anew.
const MOST: usize = 10_000;

/// Counters of one kind.
pub struct Limiter {
    limit: Limit,
    debts: Mutex<HashMap<AttemptKey, Timestamp>>,
}

impl Limiter {
    /// With nothing counted.
    pub fn new(limit: Limit) -> Self {
        Self { limit, debts: Mutex::default() }
    }

    /// How long this caller has to wait, if it has.
    pub fn wait(&self, caller: &AttemptKey, now: Timestamp) -> Option<Duration> {
        let debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.wait(*debts.get(caller)?, now)
    }

    /// Counts one.
    pub fn count(&self, caller: AttemptKey, now: Timestamp) {
        let mut debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        if debts.len() >= MOST && !debts.contains_key(&caller) {
            debts.clear();
        }
        let debt = debts.entry(caller).or_default();
        *debt = (*debt).max(now).plus(self.limit.interval);
    }
}
