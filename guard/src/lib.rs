//! Verifies access tokens in front of an API: signature, issuer, audience, time and scopes, without a request per call.
//!
//! - [`Verifier`] checks tokens of one or several [`Issuer`]s and returns a [`Token`] or a [`Rejection`].
//! - `Guard` (feature `tower`) is the same as a layer for axum, tonic or any other tower service; each route names what
//!   it [`Require`]s.
//! - `Caller` (feature `axum`) gives a handler the verified token and its claims as a type.
//! - `RedisCache` (feature `redis`) shares what was fetched with other processes: see [`Builder::cache`].
//!
//! Keys are fetched from the issuer or embedded, and refreshed in the background: see [`Issuer`].
//!
//! Absent on purpose: ID tokens, HMAC and encrypted tokens, tokens in the query or body (RFC 6750 §2.2 and §2.3),
//! sender-constrained tokens (`cnf`), which are refused because a bearer check would not be enough, and issuers that are
//! templates, such as Entra ID's `common`.

#[cfg(feature = "axum")]
mod axum;
mod bearer;
mod cache;
mod clock;
mod fetch;
#[cfg(feature = "https")]
mod https;
mod introspection;
mod issuer;
mod keys;
mod keyset;
#[cfg(feature = "tower")]
mod layer;
mod location;
mod metadata;
mod misconfigured;
#[cfg(feature = "redis")]
mod redis;
mod rejection;
mod require;
mod shape;
mod signature;
mod token;
mod verifier;

#[cfg(feature = "axum")]
pub use axum::Caller;
pub use bearer::bearer_token;
pub use cache::{Cache, Caching};
pub use clock::{Clock, SystemClock};
pub use fetch::{Fetch, FetchError, Fetching};
#[cfg(feature = "https")]
pub use https::Https;
pub use introspection::Introspection;
pub use issuer::Issuer;
#[cfg(feature = "tower")]
pub use layer::{Guard, GuardLayer, GuardService};
pub use metadata::ResourceMetadata;
pub use misconfigured::Misconfigured;
pub use protocol::jwk::Algorithm;
#[cfg(feature = "redis")]
pub use redis::RedisCache;
pub use rejection::{Reason, Rejection};
pub use require::{Authority, Require, group, permission, role, scope};
pub use shape::Shape;
pub use signature::PublicKey;
pub use token::Token;
pub use verifier::{Builder, Verifier};
