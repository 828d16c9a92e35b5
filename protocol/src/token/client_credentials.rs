//! The client credentials grant (RFC 6749 §4.4): a client acts on its own behalf.

use crate::client::{Client, GrantType};
use crate::refusal::Refusal;
use crate::scope::Scope;

/// What a client is granted on its own behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed<'a> {
    /// The scope requested and allowed; all that is allowed if none was requested.
    pub scope: Scope,
    /// The audience, if the client requested one or has a default.
    pub audience: Option<&'a str>,
}

/// Decides a token request. The client is already authenticated.
pub fn decide<'a>(
    client: &'a Client,
    scope: Option<&str>,
    resource: Option<&str>,
) -> Result<Allowed<'a>, Refusal> {
    // RFC 6749 §4.4: confidential clients only.
    if !client.is_confidential() || !client.may_use(GrantType::ClientCredentials) {
        return Err(Refusal::GrantTypeNotAllowed);
    }
    // No user takes part, so scopes about a user cannot be granted.
    let allowed = client.scope.without("openid").without("offline_access");
    let scope = match scope {
        None => allowed,
        Some(text) => {
            let scope = Scope::parse(text).map_err(|_| Refusal::ScopeMalformed)?.intersect(&allowed);
            if scope.is_empty() {
                return Err(Refusal::ScopeEmpty);
            }
            scope
        }
    };
    // RFC 8707 §2: a resource that the client is registered for; its first one by default.
    let audience = match resource {
        None => client.audiences.first(),
        Some(uri) => Some(client.audiences.iter().find(|own| *own == uri).ok_or(Refusal::ResourceInvalid)?),
    };
    Ok(Allowed { scope, audience: audience.map(String::as_str) })
}
