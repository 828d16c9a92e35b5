//! What can be wrong with a verifier's settings.

use crate::cache::MIN_SECRET;
use std::fmt;

/// What is wrong with a verifier's configuration.
#[derive(Clone, PartialEq, Eq)]
pub enum Misconfigured {
    /// There is no issuer.
    NoIssuer,
    /// An issuer is named twice.
    Twice(String),
    /// An issuer has no audience: tokens for any API would be accepted.
    NoAudience(String),
    /// An issuer has no algorithm.
    NoAlgorithm(String),
    /// A URL is not https, or has a user name.
    Url(String),
    /// The embedded keys of an issuer are not a JWK Set with a usable key.
    Keys(String),
    /// The secret of the cache is shorter than 32 bytes.
    CacheSecret,
    /// The URL of the cache can't be used.
    CacheUrl,
    /// An issuer has neither a transport nor embedded keys, or introspection without a transport.
    NoTransport(String),
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIssuer => f.write_str("no issuer is named: call Builder::issuer"),
            Self::Twice(name) => {
                write!(f, "{name} is named twice: give one Issuer several audiences instead")
            }
            Self::NoAudience(name) => {
                write!(f, "{name} has no audience: call Issuer::audience with the API's identifier")
            }
            Self::NoAlgorithm(name) => {
                write!(f, "{name} has no algorithm: call Issuer::algorithms with at least one")
            }
            Self::Url(url) => {
                write!(f, "{url} is not a URL with https: plain http is for issuers on localhost only")
            }
            Self::Keys(name) => {
                write!(
                    f,
                    "the embedded keys of {name} are not a JWK Set with a usable key: save what its jwks_uri serves"
                )
            }
            Self::CacheSecret => {
                write!(f, "the secret of the cache is too short: give it {MIN_SECRET} random bytes")
            }
            Self::CacheUrl => f.write_str(
                "the URL of the cache can't be used: write redis://host:port; TLS is not supported",
            ),
            Self::NoTransport(name) => {
                write!(f, "{name} can't be fetched from: turn on the feature `https`, or call Issuer::fetch")
            }
        }
    }
}

/// `main` prints an error by this, so it is the message.
impl fmt::Debug for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Misconfigured {}
