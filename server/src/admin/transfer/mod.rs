//! A store as a file, to move it to another backend: JSON lines, sorted by kind and id, so that two exports of
//! one state are the same bytes. Goes through nothing but [`storage::Store`], so every backend can be either end.
//!
//! Absent on purpose: counters of failed attempts, what has expired, and the versions of ring documents, which
//! count a store's own writes.

mod export;
mod import;
mod line;

pub use export::export;
pub use import::{Imported, import};
pub use line::{Contents, Entry};

use crate::admin::AdminError;
use std::collections::BTreeMap;
use storage::StoreError;
use tokio::task::JoinSet;

/// How many records of each kind there are.
pub type Counts = BTreeMap<String, u64>;

/// Calls to a store at once.
const AT_ONCE: usize = 32;

/// Waits until fewer than [`AT_ONCE`] calls are under way, or until none is; `done` gets what came of each.
async fn settle<T: Send + 'static>(
    calls: &mut JoinSet<Result<T, AdminError>>,
    all: bool,
    mut done: impl FnMut(T),
) -> Result<(), AdminError> {
    while calls.len() >= if all { 1 } else { AT_ONCE } {
        let Some(ended) = calls.join_next().await else { return Ok(()) };
        let stopped = |error| {
            AdminError::Store(StoreError::new(storage::StoreErrorKind::Unavailable, "transfer", error))
        };
        done(ended.map_err(stopped)??);
    }
    Ok(())
}

fn refused(mend: impl Into<String>) -> AdminError {
    AdminError::Refused(mend.into())
}
