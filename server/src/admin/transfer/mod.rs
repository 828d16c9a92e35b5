//! A store as a file, to move it to another backend: JSON lines, sorted by kind and id, so that two exports of one state
//! are byte for byte the same. It uses only [`storage::Store`], so every backend can be source or target. Clients, denied
//! tokens and the ids of all users are in memory (in an import with the skeletons of their names), and all records of the
//! few users that are being processed.
//!
//! Absent on purpose: counters of failed attempts, what has expired, the versions of ring documents, which count a store's
//! own writes, and skeletons, which follow from names.

mod begin;
mod export;
mod format;
mod import;
mod tally;
mod walk;

pub use export::export;
pub use format::{Counts, Entry, Records};
pub use import::{Imported, Stage, import};
