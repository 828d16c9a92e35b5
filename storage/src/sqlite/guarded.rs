//! Transactions, and the outcome of a guarded write in one.

use crate::stored::Stored;
use crate::{Commit, Stamp};
use rusqlite::Connection;

/// Runs a statement that begins or ends a transaction; each connection parses it once.
pub(super) fn control(db: &Connection, text: &str) -> rusqlite::Result<()> {
    db.prepare_cached(text)?.execute(()).map(drop)
}

/// How a guarded write ended, by the number of rows it changed; if none, by the record that `read` finds.
pub(super) fn outcome<T>(
    changed: usize,
    stamp: &Stamp,
    read: impl FnOnce() -> rusqlite::Result<Option<Stored<T>>>,
    mine: impl FnOnce(&T) -> bool,
) -> rusqlite::Result<Commit<T>> {
    if changed > 0 { Ok(Commit::Done) } else { Ok(Stored::outcome(read()?, *stamp, mine)) }
}
