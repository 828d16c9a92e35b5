//! Client metadata, with the names of RFC 7591 §2.

use protocol::client::{AuthMethod, Client, GrantType};
use protocol::client_tokens::{AccessTokenTyp, ClientTokens};
use protocol::jwk::Algorithm;
use protocol::lifetimes::Seconds;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

/// Whether a client is an application on its user's device (OIDC Dynamic Registration §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a server or in a browser.
    #[default]
    Web,
    /// On a device: loopback ports may vary, private-use schemes are allowed.
    Native,
}

/// A lifetime of a registration: seconds, a text such as `15m`, or `default` for the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// That of the setting.
    Default,
    /// Its own.
    Own(Seconds),
}

impl Ttl {
    /// Reads a text.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self::Default);
        }
        let wrong = |why: String| format!("{why}, or `default` for the server's");
        let seconds = crate::config::duration(text).map_err(wrong)?.as_secs();
        // What is too long for the type is too long for the rules, which say so.
        Ok(Self::Own(Seconds(u32::try_from(seconds).unwrap_or(u32::MAX))))
    }

    /// What is stored.
    pub const fn own(self) -> Option<Seconds> {
        match self {
            Self::Default => None,
            Self::Own(seconds) => Some(seconds),
        }
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a lifetime is a number of seconds, or a text such as \"15m\"")]
        enum Written {
            Seconds(Seconds),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Ok(Self::Own(seconds)),
            Written::Text(text) => Self::parse(&text).map_err(D::Error::custom),
        }
    }
}

/// The names of client metadata that are known.
pub const NAMES: [&str; 22] = [
    "client_id",
    "client_name",
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "token_endpoint_auth_method",
    "scope",
    "id_token_signed_response_alg",
    "application_type",
    "origins",
    "audiences",
    "resources",
    "pkce_required",
    "client_uri",
    "dotless_schemes",
    "access_token_ttl",
    "refresh_token_idle_ttl",
    "token_typ",
    "id_token_claims",
    "access_token_claims",
    "claims",
    "first_party",
];

/// Client metadata of a request. What is absent gets its default, and what is unknown is ignored (RFC 7591 §2).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// An extension; random if absent.
    pub client_id: Option<String>,
    /// The name that users see.
    pub client_name: Option<String>,
    /// The redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Where the browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Default: with a redirect URI `authorization_code` and `refresh_token`, else `client_credentials`.
    pub grant_types: Option<Vec<GrantType>>,
    /// Default: `client_secret_basic`.
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// Default: with a redirect URI `openid profile email offline_access`, else none.
    pub scope: Option<String>,
    /// The algorithm of access tokens, too. Default: the server's first.
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// Default: `web`.
    pub application_type: Option<ApplicationType>,
    /// An extension: origins of its browser code.
    pub origins: Vec<String>,
    /// An extension: resources it may request tokens for.
    pub audiences: Vec<String>,
    /// An extension: resources it serves.
    pub resources: Vec<String>,
    /// An extension: whether PKCE (RFC 7636) is required. Default: true.
    pub pkce_required: Option<bool>,
    /// The application's own page (RFC 7591 §2), where users begin to use it; an empty one clears it.
    pub client_uri: Option<String>,
    /// An extension: whether private-use schemes may lack a dot. Default: false.
    pub dotless_schemes: Option<bool>,
    /// An extension: lifetime of its access tokens.
    pub access_token_ttl: Option<Ttl>,
    /// An extension: how long an unused refresh token of it remains valid.
    pub refresh_token_idle_ttl: Option<Ttl>,
    /// An extension: the type of its access tokens. Default: `at+jwt`.
    pub token_typ: Option<AccessTokenTyp>,
    /// An extension: claims about the user that its ID tokens contain.
    pub id_token_claims: Option<Vec<String>>,
    /// An extension: claims about the user that its access tokens contain.
    pub access_token_claims: Option<Vec<String>>,
    /// An extension: claims about itself in the access tokens that it gets for itself.
    pub claims: Option<Map<String, Value>>,
    /// An extension: whether users aren't asked for consent. Default: false.
    pub first_party: Option<bool>,
}

/// Client information (RFC 7591 §3.2.1). Instants are in seconds.
#[derive(Debug, Serialize)]
pub struct ClientInformation<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    client_id_issued_at: u64,
    /// 0: never. Present with a secret only.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<&'a str>,
    dotless_schemes: bool,
    #[serde(flatten)]
    tokens: &'a ClientTokens,
    declared: bool,
    disabled: bool,
}

impl<'a> ClientInformation<'a> {
    /// Of a client; with its secret only when that was just created.
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
            client_uri: client.start_url.as_deref(),
            dotless_schemes: client.dotless_schemes,
            tokens: &client.tokens,
            declared: client.declared,
            disabled: client.disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::id::ClientId;
    use protocol::samples;
    use serde_json::json;

    #[test]
    fn every_name_is_known_and_all_that_is_shown_has_one() {
        // No member takes a fraction, and what is unknown is ignored.
        let is_known = |name: &&str| serde_json::from_value::<Registration>(json!({ *name: 0.5 })).is_err();
        assert_eq!(NAMES.into_iter().filter(is_known).collect::<Vec<_>>(), NAMES);
        let client = samples::client(ClientId::parse("rp").unwrap());
        let shown = serde_json::to_value(ClientInformation::new(&client, None)).unwrap();
        let not_ours = ["client_id_issued_at", "response_types", "declared", "disabled"];
        let missing = shown.as_object().unwrap().keys().filter(|name| !NAMES.contains(&name.as_str()));
        assert_eq!(missing.collect::<Vec<_>>(), not_ours);
    }
}
