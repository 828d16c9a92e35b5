//! A client acting for itself (RFC 6749 §4.4).

use crate::client::{Client, GrantType};
use crate::refusal::Refusal;
use crate::scope::Scope;

/// What a client gets for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed<'a> {
    /// Granted: requested and allowed; without a request all that is allowed.
    pub scope: Scope,
    /// The audience, if the client asked for one or has a default.
    pub audience: Option<&'a str>,
}

/// Decides about a request, the client already authenticated.
pub fn decide<'a>(
    client: &'a Client,
    scope: Option<&str>,
    resource: Option<&str>,
) -> Result<Allowed<'a>, Refusal> {
    // RFC 6749 §4.4: confidential clients only.
    if !client.is_confidential() || !client.may_use(GrantType::ClientCredentials) {
        return Err(Refusal::GrantTypeNotAllowed);
    }
    // Nobody signed in here, so nothing that speaks of a user can be granted.
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
    // RFC 8707 §2: a resource the client is registered for, else its first.
    let audience = match resource {
        None => client.audiences.first(),
        Some(uri) => Some(client.audiences.iter().find(|own| *own == uri).ok_or(Refusal::ResourceInvalid)?),
    };
    Ok(Allowed { scope, audience: audience.map(String::as_str) })
}
