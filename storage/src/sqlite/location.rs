//! Where a SQLite store is.

use std::path::PathBuf;

/// Where a SQLite store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In memory, on one connection; gone when the store is dropped.
    Memory,
}

/// The schemas before and after a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SchemaChange {
    /// The schema before; 0 if there was no store.
    pub(crate) from: i64,
    /// The schema now.
    pub(crate) to: i64,
}
