//! What DynamoDB promises beyond the contract, and the contract.

use super::connect::{self, Patience};
use super::store::DynamoDb;
use super::{attribute, item};
use crate::contract::local_aws;
use crate::contract::newer::kind_of;
use crate::contract::wire::{Mishap, Wire};
use crate::signature::*;
use crate::{Store, StoreErrorKind, Transfer};
use protocol::id::Realm;
use std::sync::Arc;

mod bounded;
mod earlier;
mod newer;
mod sent;
mod size;
mod table;

contract!(on_a_table, empty);

async fn empty() -> Arc<dyn Store> {
    local_aws::empty().await
}

/// An empty store.
async fn store() -> DynamoDb {
    local_aws::empty_over(None).await.unwrap()
}

/// An empty store, and the connection to it.
async fn store_on_a_wire() -> (DynamoDb, Wire) {
    let wire = Wire::new();
    let store = local_aws::empty_over(Some(wire.client())).await.unwrap();
    wire.take();
    (store, wire)
}
