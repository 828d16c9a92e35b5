//! The rules as request in, verdict out, each negative test named by its case number.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod authorize;
mod client;
mod introspection;
mod kept;
mod logout;
mod origin;
mod refresh;
mod samples;
mod token;
