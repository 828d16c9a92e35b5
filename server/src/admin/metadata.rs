//! Client metadata as it comes in and goes out. Its names are those of RFC 7591 §2.

use protocol::client::{AuthMethod, Client, GrantType};
use protocol::jwk::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Whether a client is a program on its user's device (OIDC Dynamic Registration §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a server or in a browser.
    #[default]
    Web,
    /// On a device: loopback ports may vary, private-use schemes are allowed.
    Native,
}

/// Client metadata as it comes in. What is absent gets its default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Ours; random if absent.
    pub client_id: Option<String>,
    /// What people read.
    pub client_name: Option<String>,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// With a redirect URI `authorization_code` and `refresh_token`, else `client_credentials`.
    pub grant_types: Option<Vec<GrantType>>,
    /// `client_secret_basic`.
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// With a redirect URI `openid profile email offline_access`, else nothing.
    pub scope: Option<String>,
    /// The server's first algorithm; also signs its access tokens.
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// `web`.
    pub application_type: Option<ApplicationType>,
    /// Ours: origins of its browser code.
    pub origins: Vec<String>,
    /// Ours: resources it may request.
    pub audiences: Vec<String>,
    /// Ours: resources it is the server of.
    pub resources: Vec<String>,
    /// Ours: RFC 7636 is demanded; true if absent.
    pub pkce_required: Option<bool>,
    /// Ours: no consent is asked; false if absent.
    pub first_party: Option<bool>,
    /// RFC 7591 §2: what isn't understood is ignored; kept to be named.
    #[serde(flatten)]
    pub ignored: Map<String, Value>,
}

/// A client as RFC 7591 §3.2.1 tells it. Instants are seconds.
#[derive(Debug, Serialize)]
pub struct ClientInformation<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    client_id_issued_at: u64,
    /// 0: never. With a secret only.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u64>,
    client_name: &'a str,
    redirect_uris: &'a [String],
    post_logout_redirect_uris: &'a [String],
    grant_types: &'a [GrantType],
    response_types: &'static [&'static str],
    token_endpoint_auth_method: AuthMethod,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_signed_response_alg: Option<Algorithm>,
    application_type: ApplicationType,
    origins: &'a [String],
    audiences: &'a [String],
    resources: &'a [String],
    pkce_required: bool,
    first_party: bool,
    disabled: bool,
}

impl<'a> ClientInformation<'a> {
    /// Of a client; with its secret only at the moment it was made.
    pub fn new(client: &'a Client, secret: Option<&'a str>) -> Self {
        let uses_code = client.may_use(GrantType::AuthorizationCode);
        Self {
            client_id: client.id.as_str(),
            client_secret: secret,
            client_id_issued_at: client.created_at.seconds(),
            client_secret_expires_at: secret.map(|_| 0),
            client_name: &client.name,
            redirect_uris: &client.redirect_uris,
            post_logout_redirect_uris: &client.post_logout_redirect_uris,
            grant_types: &client.grant_types,
            response_types: if uses_code { &["code"] } else { &[] },
            token_endpoint_auth_method: client.auth_method,
            scope: client.scope.as_str(),
            id_token_signed_response_alg: client.signing_alg,
            application_type: if client.native { ApplicationType::Native } else { ApplicationType::Web },
            origins: &client.origins,
            audiences: &client.audiences,
            resources: &client.resources,
            pkce_required: client.pkce_required,
            first_party: client.first_party,
            disabled: client.disabled,
        }
    }
}
