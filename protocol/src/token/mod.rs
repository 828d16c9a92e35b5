//! The token endpoint's decisions (RFC 6749 §4.1.3, §4.4, §5).

pub mod client_credentials;
pub mod code;
