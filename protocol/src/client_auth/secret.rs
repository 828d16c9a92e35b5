//! Checks credentials against the client's record.

use super::Credentials;
use crate::client::Client;
use crate::refusal::Refusal;
use crate::secret::{Digest, SecretKind};
use crate::time::Timestamp;

/// Authenticates a client.
///
/// # Errors
/// [`Refusal::ClientAuthentication`] for every failure: the client is unknown or disabled, the method is not the
/// registered one, or the secret is wrong or has expired.
pub fn authenticate(
    credentials: &Credentials,
    client: Option<&Client>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let client = client.filter(|client| client.id == *credentials.client_id() && !client.disabled);
    let client = client.ok_or(Refusal::ClientAuthentication)?;
    // RFC 7591 §2: the registered method is the only one (OIDC Core §9).
    if client.auth_method != credentials.method() {
        return Err(Refusal::ClientAuthentication);
    }
    match credentials {
        Credentials::None { .. } => Ok(()),
        Credentials::Basic { client_secret, .. } | Credentials::Post { client_secret, .. } => {
            check_secret(client, client_secret, now)
        }
    }
}

fn check_secret(client: &Client, client_secret: &str, now: Timestamp) -> Result<(), Refusal> {
    let digest = Digest::of(SecretKind::ClientSecret, client_secret.as_bytes());
    let live = |expires_at: Option<Timestamp>| expires_at.is_none_or(|at| !at.has_passed(now));
    let known = client.secrets.iter().any(|own| own.digest == digest && live(own.expires_at));
    if known { Ok(()) } else { Err(Refusal::ClientAuthentication) }
}
