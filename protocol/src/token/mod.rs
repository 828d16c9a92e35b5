//! The token endpoint's decisions (RFC 6749 §4.1.3, §4.4) and its answer (§5.1).

pub mod client_credentials;
pub mod code;
pub mod refresh;
mod response;

use crate::client::Client;
use crate::grant::Grant;
use crate::refusal::Refusal;

pub use response::{TokenResponse, TokenType};

/// RFC 8707 §2.2: a token request may repeat the resource of the grant, not choose another one.
pub fn check_resource(grant: &Grant, client: &Client, asked: Option<&str>) -> Result<(), Refusal> {
    let granted = grant.resource.as_deref().or(client.audiences.first().map(String::as_str));
    if asked.is_none() || asked == granted { Ok(()) } else { Err(Refusal::ResourceInvalid) }
}
