//! Libraries of relying parties, unmodified: `openidconnect` and `oauth2` run the flows over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod client_credentials;
mod sign_in;
mod transport;
