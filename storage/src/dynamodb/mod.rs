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

use crate::steps::steps;
use crate::{
    Belongings, Commit, DeniedToken, Document, Found, GrantLocator, GrantView, Place, RingDocument,
    SignInView, Stamp, Store, StoreError, TokenView,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client as Line;
pub use connect::Patience;
use fault::Fault;
use protocol::attempts::{AttemptKey, Limit};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::generation::Generation;
use protocol::grant::{Grant, GrantKey, Refresh, RevocationReason};
use protocol::id::{ClientId, Realm, SessionId, UserId};
use protocol::name::Identifier;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use std::time::Duration;
use tokio::time::timeout;

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
mod session;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod transaction;
mod user;

/// Steps of as many calls as somebody's records take: each call has its deadline, and all together the request.
const UNHURRIED: [&str; 2] = ["belongings", "delete_belongings"];

/// A realm in a DynamoDB table.
pub struct DynamoDb(Table);

struct Table {
    client: Line,
    name: String,
    realm: Realm,
    /// The longest that a step takes.
    limit: Option<Duration>,
}

impl DynamoDb {
    /// The realm in the table of this name; region, credentials and endpoint are the surroundings'. Asks nothing
    /// of the table yet.
    pub async fn open(table: &str, realm: Realm, patience: Patience) -> Result<Self, StoreError> {
        let client = connect::client(patience).await.map_err(|fault| fault.in_step("open"))?;
        Ok(Self::over(client, table, realm, patience))
    }

    /// The same over a client of the caller's own, whose calls have their deadlines already.
    pub fn over(client: Line, table: &str, realm: Realm, patience: Patience) -> Self {
        Self(Table { client, name: table.to_owned(), realm, limit: patience.step() })
    }
}

impl Table {
    /// A step is some calls, and each may come to be tried again: what takes too long together is busy, too.
    async fn in_time<T>(
        &self,
        name: &'static str,
        step: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        let done = match self.limit.filter(|_| !UNHURRIED.contains(&name)) {
            None => step.await,
            Some(limit) => {
                let late = |_| Err(Fault::busy("the table answers too slowly"));
                timeout(limit, step).await.unwrap_or_else(late)
            }
        };
        done.map_err(|fault| fault.in_step(name))
    }

    /// Nothing tells of other processes' writes.
    async fn change_mark(&self) -> Result<u64, Fault> {
        Ok(0)
    }

    /// DynamoDB deletes by itself.
    async fn sweep(&self, _: Timestamp) -> Result<u64, Fault> {
        Ok(0)
    }
}

macro_rules! by_calls {
    ($($access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl Store for DynamoDb {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.0.in_time(stringify!($name), self.0.$name($($arg),*)).await
            }
        )+}
    };
}

steps!(by_calls);
