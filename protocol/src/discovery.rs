//! Metadata (RFC 8414 §2): what this server does, and nothing it does not do yet.

use crate::client::AuthMethod;
use crate::issuer::Issuer;
use serde::Serialize;

/// The document of `/.well-known/oauth-authorization-server`. It grows with the endpoints.
#[derive(Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    /// Required by RFC 8414 §2; empty while there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 2],
}

impl Metadata {
    /// The metadata of an issuer.
    pub fn new(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.as_str().to_owned(),
            token_endpoint: issuer.url("/token"),
            jwks_uri: issuer.url("/jwks"),
            response_types_supported: [],
            grant_types_supported: ["client_credentials"],
            token_endpoint_auth_methods_supported: [
                AuthMethod::ClientSecretBasic.as_str(),
                AuthMethod::ClientSecretPost.as_str(),
            ],
        }
    }
}
