//! A store in memory, for tests and for reading: what each operation means, without a database in the way.

mod grants;
mod groups;
mod realm;
mod sessions;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod users;

pub use store::Memory;
