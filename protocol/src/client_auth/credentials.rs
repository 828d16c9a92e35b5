//! Reading credentials out of a request: one way at a time, and the id they are for.

use crate::client::AuthMethod;
use crate::id::ClientId;
use crate::params::{self, Params};
use crate::refusal::Refusal;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt;
use zeroize::Zeroizing;

/// What a client presented.
pub struct Credentials {
    /// Who it says it is.
    pub client: ClientId,
    /// By which method.
    pub method: AuthMethod,
    pub(super) secret: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, {})", self.client, self.method.as_str())
    }
}

impl Credentials {
    /// Reads them from the `Authorization` header and the form.
    pub fn read(authorization: Option<&str>, form: &Params) -> Result<Self, Refusal> {
        let posted = form.get("client_secret").map(|text| Zeroizing::new(text.to_owned()));
        let Some(header) = authorization else {
            let method = if posted.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
            let client =
                form.get("client_id").and_then(ClientId::parse).ok_or(Refusal::ClientAuthentication)?;
            return Ok(Self { client, method, secret: posted });
        };
        // RFC 6749 §2.3: no more than one method in a request.
        if posted.is_some() || form.get("client_assertion").is_some() {
            return Err(Refusal::SeveralAuthentications);
        }
        let (id, secret) = basic(header).ok_or(Refusal::ClientAuthentication)?;
        // The id in the form may repeat the header's, never differ from it.
        if form.get("client_id").is_some_and(|posted| posted != id) {
            return Err(Refusal::MalformedRequest);
        }
        let client = ClientId::parse(&id).ok_or(Refusal::ClientAuthentication)?;
        Ok(Self { client, method: AuthMethod::ClientSecretBasic, secret: Some(secret) })
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
