//! Where a SQLite store is.

use std::path::PathBuf;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In this process only, on one connection; gone when it is dropped.
    Memory,
}

/// A migration that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The schema before; 0 if there was no store.
    pub from: i64,
    /// The schema now.
    pub to: i64,
}
