//! DynamoDB: one table, no secondary index, one item a record.
//!
//! | `pk` | `sk` | record |
//! |---|---|---|
//! | `main#META` | `ISSUER` | the issuer the store belongs to |
//! | `main#RING` | `RING`, `RETIRED_KEYS` | a document of the key ring |
//! | `main#CLIENT#id` | `CLIENT` | a client |
//! | `main#USER#id` | `USER` | a user, with the keys of the identifiers that lead there |
//! | | `SESSION#id`, `GRANT#id`, `CONSENT#client` | what the user has: one query finds it all |
//! | `main#IDENT#kind#digest` | `IDENT` | whom a name or address leads to |
//! | `main#DENY#digest` | `DENY` | an access token that is denied |
//! | `main#RATE#kind#digest` | `RATE` | a counter of failed attempts |
//!
//! `main` is the realm. Attributes bear the names of the record's fields, with objects as maps; the ids in the
//! key are not repeated. Besides: `v` (the record's format), `last_request` (the call that wrote it last), `ttl`
//! (seconds; DynamoDB deletes by itself, days later, and nothing depends on it), and with a grant whose code is
//! not redeemed `ttl_redeemed`, what `ttl` becomes then.
//!
//! A step that can lose is one conditional write whose refusal brings the old item along. The SDK repeats writes
//! whose answer it didn't get: such a write finds its own request id and knows that it was done. Every read is
//! strongly consistent. Users and their names go together in a transaction.
//!
//! Absent on purpose: a secondary index, reading the whole table on behalf of a request (only operators' lists
//! do), and making the table: that is `storage migrate`'s or the deployment's.

mod again;
mod attempt;
mod attribute;
mod belongings;
mod call;
mod client;
pub(crate) mod connect;
mod consent;
mod fault;
mod grant;
mod item;
mod realm;
mod schema;
mod session;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod transaction;
mod user;

pub use connect::Patience;
pub use store::DynamoDb;
