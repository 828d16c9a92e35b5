//! Checks credentials against the client's record.

use super::Credentials;
use crate::client::Client;
use crate::refusal::Refusal;
use crate::secret::{Digest, SecretKind};
use crate::time::Timestamp;
use zeroize::Zeroizing;

/// Authenticates a client.
///
/// # Errors
/// [`Refusal::CredentialsUnknown`], [`Refusal::CredentialsDisabled`], [`Refusal::AuthMethodWrong`],
/// [`Refusal::SecretWrong`], [`Refusal::SecretExpired`]: one answer for all, and for the log the reason.
pub fn authenticate(
    credentials: &Credentials,
    client: Option<&Client>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let client = client.filter(|client| client.id == *credentials.client_id());
    let client = client.ok_or(Refusal::CredentialsUnknown)?;
    if client.disabled {
        return Err(Refusal::CredentialsDisabled);
    }
    // RFC 7591 §2: the registered method is the only one (OIDC Core §9).
    if client.auth_method != credentials.method() {
        return Err(Refusal::AuthMethodWrong);
    }
    match credentials {
        Credentials::None { .. } => Ok(()),
        Credentials::Post { client_secret, .. } => check_secret(client, client_secret, now),
        Credentials::Basic { client_secret, unencoded, .. } => {
            let decoded = check_secret(client, client_secret, now);
            let as_sent = |secret: &Zeroizing<String>| check_secret(client, secret, now);
            unencoded.as_ref().filter(|_| decoded == Err(Refusal::SecretWrong)).map_or(decoded, as_sent)
        }
    }
}

fn check_secret(client: &Client, client_secret: &str, now: Timestamp) -> Result<(), Refusal> {
    let digest = Digest::of(SecretKind::ClientSecret, client_secret.as_bytes());
    let is_live = |expires_at: Option<Timestamp>| expires_at.is_none_or(|at| !at.has_passed(now));
    let mut same = client.secrets.iter().filter(|own| own.digest == digest).peekable();
    same.peek().ok_or(Refusal::SecretWrong)?;
    if same.any(|own| is_live(own.expires_at)) { Ok(()) } else { Err(Refusal::SecretExpired) }
}
