//! Every case, sent as events of an AWS Lambda function URL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use conformance::Harness;

const HARNESS: Harness = Harness::Lambda;

#[path = "cases/mod.rs"]
mod cases;
