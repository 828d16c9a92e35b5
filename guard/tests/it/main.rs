//! The verifier against issuers of its own making, with a clock that stands still and no network but loopback.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod cache;
mod fixture;
mod introspection;
mod keys;
mod layer;
mod redis;
mod shapes;
mod tokens;
mod transport;
