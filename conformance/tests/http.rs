//! Every case, sent through the HTTP listener.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use conformance::Harness;

const HARNESS: Harness = Harness::Http;

#[path = "cases/mod.rs"]
mod cases;
