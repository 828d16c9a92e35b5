//! The token endpoint's decisions (RFC 6749 §4.1.3, §4.4) and its answer (§5.1).

pub mod client_credentials;
pub mod code;
pub mod refresh;
mod response;

use crate::client::Client;
use crate::grant::Grant;
use crate::params::Params;
use crate::refusal::Refusal;

pub use response::{TokenResponse, TokenType};

/// The resource that a request names (RFC 8707 §2). `audience` is an alias for it.
///
/// # Errors
/// [`Refusal::RepeatedResource`] if the two differ.
pub fn resource_asked(params: &Params) -> Result<Option<&str>, Refusal> {
    match (params.get("resource"), params.get("audience")) {
        (Some(resource), Some(alias)) if resource != alias => Err(Refusal::RepeatedResource),
        (resource, alias) => Ok(resource.or(alias)),
    }
}

/// RFC 8707 §2.2: a token request may repeat the resource of the grant, but not choose another one. A resource that the
/// client may no longer request is refused as well.
///
/// # Errors
/// [`Refusal::ResourceInvalid`].
pub fn check_resource(grant: &Grant, client: &Client, asked: Option<&str>) -> Result<(), Refusal> {
    let granted = grant.resource.as_deref();
    if granted.is_some_and(|granted| !client.audiences.iter().any(|own| own == granted)) {
        return Err(Refusal::ResourceInvalid);
    }
    let granted = granted.or(client.audiences.first().map(String::as_str));
    if asked.is_none() || asked == granted { Ok(()) } else { Err(Refusal::ResourceInvalid) }
}
