//! The store: each operation within its deadline.

use super::connect::{self, Patience};
use super::fault::Fault;
use super::table::Table;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use async_trait::async_trait;
use protocol::id::Realm;
use tokio::time::timeout;

/// Steps of as many calls as somebody's records take: each call has its deadline, and all together the request.
const UNHURRIED: [&str; 2] = ["belongings", "delete_belongings"];

/// A realm in a DynamoDB table.
pub struct DynamoDb(pub(super) Table);

impl DynamoDb {
    /// The realm in the table of this name; region, credentials and endpoint are the surroundings'. Asks nothing
    /// of the table yet.
    pub async fn open(table: &str, realm: Realm, patience: Patience) -> Result<Self, StoreError> {
        let client = connect::client(patience).await.map_err(|fault| fault.in_step("open"))?;
        Ok(Self::over(client, table, realm, patience))
    }

    /// The same over a client of the caller's own, whose calls have their deadlines already.
    pub fn over(client: aws_sdk_dynamodb::Client, table: &str, realm: Realm, patience: Patience) -> Self {
        Self(Table { client, name: table.to_owned(), realm, limit: patience.step() })
    }
}

impl Table {
    /// A step is some calls, and each may come to be tried again: what takes too long together is busy, too.
    pub(super) async fn in_time<T>(
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
    (
        $(#[$about:meta])* trait $trait:ident $(: $base:ident)?;
        $($(#[$doc:meta])* $access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+
    ) => {
        #[async_trait]
        impl $trait for DynamoDb {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.0.in_time(stringify!($name), self.0.$name($($arg),*)).await
            }
        )+}
    };
}

operations!(by_calls);
