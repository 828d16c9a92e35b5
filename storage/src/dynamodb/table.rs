//! The table that holds a realm, and the client that reaches it.

use aws_sdk_dynamodb::Client;
use protocol::id::Realm;
use std::time::Duration;

/// A realm in a table. Each file implements the operations on its records.
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) realm: Realm,
    /// How long an operation may take; `None`: as long as its calls take.
    pub(super) deadline: Option<Duration>,
}
