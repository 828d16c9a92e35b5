//! What DynamoDB promises beyond the contract, and the contract.

use crate::Store;
use crate::contract::local_aws;
use std::sync::Arc;

contract!(on_a_table, empty);

async fn empty() -> Arc<dyn Store> {
    local_aws::empty().await
}
