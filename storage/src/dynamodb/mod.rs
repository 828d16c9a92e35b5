//! DynamoDB: one table, no secondary index, one item per record.
//!
//! | `pk` | `sk` | record |
//! |---|---|---|
//! | `main#META` | `ISSUER` | the issuer the store belongs to |
//! | `main#RING` | `RING`, `RETIRED_KEYS` | a document of the key ring |
//! | `main#CLIENT#id` | `CLIENT` | a client |
//! | `main#USER#id` | `USER` | a user, with the keys of the identifiers that lead to it |
//! | | `SESSION#id`, `GRANT#id`, `CONSENT#client` | what the user has; one query finds it all |
//! | `main#IDENT#kind#digest` | `IDENT` | the user a name or address leads to |
//! | `main#DENY#digest` | `DENY` | a denied access token |
//! | `main#RATE#kind#digest` | `RATE` | a counter of failed attempts |
//!
//! `main` is the realm. Attributes have the names of the record's fields, with objects as maps; the ids in the key
//! are not repeated. Further attributes: `v` (the record's format), `last_request` (the request that wrote it last),
//! `ttl` (in seconds; DynamoDB deletes the item within days of it, and nothing depends on when), and, in a grant whose
//! code is not redeemed, `ttl_redeemed`, which `ttl` becomes when it is.
//!
//! A step is one conditional write, which returns the old item if its condition is not met. The SDK repeats writes
//! whose answer it didn't get: such a write finds its own request id, so it knows that it took effect. Every read is
//! strongly consistent. A user and its identifiers are written in one transaction.
//!
//! Absent on purpose: a secondary index; a scan of the table on behalf of a request (only operators' lists scan);
//! and making the table, which `storage migrate` or the deployment does.

mod attempt;
mod attribute;
mod backend;
mod belongings;
mod call;
mod client;
pub(crate) mod connect;
mod consent;
mod fault;
mod grant;
mod group;
mod item;
mod realm;
mod retry;
mod schema;
mod session;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod transaction;
mod user;

pub use backend::DynamoDbBackend;
pub use connect::Patience;
pub use store::DynamoDb;
