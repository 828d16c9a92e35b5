//! Reads client credentials from a request: one method only, and the client id they are for.

use crate::client::{AuthMethod, MIN_SECRET_BYTES};
use crate::id::ClientId;
use crate::params::{self, Params};
use crate::refusal::Refusal;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroizing;

/// The credentials a client presented, by method.
pub enum Credentials {
    /// `client_id` in the form, without a proof.
    None {
        /// The client it claims to be.
        client_id: ClientId,
    },
    /// HTTP Basic (RFC 6749 §2.3.1).
    Basic {
        /// The client it claims to be.
        client_id: ClientId,
        /// The secret, decoded.
        client_secret: Zeroizing<String>,
        /// The secret as it was sent, if that is different: some clients don't encode it.
        unencoded: Option<Zeroizing<String>>,
    },
    /// `client_id` and `client_secret` in the form (RFC 6749 §2.3.1).
    Post {
        /// The client it claims to be.
        client_id: ClientId,
        /// The secret, decoded.
        client_secret: Zeroizing<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, {})", self.client_id(), self.method().as_str())
    }
}

impl Credentials {
    /// Reads credentials from the `Authorization` header and the form.
    pub fn read(authorization: Option<&str>, form: &Params) -> Result<Self, Refusal> {
        let posted = form.get("client_secret").map(|text| Zeroizing::new(text.to_owned()));
        let Some(header) = authorization else {
            let client_id =
                form.get("client_id").and_then(ClientId::parse).ok_or(Refusal::CredentialsMissing)?;
            return Ok(match posted {
                None => Self::None { client_id },
                Some(client_secret) => Self::Post { client_id, client_secret },
            });
        };
        // RFC 6749 §2.3: no more than one method in a request.
        if posted.is_some() || form.get("client_assertion").is_some() {
            return Err(Refusal::SeveralAuthentications);
        }
        let user_pass = user_pass(header).ok_or(Refusal::CredentialsMalformed)?;
        let (id, secret) = split(&user_pass).ok_or(Refusal::CredentialsMalformed)?;
        let client_id = ClientId::parse(&id).ok_or(Refusal::CredentialsMalformed)?;
        // The id in the form may repeat the header's, but not differ from it.
        if form.get("client_id").is_some_and(|posted| posted != id) {
            return Err(Refusal::MalformedRequest);
        }
        let (client_secret, unencoded) = readings(secret).ok_or(Refusal::CredentialsMalformed)?;
        Ok(Self::Basic { client_id, client_secret, unencoded })
    }

    /// The client it claims to be.
    pub const fn client_id(&self) -> &ClientId {
        match self {
            Self::None { client_id } | Self::Basic { client_id, .. } | Self::Post { client_id, .. } => {
                client_id
            }
        }
    }

    /// The method by which they were presented.
    pub const fn method(&self) -> AuthMethod {
        match self {
            Self::None { .. } => AuthMethod::None,
            Self::Basic { .. } => AuthMethod::ClientSecretBasic,
            Self::Post { .. } => AuthMethod::ClientSecretPost,
        }
    }
}

/// The user-pass of HTTP Basic (RFC 7617 §2).
fn user_pass(header: &str) -> Option<Zeroizing<String>> {
    let (scheme, token) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(token.trim()).ok()?);
    let text = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0'))?;
    Some(Zeroizing::new(text.to_owned()))
}

/// The id, and the secret as it was sent. RFC 6749 §2.3.1: both are form-encoded, so there is one colon.
///
/// Looser than RFC 6749 §2.3.1, for clients that don't encode: of several colons the last one ends the id, as in
/// `urn:billing:worker`, if a whole secret comes after it; otherwise they are the secret's.
fn split(user_pass: &str) -> Option<(Cow<'_, str>, &str)> {
    let (first, rest) = user_pass.split_once(':')?;
    match user_pass.rsplit_once(':') {
        Some((id, secret)) if id != first && secret.len() >= MIN_SECRET_BYTES => Some((id.into(), secret)),
        _ => Some((params::decode(first.as_bytes()).ok()?.into(), rest)),
    }
}

/// A secret that was sent, decoded, and as it was sent if that is different: what can't be decoded was not encoded.
fn readings(sent: &str) -> Option<(Zeroizing<String>, Option<Zeroizing<String>>)> {
    let owned = || Zeroizing::new(sent.to_owned());
    match params::decode(sent.as_bytes()) {
        Ok(decoded) if decoded == sent => Some((owned(), None)),
        Ok(decoded) => Some((Zeroizing::new(decoded), Some(owned()))),
        Err(_) if sent.contains("%00") => None,
        Err(_) => Some((owned(), None)),
    }
}
