//! Revocation (RFC 7009): the tokens that a client may revoke. For other tokens the answer is the same (§2.2).

use crate::claims::access_token::VerifiedAccessToken;
use crate::client::Client;
use crate::grant::Grant;
use crate::issuer::Issuer;
use crate::time::Timestamp;

/// §2.1: only the client that a refresh token was issued to may revoke it, and its grant with it, unless it is revoked
/// already.
pub fn ends_grant(client: &Client, grant: &Grant) -> bool {
    grant.client == client.id && grant.revoked.is_none()
}

/// §2.1: only the client that an access token was issued to may revoke it, as long as it has not expired.
pub fn denies(client: &Client, claims: &VerifiedAccessToken, issuer: &Issuer, now: Timestamp) -> bool {
    claims.client_id == client.id && claims.is_current(issuer, now)
}
