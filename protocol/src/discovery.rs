//! The server's metadata (OIDC Discovery §3, RFC 8414 §2). One struct serves both documents; a test tries every value
//! that is advertised.

use crate::authorize::Prompt;
use crate::claims::Catalog;
use crate::client::{AuthMethod, GrantType};
use crate::issuer::Issuer;
use crate::jwk::Algorithm;
use crate::session::ACR_PASSWORD;
use serde::Serialize;

/// The document of `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
#[derive(Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 3],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    acr_values_supported: [&'static str; 1],
    prompt_values_supported: Vec<&'static str>,
    display_values_supported: [&'static str; 1],
    ui_locales_supported: [&'static str; 1],
    claim_types_supported: [&'static str; 1],
    claims_supported: Vec<String>,
    claims_parameter_supported: bool,
    /// OIDC Discovery §3: both are stated, because the second one defaults to true.
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    /// RFC 9207 §3.
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// The metadata of an issuer that signs with `algs`; `signup`: whether users may sign up.
    pub fn new(issuer: &Issuer, algs: &[Algorithm], signup: bool, catalog: &Catalog) -> Self {
        Self {
            issuer: issuer.as_str().to_owned(),
            authorization_endpoint: issuer.url("/authorize"),
            token_endpoint: issuer.url("/token"),
            userinfo_endpoint: issuer.url("/userinfo"),
            introspection_endpoint: issuer.url("/introspect"),
            revocation_endpoint: issuer.url("/revoke"),
            end_session_endpoint: issuer.url("/logout"),
            jwks_uri: issuer.url("/jwks"),
            scopes_supported: std::iter::once("openid")
                .chain(catalog.scopes().tokens())
                .chain(["offline_access"])
                .map(str::to_owned)
                .collect(),
            response_types_supported: ["code"],
            response_modes_supported: ["query", "form_post"],
            grant_types_supported: GrantType::ALL.map(GrantType::as_str),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: algs.iter().map(|alg| alg.as_str()).collect(),
            token_endpoint_auth_methods_supported: AuthMethod::ALL.map(AuthMethod::as_str),
            introspection_endpoint_auth_methods_supported: [
                AuthMethod::ClientSecretBasic.as_str(),
                AuthMethod::ClientSecretPost.as_str(),
            ],
            revocation_endpoint_auth_methods_supported: AuthMethod::ALL.map(AuthMethod::as_str),
            code_challenge_methods_supported: ["S256"],
            acr_values_supported: [ACR_PASSWORD],
            prompt_values_supported: Prompt::SUPPORTED
                .into_iter()
                .filter(|value| signup || *value != "create")
                .collect(),
            display_values_supported: ["page"],
            ui_locales_supported: ["en"],
            claim_types_supported: ["normal"],
            claims_supported: ["sub", "auth_time", "acr", "amr", "sid"]
                .into_iter()
                .chain(catalog.names())
                .map(str::to_owned)
                .collect(),
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
        }
    }
}
