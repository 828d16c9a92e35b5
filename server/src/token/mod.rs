//! The grant types of the token endpoint, one file each, and what they share.

pub mod access;
pub mod client_credentials;
pub mod code;
mod consequence;
mod issue;
pub mod refresh;
pub mod sealed;
