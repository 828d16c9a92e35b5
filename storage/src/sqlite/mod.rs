//! SQLite: one file, one thread that writes, a few that read.
//!
//! Absent on purpose: a pool of connections that write (SQLite has one writer, and a single thread can group commits),
//! and any rule beyond the conditions of the guarded writes.

mod attempt;
mod backend;
mod belongings;
mod client;
mod column;
mod consent;
mod database_file;
mod fault;
mod grant;
mod group;
mod guarded;
mod location;
mod member;
mod operation;
mod queue;
mod readers;
mod realm;
mod schema;
mod session;
mod skeleton;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod token;
mod user;
mod writer;

pub use backend::SqliteBackend;
pub use location::Location;
pub use store::Sqlite;
