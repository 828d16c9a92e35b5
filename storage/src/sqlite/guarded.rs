//! How transactions begin and end, and how a guarded write in one ends.

use crate::stored::Stored;
use crate::{Commit, Stamp};
use rusqlite::Connection;

/// Begins or ends a transaction; parsed once for each connection.
pub(super) fn control(db: &Connection, text: &str) -> rusqlite::Result<()> {
    db.prepare_cached(text)?.execute(()).map(drop)
}

/// How a guarded write ended: by the rows it changed, else by what is there instead.
pub(super) fn settle<T>(
    changed: usize,
    stamp: &Stamp,
    read: impl FnOnce() -> rusqlite::Result<Option<Stored<T>>>,
    mine: impl FnOnce(&T) -> bool,
) -> rusqlite::Result<Commit<T>> {
    if changed > 0 { Ok(Commit::Done) } else { Ok(Stored::settle(read()?, *stamp, mine)) }
}
