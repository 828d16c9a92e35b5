//! The token endpoint's decisions (RFC 6749 §4.1.3, §4.4) and its answer (§5.1).

pub mod client_credentials;
pub mod code;
mod response;

pub use response::{TokenResponse, TokenType};
