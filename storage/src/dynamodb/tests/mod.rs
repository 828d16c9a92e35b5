//! What DynamoDB promises beyond the contract, and the contract.

use super::connect::{self, Patience};
use super::store::DynamoDb;
use super::{attribute, item};
use crate::contract::newer::kind_of;
use crate::contract::wire::{Mishap, Wire};
use crate::contract::{local_aws, ministack};
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

// The same on an emulator that this project did not write. It is slow, and handles one call after another, so that
// 20 rounds of a race show no more than a few.
contract!(on_ministack, empty_on_ministack, rounds: 4);

async fn empty_on_ministack() -> Option<Arc<dyn Store>> {
    Some(ministack::available()?.empty().await)
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
