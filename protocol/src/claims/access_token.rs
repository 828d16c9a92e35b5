//! Access tokens (RFC 9068 §2.2). No `nbf`: gateways compare it to the second, and `iat` says the same.

use crate::id::ClientId;
use crate::issuer::Issuer;
use crate::lifetimes::Lifetimes;
use crate::time::Timestamp;
use crate::token::client_credentials::Allowed;
use serde::Serialize;

/// The claims of a token a client got for itself.
#[derive(Debug, Serialize)]
pub struct ClientToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    iat: u64,
    jti: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

impl<'a> ClientToken<'a> {
    /// Issues at `now`; `jti` is random. RFC 9068 §2.2: where no user took part, `sub` is the client.
    pub fn new(
        allowed: &'a Allowed,
        client: &'a ClientId,
        issuer: &'a Issuer,
        lifetimes: &Lifetimes,
        jti: &'a str,
        now: Timestamp,
    ) -> Self {
        let iat = now.seconds();
        Self {
            iss: issuer.as_str(),
            sub: client.as_str(),
            aud: allowed.audience.as_deref().unwrap_or(issuer.as_str()),
            exp: iat.saturating_add(lifetimes.access_token.as_secs()),
            iat,
            jti,
            client_id: client.as_str(),
            scope: allowed.scope.as_str(),
        }
    }
}
