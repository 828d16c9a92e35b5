//! How issuers write the same facts: which claims of an access token have the scope, the client and the audience.

/// The claims of an issuer's access tokens.
///
/// | shape | `typ` | scope | client | audience |
/// |---|---|---|---|---|
/// | `Rfc9068` | `at+jwt` | `scope` | `client_id` | `aud` |
/// | `Auth0` | `JWT` | `scope` | `azp` | `aud` |
/// | `Okta` | none or `JWT` | `scp`, a list | `cid` | `aud` |
/// | `Cognito` | none or `JWT` | `scope` | `client_id` | `aud`, else `client_id`; `token_use` is `access` |
/// | `EntraV1` | `JWT` | `scp` | `appid` | `aud` |
/// | `EntraV2`, `B2c` | `JWT` | `scp` | `azp` | `aud` |
///
/// The claim that names the client is required. That tells access tokens from ID tokens where `typ` does not, because
/// these issuers leave it out of ID tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// RFC 9068: Keyward, Auth0 with the RFC 9068 profile, and others.
    #[default]
    Rfc9068,
    /// Auth0 with its own profile, the default there.
    Auth0,
    /// A custom authorization server of Okta.
    Okta,
    /// A user pool of Amazon Cognito.
    Cognito,
    /// Microsoft Entra ID, tokens of version 1.
    EntraV1,
    /// Microsoft Entra ID, tokens of version 2.
    EntraV2,
    /// Azure AD B2C.
    B2c,
}

impl Shape {
    /// RFC 9068 §2.1. Others accept any type that JWTs in general may have.
    pub(crate) const fn needs_at_jwt(self) -> bool {
        matches!(self, Self::Rfc9068)
    }

    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::Rfc9068 | Self::Auth0 | Self::Cognito => "scope",
            Self::Okta | Self::EntraV1 | Self::EntraV2 | Self::B2c => "scp",
        }
    }

    pub(crate) const fn client(self) -> &'static str {
        match self {
            Self::Rfc9068 | Self::Cognito => "client_id",
            Self::Okta => "cid",
            Self::EntraV1 => "appid",
            Self::Auth0 | Self::EntraV2 | Self::B2c => "azp",
        }
    }

    /// What has the audience if there is no `aud`.
    pub(crate) const fn audience_without_aud(self) -> Option<&'static str> {
        match self {
            Self::Cognito => Some("client_id"),
            _ => None,
        }
    }

    pub(crate) const fn needs_token_use(self) -> bool {
        matches!(self, Self::Cognito)
    }
}
