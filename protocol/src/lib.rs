//! The rules of OAuth 2.0 and OpenID Connect as values and functions.
//!
//! No I/O, no async, no clock, no randomness: time and random bytes come in as values, decisions go out as
//! values. The crate's manifest lists nothing that could do otherwise. A handler loads records, calls one
//! function here, commits what it returns and responds.

pub mod armor;
pub mod attempts;
pub mod authority;
pub mod authorize;
mod bad_name;
pub mod base64url;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod client_tokens;
pub mod consent;
pub mod device;
pub mod discovery;
pub mod error;
pub mod event;
pub mod evidence;
pub mod field;
pub mod flow;
pub mod forwarded;
pub mod generation;
pub mod grant;
pub mod group;
mod host;
pub mod id;
pub mod introspection;
pub mod issuer;
pub mod json;
pub mod jwk;
pub mod jwt;
pub mod lifetimes;
pub mod logout;
mod lookalike;
pub mod name;
pub mod origin;
pub mod params;
pub mod pkce;
pub mod redirect;
pub mod redirect_uri;
pub mod refusal;
pub mod revocation;
#[cfg(feature = "samples")]
pub mod samples;
pub mod scope;
pub mod secret;
pub mod session;
pub mod shown;
pub mod time;
pub mod token;
pub mod user;

pub use refusal::Refusal;
