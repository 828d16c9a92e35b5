//! A store as a file, to move it to another backend: JSON lines, sorted by kind and id, so that two exports of
//! one state are the same bytes. Goes through nothing but [`storage::Store`], so every backend can be either end.
//! In memory are clients, denied tokens, the ids of all users (in an import with the skeletons of their names), and
//! everything of the few users whose turn it is.
//!
//! Absent on purpose: counters of failed attempts, what has expired, the versions of ring documents, which count a
//! store's own writes, and skeletons, which follow from names.

mod begin;
mod export;
mod format;
mod import;
mod tally;
mod walk;

pub use export::export;
pub use format::{Counts, Entry, Records};
pub use import::{Imported, Stage, import};
