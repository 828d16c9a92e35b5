//! Revocation (RFC 7009): what a client may take back. What it may not take back is answered alike (§2.2).

use crate::claims::access_token::VerifiedAccessToken;
use crate::client::Client;
use crate::grant::Grant;
use crate::issuer::Issuer;
use crate::time::Timestamp;

/// §2.1: a refresh token is revoked, and its grant with it, by the client it was issued to; once.
pub fn ends_grant(client: &Client, grant: &Grant) -> bool {
    grant.client == client.id && grant.revoked.is_none()
}

/// §2.1: an access token is denied by the client it was issued to, as long as it would be good for anything.
pub fn denies(client: &Client, claims: &VerifiedAccessToken, issuer: &Issuer, now: Timestamp) -> bool {
    claims.client_id == client.id && claims.is_current(issuer, now)
}
