//! How often each caller called each operation. Refused calls count, and calls that a fault hits.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Calls by operation.
pub(crate) type Counts = BTreeMap<String, u64>;

#[derive(Default)]
pub(crate) struct Calls(Mutex<HashMap<String, Counts>>);

impl Calls {
    pub(crate) fn count(&self, access_key: &str, operation: &str) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = calls.entry(access_key.to_owned()).or_default();
        *own.entry(operation.to_owned()).or_default() += 1;
    }

    pub(crate) fn of(&self, access_key: &str) -> Counts {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.get(access_key).cloned().unwrap_or_default()
    }

    pub(crate) fn reset(&self, access_key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(access_key);
    }
}
