//! Client authentication (RFC 6749 §2.3): which credentials came, and whether they are the client's.

pub mod credentials;
pub mod secret;

pub use credentials::Credentials;
