//! Every case and every module of the conformance suite with the store on DynamoDB, and the calls that are made to it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use conformance::Harness;

const HARNESS: Harness = Harness::DynamoDb;

#[path = "cases/mod.rs"]
mod cases;

#[path = "dynamodb/mod.rs"]
mod dynamodb;

#[path = "oidc/mod.rs"]
mod oidc;
