//! An issuer whose tokens are accepted: its name, its keys and how its tokens look.

use crate::fetch::Fetch;
use crate::introspection::Introspection;
use crate::keys::Source;
use crate::location::Reach;
use crate::shape::Shape;
use http::Uri;
use protocol::issuer::is_loopback_host;
use protocol::jwk::Algorithm;
use std::fmt;
use std::sync::Arc;

/// An issuer whose tokens are accepted, and for which audiences.
///
/// Its keys are found by its metadata (OIDC Discovery), unless [`Issuer::jwks_uri`] says where they are. They are fetched
/// at [`Verifier::warm`](crate::Verifier::warm) or with the first token, and refreshed in the background after half their
/// max-age; a token with an unknown `kid` causes at most one fetch in 30 s. If the issuer is away, its keys are used for
/// up to 24 h longer.
///
/// URLs are https and lead to public addresses, unless the issuer is [`in a private network`](Issuer::in_private_network).
/// An issuer on `localhost`, `127.0.0.1` or `[::1]` may use plain http, which is for development.
#[derive(Clone)]
pub struct Issuer {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) is_any_jwt: bool,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) source: Source,
    pub(crate) embedded: Option<String>,
    pub(crate) is_private: bool,
    pub(crate) fetch: Option<Arc<dyn Fetch>>,
    pub(crate) introspection: Option<Introspection>,
}

impl Issuer {
    /// An issuer by its identifier, exactly as its tokens have it in `iss`: Keyward, or another whose tokens are those of
    /// RFC 9068.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            shape: Shape::Rfc9068,
            is_any_jwt: false,
            audiences: Vec::new(),
            algorithms: Algorithm::ALL.to_vec(),
            source: Source::Discovery(metadata_of(name)),
            embedded: None,
            is_private: false,
            fetch: None,
            introspection: None,
        }
    }

    /// A tenant of Auth0, by its domain (`example.eu.auth0.com`).
    pub fn auth0(domain: &str) -> Self {
        Self::new(&format!("https://{domain}/")).shape(Shape::Auth0).algorithms([Algorithm::RS256])
    }

    /// A custom authorization server of Okta, by its issuer URI (`https://example.okta.com/oauth2/default`).
    pub fn okta(name: &str) -> Self {
        Self::new(name).shape(Shape::Okta).algorithms([Algorithm::RS256])
    }

    /// A user pool of Amazon Cognito, by its id (`eu-central-1_AbCdEfGhI`), which begins with its region. The audiences
    /// are the ids of its app clients.
    pub fn cognito(pool: &str) -> Self {
        let region = pool.split('_').next().unwrap_or_default();
        let name = format!("https://cognito-idp.{region}.amazonaws.com/{pool}");
        Self::new(&name).shape(Shape::Cognito).algorithms([Algorithm::RS256])
    }

    /// A tenant of Microsoft Entra ID, by its id, for an API whose tokens have version 2 (`requestedAccessTokenVersion`).
    pub fn entra(tenant: &str) -> Self {
        let name = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        Self::new(&name).shape(Shape::EntraV2).algorithms([Algorithm::RS256])
    }

    /// As [`Issuer::entra`], for tokens of version 1, the default there.
    pub fn entra_v1(tenant: &str) -> Self {
        let metadata = metadata_of(&format!("https://login.microsoftonline.com/{tenant}"));
        let name = format!("https://sts.windows.net/{tenant}/");
        Self::new(&name).metadata_url(&metadata).shape(Shape::EntraV1).algorithms([Algorithm::RS256])
    }

    /// A user flow of Azure AD B2C: the tenant's name (`example` of `example.onmicrosoft.com`), its id, and the flow.
    pub fn b2c(tenant: &str, id: &str, flow: &str) -> Self {
        let host = format!("https://{tenant}.b2clogin.com");
        let metadata = metadata_of(&format!("{host}/{tenant}.onmicrosoft.com/{flow}/v2.0"));
        let name = format!("{host}/{id}/v2.0/");
        Self::new(&name).metadata_url(&metadata).shape(Shape::B2c).algorithms([Algorithm::RS256])
    }

    /// Accepts tokens for this audience, which is the API's own identifier; may be called again for more.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audiences.push(audience.to_owned());
        self
    }

    /// Accepts these algorithms only. The default of [`Issuer::new`] is all of [`Algorithm::ALL`].
    #[must_use]
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = allowed.into_iter().collect();
        self
    }

    /// What its tokens look like.
    #[must_use]
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Accepts tokens whose `typ` is `JWT` or missing, although its shape is that of RFC 9068: those of a client of Keyward
    /// that chose this type, for example. ID tokens are then told apart by their claims only.
    #[must_use]
    pub fn any_jwt(mut self) -> Self {
        self.is_any_jwt = true;
        self
    }

    /// Where its metadata is, if not at the place of OIDC Discovery. It still has to name this issuer.
    #[must_use]
    pub fn metadata_url(mut self, url: &str) -> Self {
        self.source = Source::Discovery(url.to_owned());
        self
    }

    /// Where its keys are, so that no metadata is fetched.
    #[must_use]
    pub fn jwks_uri(mut self, url: &str) -> Self {
        self.source = Source::JwksUri(url.to_owned());
        self
    }

    /// Its JWK Set as it was when the API was built, so that a cold start fetches nothing. It is refreshed like one that
    /// was fetched at the start; without a transport, it is used for as long as the process lives.
    #[must_use]
    pub fn embedded(mut self, jwks: &str) -> Self {
        self.embedded = Some(jwks.to_owned());
        self
    }

    /// Its addresses may be private.
    #[must_use]
    pub fn in_private_network(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// Fetches by this transport instead of `Https`. Which addresses it connects to is then up to it.
    #[must_use]
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Asks the issuer about each token, so that a revocation counts at once.
    #[must_use]
    pub fn introspect(mut self, how: Introspection) -> Self {
        self.introspection = Some(how);
        self
    }

    pub(crate) fn reach(&self) -> Reach {
        let url = self.name.parse::<Uri>();
        match url.as_ref().ok().and_then(Uri::host) {
            Some(host) if is_loopback_host(host) => Reach::Loopback,
            _ if self.is_private => Reach::Private,
            _ => Reach::Public,
        }
    }

    pub(crate) fn transport(&self) -> Option<Arc<dyn Fetch>> {
        self.fetch.clone().or_else(|| default_transport(self.reach()))
    }

    /// The URLs that are fetched or posted to.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        let (Source::Discovery(keys) | Source::JwksUri(keys)) = &self.source;
        [self.name.as_str(), keys]
            .into_iter()
            .chain(self.introspection.as_ref().map(|how| how.endpoint.as_str()))
    }
}

#[cfg(feature = "https")]
fn default_transport(reach: Reach) -> Option<Arc<dyn Fetch>> {
    Some(Arc::new(crate::https::Https::within(reach)))
}

#[cfg(not(feature = "https"))]
fn default_transport(_: Reach) -> Option<Arc<dyn Fetch>> {
    None
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// OIDC Discovery §4: a slash at the end of the issuer is left out.
fn metadata_of(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}
