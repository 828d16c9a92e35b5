//! A store as a file, to move it to another backend: JSON lines, sorted by kind and id, so that two exports of
//! one state are the same bytes. Goes through nothing but [`storage::Store`], so every backend can be either end.
//! In memory are clients, denied tokens, the ids of all users (in an import with the skeletons of their names), and
//! everything of the few users whose turn it is.
//!
//! Absent on purpose: counters of failed attempts, what has expired, the versions of ring documents, which count a
//! store's own writes, and skeletons, which follow from names.

mod begin;
mod export;
mod import;
mod line;
mod tally;
mod walk;

pub use export::export;
pub use import::{Imported, Stage, import};
pub use line::{Entry, Records};

use crate::admin::AdminError;
use std::collections::BTreeMap;
use std::time::Duration;
use storage::StoreErrorKind;
use tokio::time::sleep;

/// How many records of each kind there are.
pub type Counts = BTreeMap<String, u64>;

/// The pause before a busy store is asked again; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The last pause is of 51 s: a new DynamoDB table takes minutes to grow with what is asked of it.
const PAUSES_WHILE_BUSY: u32 = 10;
/// What is away for longer is not going to be back soon.
const PAUSES_WHILE_AWAY: u32 = 3;

/// Nobody waits at a browser, and to begin again costs more than to wait: a store that is busy or away is asked again.
pub(super) async fn patiently<T, E, F>(ask: impl Fn() -> F) -> Result<T, AdminError>
where
    F: Future<Output = Result<T, E>>,
    AdminError: From<E>,
{
    let mut round = 0;
    loop {
        let error = match ask().await.map_err(AdminError::from) {
            Err(AdminError::Store(error)) => error,
            answer => return answer,
        };
        let pauses = match error.kind() {
            StoreErrorKind::Busy => PAUSES_WHILE_BUSY,
            StoreErrorKind::Unavailable => PAUSES_WHILE_AWAY,
            StoreErrorKind::Corrupt => 0,
        };
        if round >= pauses {
            return Err(error.into());
        }
        sleep(FIRST_PAUSE * 2_u32.pow(round)).await;
        round += 1;
    }
}

fn refused(mend: impl Into<String>) -> AdminError {
    AdminError::Refused(mend.into())
}
