//! The store: each operation within its deadline.

use super::connect::{self, Patience};
use super::fault::Fault;
use super::table::Table;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use async_trait::async_trait;
use protocol::id::Realm;
use tokio::time::timeout;

/// Operations without a deadline of their own, as they make as many calls as the user's records take. Each call has its
/// deadline, and so has the request.
const UNLIMITED: [&str; 2] = ["belongings", "delete_belongings"];

/// A realm in a DynamoDB table.
pub struct DynamoDb(pub(super) Table);

impl DynamoDb {
    /// The realm in the table of this name, with region, credentials and endpoint of the environment, as every AWS
    /// program takes them. Makes no call to the table yet.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable) if no region or no credentials are found.
    pub async fn open(table: &str, realm: Realm, patience: Patience) -> Result<Self, StoreError> {
        let client = connect::client(patience).await.map_err(|fault| fault.during("open"))?;
        Ok(Self::over(client, table, realm, patience))
    }

    /// The same with a given client, whose calls have their deadlines already.
    pub fn over(client: aws_sdk_dynamodb::Client, table: &str, realm: Realm, patience: Patience) -> Self {
        Self(Table { client, name: table.to_owned(), realm, deadline: patience.operation() })
    }
}

impl Table {
    /// Runs an operation within its deadline. It makes several calls, and the SDK may retry each; together they are
    /// `Busy` if they take too long.
    pub(super) async fn in_time<T>(
        &self,
        name: &'static str,
        operation: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        let done = match self.deadline.filter(|_| !UNLIMITED.contains(&name)) {
            None => operation.await,
            Some(limit) => {
                let late = |_| Err(Fault::busy("the table answers too slowly"));
                timeout(limit, operation).await.unwrap_or_else(late)
            }
        };
        done.map_err(|fault| fault.during(name))
    }

    /// DynamoDB doesn't report other processes' writes.
    async fn change_mark(&self) -> Result<u64, Fault> {
        Ok(0)
    }

    /// DynamoDB deletes expired records itself.
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
