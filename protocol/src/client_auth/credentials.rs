//! Reads client credentials from a request: one method only, and the client id they are for.

use crate::client::AuthMethod;
use crate::id::ClientId;
use crate::params::{self, Params};
use crate::refusal::Refusal;
use base64::{Engine, engine::general_purpose::STANDARD};
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
        let (id, client_secret) = basic(header).ok_or(Refusal::CredentialsMalformed)?;
        // The id in the form may repeat the header's, but not differ from it.
        if form.get("client_id").is_some_and(|posted| posted != id) {
            return Err(Refusal::MalformedRequest);
        }
        let client_id = ClientId::parse(&id).ok_or(Refusal::CredentialsMalformed)?;
        Ok(Self::Basic { client_id, client_secret })
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

/// RFC 6749 §2.3.1: id and secret are form-encoded before they become a user-pass (RFC 7617 §2).
fn basic(header: &str) -> Option<(String, Zeroizing<String>)> {
    let (scheme, token) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(token.trim()).ok()?);
    let colon = bytes.iter().position(|b| *b == b':')?;
    let id = params::decode(bytes.get(..colon)?).ok()?;
    let secret = params::decode(bytes.get(colon + 1..)?).ok()?;
    Some((id, Zeroizing::new(secret)))
}
