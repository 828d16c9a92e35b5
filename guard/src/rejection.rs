//! Why a request is refused, and what the caller is told (RFC 6750 §3, RFC 9470 §3, RFC 9728 §5.1).

use http::StatusCode;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// A refused request. Nothing in it comes from the token or the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no bearer token.
    Missing,
    /// There is more than one `Authorization` header, or the header is not one of RFC 6750 §2.1.
    Malformed,
    /// The token is not valid here.
    Invalid(Reason),
    /// The token lacks this scope; empty if it lacks a permission, role or group.
    InsufficientScope(Vec<String>),
    /// The user has to sign in again: in one of these ways, or because the last sign-in is older than that.
    InsufficientAuthentication {
        /// The acceptable values of `acr`, if they are limited.
        acr_values: Vec<String>,
        /// The greatest age of the sign-in, if it is limited.
        max_age: Option<Duration>,
    },
    /// The issuer could not be asked, so nothing is known about the token.
    Unavailable,
}

/// What is wrong with a token. For the log; callers get `invalid_token` for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Longer than the verifier permits.
    TooLong,
    /// Not a signed JWT in compact form that this library reads.
    NoJwt,
    /// The claims are not one JSON object without repeated names.
    NoClaims,
    /// No issuer that is trusted here.
    Issuer,
    /// An algorithm that is not allowed for this issuer.
    Algorithm,
    /// Not an access token, by its `typ` or its claims.
    Kind,
    /// It names no key.
    NoKey,
    /// It names a key that the issuer doesn't have.
    UnknownKey,
    /// The signature is not the key's.
    Signature,
    /// It has no expiry, or a date that can't be read.
    Dates,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    TooEarly,
    /// It is for another API.
    Audience,
    /// A required claim is missing.
    Incomplete,
    /// It is bound to a key of its sender (RFC 7800), so a bearer of it proves nothing.
    Bound,
    /// The issuer says that it is not active.
    Inactive,
    /// Its claims are not those that the handler expects.
    Claims,
}

impl Rejection {
    /// The status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid(_) | Self::InsufficientAuthentication { .. } => {
                StatusCode::UNAUTHORIZED
            }
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::InsufficientScope(_) => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The value of `WWW-Authenticate`; none for a failure of ours. `metadata` is the URL of the API's metadata document
    /// (RFC 9728), if it has one.
    pub fn challenge(&self, metadata: Option<&str>) -> Option<String> {
        let mut challenge = Challenge::default();
        match self {
            // RFC 6750 §3.1: without a token, no error code is given.
            Self::Missing => {}
            Self::Malformed => challenge.add("error", "invalid_request"),
            Self::Invalid(_) => challenge.add("error", "invalid_token"),
            Self::InsufficientScope(scope) => {
                challenge.add("error", "insufficient_scope");
                challenge.add_list("scope", scope);
            }
            Self::InsufficientAuthentication { acr_values, max_age } => {
                challenge.add("error", "insufficient_user_authentication");
                challenge.add_list("acr_values", acr_values);
                if let Some(max_age) = max_age {
                    challenge.add("max_age", &max_age.as_secs().to_string());
                }
            }
            Self::Unavailable => return None,
        }
        if let Some(url) = metadata {
            challenge.add("resource_metadata", url);
        }
        Some(challenge.0)
    }
}

struct Challenge(String);

impl Default for Challenge {
    fn default() -> Self {
        Self("Bearer".to_owned())
    }
}

impl Challenge {
    /// Only characters that need no escaping in a quoted string; the values are the API's own configuration.
    fn add(&mut self, name: &str, value: &str) {
        let comma = if self.0.len() == "Bearer".len() { "" } else { "," };
        let legal = value.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'));
        let _never_fails = write!(self.0, "{comma} {name}=\"{}\"", legal.collect::<String>());
    }

    fn add_list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.add(name, &values.join(" "));
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no bearer token"),
            Self::Malformed => f.write_str("the Authorization header is malformed or repeated"),
            Self::Invalid(reason) => reason.fmt(f),
            Self::InsufficientScope(_) => f.write_str("the token doesn't allow this"),
            Self::InsufficientAuthentication { .. } => f.write_str("the user has to sign in again"),
            Self::Unavailable => f.write_str("the issuer can't be asked"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the token is too long",
            Self::NoJwt => "the token is not a signed JWT that can be verified",
            Self::NoClaims => "the token's claims are not a JSON object",
            Self::Issuer => "the token's issuer is not trusted",
            Self::Algorithm => "the token's algorithm is not allowed",
            Self::Kind => "the token is not an access token",
            Self::NoKey => "the token names no key",
            Self::UnknownKey => "the token's key is not one of the issuer's",
            Self::Signature => "the token's signature is wrong",
            Self::Dates => "the token has no expiry, or a date that can't be read",
            Self::Expired => "the token has expired",
            Self::TooEarly => "the token is not valid yet",
            Self::Audience => "the token is for another audience",
            Self::Incomplete => "the token lacks a required claim",
            Self::Bound => "the token is bound to a key of its sender, which is not verified here",
            Self::Inactive => "the issuer says that the token is not active",
            Self::Claims => "the token's claims are not those that the handler expects",
        })
    }
}

impl std::error::Error for Rejection {}
