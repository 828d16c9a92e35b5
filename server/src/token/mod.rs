//! The grants of the token endpoint, one file a grant, and the signing they share.

pub mod client_credentials;
pub mod code;
mod issue;
