//! Libraries of relying parties, unmodified: `openidconnect` and `oauth2` run the flows over HTTP. And ours for the APIs
//! behind us, `guard`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod client_credentials;
mod resource_server;
mod sign_in;
mod transport;
mod verifiers;
