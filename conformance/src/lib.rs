//! Black-box tests of the whole product. This library is what they share: a server of their own with a clock that
//! stands still, a browser that keeps cookies, a client that knows its secret. `conformance/README.md` is the map of
//! the tests.
//!
//! Nothing here knows a rule of OAuth: it sends requests and shows the answers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

pub mod account;
mod answer;
mod binary;
mod browser;
pub mod fuzzed;
pub mod lambda;
mod log;
pub mod plans;
pub mod ports;
pub mod process;
mod request;
mod rng;
mod snapshot;
mod world;

pub use answer::{Answer, claims, header};
pub use binary::keyward_binary;
pub use browser::Browser;
pub use log::Log;
pub use request::{CHALLENGE, FORM, REDIRECT, VERIFIER, With, basic, form, get, post, query};
pub use rng::Rng;
pub use world::{BEGIN, Harness, PASSWORD, Party, World, over_http};
