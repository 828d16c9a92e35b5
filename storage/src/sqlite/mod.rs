//! SQLite: one file, one thread that writes, a few that read.
//!
//! Absent on purpose: a connection pool for writing (SQLite has one writer, and a thread of our own can group
//! commits), and any rule beyond the conditions of the guarded updates.

mod attempt;
mod belongings;
mod client;
mod column;
mod consent;
mod fault;
mod grant;
mod guarded;
mod home;
mod location;
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

pub use location::{Location, Migration};
pub use store::Sqlite;
