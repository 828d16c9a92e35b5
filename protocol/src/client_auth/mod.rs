//! Client authentication (RFC 6749 §2.3): reading credentials, and checking them.

pub mod credentials;
pub mod secret;

pub use credentials::Credentials;
