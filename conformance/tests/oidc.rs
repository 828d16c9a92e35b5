//! The modules of the OpenID Foundation's conformance suite, sent straight into the router.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use conformance::Harness;

const HARNESS: Harness = Harness::Router;

#[path = "oidc/mod.rs"]
mod oidc;
