//! Token introspection (RFC 7662): which clients may introspect a token, and the answer.

use crate::claims::Audience;
use crate::claims::access_token::VerifiedAccessToken;
use crate::client::Client;
use crate::grant::{DependsOn, Grant, Refresh};
use crate::issuer::Issuer;
use crate::secret::Digest;
use crate::time::Timestamp;
use crate::user::User;
use serde::Serialize;

/// RFC 7662 §2.2: the answer for every token that is not active, whatever the reason.
pub const INACTIVE: &str = r#"{"active":false}"#;

/// The answer for an active token.
#[derive(Debug, Serialize)]
pub struct Active<'a> {
    active: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: u64,
    iat: u64,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a Audience<String>>,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
}

impl<'a> Active<'a> {
    /// The answer for an access token.
    pub fn access_token(claims: &'a VerifiedAccessToken, issuer: &'a Issuer) -> Self {
        Self {
            active: true,
            scope: claims.scope.as_str(),
            client_id: claims.client_id.as_str(),
            token_type: Some("Bearer"),
            exp: claims.expires_at().seconds(),
            iat: claims.issued_at().seconds(),
            sub: &claims.sub,
            aud: Some(claims.audience()),
            iss: issuer.as_str(),
            jti: Some(&claims.jti),
        }
    }

    /// The answer for a refresh token.
    pub fn refresh_token(grant: &'a Grant, tip: &Refresh, user: &'a User, issuer: &'a Issuer) -> Self {
        Self {
            active: true,
            scope: grant.scope.as_str(),
            client_id: grant.client.as_str(),
            token_type: None,
            exp: tip.idle_expires_at.min(tip.expires_at).seconds(),
            iat: tip.rotated_at.unwrap_or(grant.created_at).seconds(),
            sub: user.subject.as_str(),
            aud: None,
            iss: issuer.as_str(),
            jti: None,
        }
    }
}

/// RFC 7662 §2.1, §4: only the client that a token was issued to and the resource servers in its audience may
/// introspect it.
pub fn may_ask_about(client: &Client, claims: &VerifiedAccessToken) -> bool {
    claims.client_id == client.id || client.resources.iter().any(|own| claims.audience().contains(own))
}

/// RFC 7662 §2.2: a refresh token is active for the client it was issued to if it is the newest of its grant, the grant
/// is alive and the token has not expired.
pub fn active_tip<'a>(
    token: &Digest,
    grant: &'a Grant,
    on: &DependsOn<'_>,
    now: Timestamp,
) -> Option<&'a Refresh> {
    let alive = grant.is_alive(on, now);
    let tip = grant.refresh.as_ref().filter(|tip| alive && tip.digest == *token)?;
    (!tip.idle_expires_at.min(tip.expires_at).has_passed(now)).then_some(tip)
}
