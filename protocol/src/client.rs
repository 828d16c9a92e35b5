//! Clients and the rules of registering one (RFC 6749 §2, names of RFC 7591 §2).

use crate::client_tokens::{BadTokens, ClientTokens};
use crate::generation::Generation;
use crate::id::ClientId;
use crate::jwk::Algorithm;
use crate::origin::{self, BadOrigin};
use crate::redirect_uri::{self, BadRedirectUri, PrivateSchemes, check_after_logout, check_registrable};
use crate::scope::Scope;
use crate::secret::Digest;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a client authenticates at our endpoints (RFC 7591 §2 `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: no authentication.
    None,
    /// HTTP Basic.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the form.
    ClientSecretPost,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// Whether a client with this method can keep a secret (RFC 6749 §2.1).
    pub const fn is_confidential(self) -> bool {
        match self {
            Self::None => false,
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
        }
    }
}

/// A grant type a client may use (RFC 7591 §2 `grant_types`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// All that can be registered.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// The fewest bytes of a secret: as text, 128 random bits have 22 to 36.
pub const MIN_SECRET_BYTES: usize = 32;

/// The most bytes of a secret that an operator chose.
const MAX_SECRET_BYTES: usize = 256;

/// The fewest different characters of such a secret: hexadecimal digits at random have about 14 in 32.
const MIN_SECRET_VARIETY: usize = 8;

/// Checks a secret that an operator chose. RFC 6749 appendix A.2 would allow spaces, but those get lost on the way; and `:`,
/// but what a client that doesn't encode it sends by HTTP Basic would read as part of the id, which is logged.
///
/// # Errors
/// [`BadClient::Secret`].
pub fn check_chosen_secret(secret: &str) -> Result<(), BadClient> {
    let variety = secret.bytes().collect::<BTreeSet<u8>>().len();
    let fine = (MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&secret.len())
        && secret.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        && variety >= MIN_SECRET_VARIETY;
    if fine { Ok(()) } else { Err(BadClient::Secret) }
}

/// One of a client's secrets; two may be live during a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// Hash of the secret's text.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// A client as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its public id.
    pub id: ClientId,
    /// The name that users see on sign-in and consent pages.
    pub name: String,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Its secrets, the newest last; none for a public client.
    pub secrets: Vec<ClientSecret>,
    /// Where answers may go, compared byte for byte.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Origins its browser code calls us from, besides those of the redirect URIs.
    pub origins: Vec<String>,
    /// The grant types it may use.
    pub grant_types: Vec<GrantType>,
    /// The scope it may request.
    pub scope: Scope,
    /// Resources it may request (RFC 8707); the first is the default audience.
    pub audiences: Vec<String>,
    /// Resources it serves: it may introspect their tokens.
    pub resources: Vec<String>,
    /// The algorithm that signs its ID and access tokens; `None`: the server's default.
    pub signing_alg: Option<Algorithm>,
    /// Whether it must use PKCE (RFC 9700 §2.1.1); false only for a confidential client.
    pub pkce_required: bool,
    /// Whether it is the operator's own, so that users are not asked for consent; true only for a confidential client.
    pub first_party: bool,
    /// Whether it is a native app (RFC 8252): loopback ports may vary, private-use schemes are allowed.
    pub native: bool,
    /// Whether its private-use schemes may lack a dot (`cursor://…`), which RFC 8252 §7.1 does not allow: any other
    /// application may claim such a scheme.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dotless_schemes: bool,
    /// Where users begin to use it (`client_uri`), to which pages link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_url: Option<String>,
    /// What it chooses about its tokens.
    #[serde(default, skip_serializing_if = "ClientTokens::is_default")]
    pub tokens: ClientTokens,
    /// Whether `keyward apply` declared it; only such clients are pruned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// Whether every request of it is refused.
    pub disabled: bool,
    /// Changes with every act that ends what the client was granted: disabling, and registering its id again.
    #[serde(flatten)]
    pub generation: Generation,
    /// When it was registered.
    pub created_at: Timestamp,
    /// How many times the record was written; a change is conditional on the revision it read.
    pub revision: u64,
}

/// Why a client's record is inconsistent. Every write of a client passes [`Client::problems`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadClient {
    /// A name that is empty, over 128 characters, or with control or bidirectional-override characters.
    Name,
    /// A redirect URI that can't be registered.
    RedirectUri(String, BadRedirectUri),
    /// A start address that can't be registered.
    StartUrl(String, BadRedirectUri),
    /// What it chooses about its tokens.
    Tokens(BadTokens),
    /// An origin that no browser sends.
    Origin(String, BadOrigin),
    /// An audience or resource that is not an absolute URI without fragment (RFC 8707 §2).
    Resource(String),
    /// `authorization_code` without a redirect URI.
    NoRedirectUri,
    /// No grant type at all.
    NoGrantType,
    /// `refresh_token` without `authorization_code`.
    RefreshWithoutCode,
    /// `client_credentials` for a public client (RFC 6749 §4.4).
    PublicClientCredentials,
    /// A public client without PKCE.
    PublicWithoutPkce,
    /// A first-party client that cannot authenticate: anyone could pose as it.
    PublicFirstParty,
    /// A confidential client without a secret, or a public client with one.
    Secrets,
    /// A chosen secret that is short, uniform, or has spaces or characters outside ASCII.
    Secret,
}

impl BadClient {
    /// One sentence: what is wrong and how to fix it.
    pub fn message(&self) -> String {
        match self {
            Self::Name => "the name must have 1 to 128 characters and no control characters".into(),
            Self::RedirectUri(uri, why) => format!("redirect URI `{uri}` can't be registered: {}", why.fix()),
            Self::StartUrl(uri, why) => format!("start address `{uri}` can't be registered: {}", why.fix()),
            Self::Tokens(why) => why.message(),
            Self::Origin(origin, why) => why.message(origin),
            Self::Resource(uri) => format!("`{uri}` is not a resource: give an absolute URI without fragment"),
            Self::NoRedirectUri => "the grant authorization_code needs at least one redirect URI".into(),
            Self::NoGrantType => "a client without a grant type can do nothing: give it at least one".into(),
            Self::RefreshWithoutCode => "the grant refresh_token needs authorization_code beside it".into(),
            Self::PublicClientCredentials => {
                "client_credentials needs a client that can authenticate: choose an authentication method other than none".into()
            }
            Self::PublicWithoutPkce => "a public client always needs PKCE".into(),
            Self::PublicFirstParty => {
                "a public client can't be first-party: anyone could pose as it and get tokens without consent".into()
            }
            Self::Secret => format!(
                "a secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} printable ASCII characters without spaces and `:`, at least \
                 {MIN_SECRET_VARIETY} of them different: let a generator make it, as `openssl rand -hex 32` does"
            ),
            Self::Secrets => "a confidential client has a secret, a public one has none".into(),
        }
    }
}

impl Client {
    /// Whether it is a confidential client (RFC 6749 §2.1), which its registered method decides.
    pub const fn is_confidential(&self) -> bool {
        self.auth_method.is_confidential()
    }

    /// Which private-use schemes its redirect URIs may have.
    const fn private_schemes(&self) -> PrivateSchemes {
        match (self.native, self.dotless_schemes) {
            (false, _) => PrivateSchemes::None,
            (true, false) => PrivateSchemes::DomainNames,
            (true, true) => PrivateSchemes::Any,
        }
    }

    /// Whether it may use a grant type.
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// Whether a browser page of this origin may read our answers to this client. Only public clients have code in
    /// browsers, so only their redirect URIs and registered origins count.
    pub fn allows_origin(&self, origin: &str) -> bool {
        let of_redirect = |uri: &String| origin::of_uri(uri) == Some(origin);
        !self.is_confidential()
            && (self.origins.iter().any(|own| own == origin) || self.redirect_uris.iter().any(of_redirect))
    }

    /// RFC 9068 §5: a resource of this client that is the id of `other`, where users sign in. An access token for it could be
    /// taken for an ID token of that client, and an ID token for an access token.
    pub fn shared_audience<'a>(&'a self, other: &Self) -> Option<&'a str> {
        let mut named = self.audiences.iter().chain(&self.resources).filter(|uri| *uri == other.id.as_str());
        named.next().filter(|_| other.may_use(GrantType::AuthorizationCode)).map(String::as_str)
    }

    /// Checks the record of a new client.
    ///
    /// # Errors
    /// The first of its [`problems`](Self::problems).
    pub fn check(&self) -> Result<(), BadClient> {
        self.problems(None).into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is wrong with a record. A client that was registered as `before` may keep the values that it had, even
    /// if a rule that was made since would refuse them.
    pub fn problems(&self, before: Option<&Self>) -> Vec<BadClient> {
        let new = before.map(|before| self.changed_from(before));
        let mut problems = new.as_ref().unwrap_or(self).problems_of_values();
        if check_display_name(&self.name).is_none() {
            problems.push(BadClient::Name);
        }
        let named = self.audiences.iter().chain(&self.resources);
        problems.extend(named.filter(|uri| !is_resource(uri)).cloned().map(BadClient::Resource));
        problems.extend(self.check_grant_types().err());
        if self.is_confidential() == self.secrets.is_empty() {
            problems.push(BadClient::Secrets);
        }
        problems
    }

    /// Without the values that were there before.
    fn changed_from(&self, before: &Self) -> Self {
        let mut new = self.clone();
        if self.private_schemes() == before.private_schemes() {
            new.redirect_uris.retain(|uri| !before.redirect_uris.contains(uri));
            new.post_logout_redirect_uris.retain(|uri| !before.post_logout_redirect_uris.contains(uri));
        }
        new.start_url = new.start_url.filter(|uri| before.start_url.as_ref() != Some(uri));
        new.origins.retain(|origin| !before.origins.contains(origin));
        new.tokens = new.tokens.changed_from(&before.tokens);
        new
    }

    /// What is wrong with each value, whatever the others are.
    fn problems_of_values(&self) -> Vec<BadClient> {
        let private = self.private_schemes();
        let checked = |uri: &String, checked: Result<(), BadRedirectUri>| {
            checked.err().map(|why| BadClient::RedirectUri(uri.clone(), why))
        };
        let redirect =
            self.redirect_uris.iter().filter_map(|uri| checked(uri, check_registrable(uri, private)));
        let after_logout = self.post_logout_redirect_uris.iter();
        let after_logout = after_logout.filter_map(|uri| checked(uri, check_after_logout(uri, private)));
        let start = self.start_url.iter().filter_map(|uri| {
            let why = redirect_uri::check_web(uri).err()?;
            Some(BadClient::StartUrl(uri.clone(), why))
        });
        let origins = self.origins.iter().filter_map(|origin| {
            let why = origin::check(origin).err()?;
            Some(BadClient::Origin(origin.clone(), why))
        });
        let tokens = self.tokens.problems().into_iter().map(BadClient::Tokens);
        redirect.chain(after_logout).chain(start).chain(origins).chain(tokens).collect()
    }

    fn check_grant_types(&self) -> Result<(), BadClient> {
        if self.grant_types.is_empty() {
            return Err(BadClient::NoGrantType);
        }
        let uses_code = self.may_use(GrantType::AuthorizationCode);
        if uses_code && self.redirect_uris.is_empty() {
            return Err(BadClient::NoRedirectUri);
        }
        if self.may_use(GrantType::RefreshToken) && !uses_code {
            return Err(BadClient::RefreshWithoutCode);
        }
        if self.is_confidential() {
            return Ok(());
        }
        if self.may_use(GrantType::ClientCredentials) {
            return Err(BadClient::PublicClientCredentials);
        }
        if !self.pkce_required {
            return Err(BadClient::PublicWithoutPkce);
        }
        if self.first_party { Err(BadClient::PublicFirstParty) } else { Ok(()) }
    }
}

/// A name that may be shown to users: no characters that hide or reorder text.
fn check_display_name(name: &str) -> Option<()> {
    let deceptive = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    let length = name.chars().count();
    ((1..=128).contains(&length) && !name.trim().is_empty() && !name.contains(deceptive)).then_some(())
}

/// RFC 8707 §2: an absolute URI without a fragment.
pub fn is_resource(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    scheme_ok
        && !rest.is_empty()
        && uri.len() <= 512
        && !uri.contains('#')
        && uri.bytes().all(|b| b.is_ascii_graphic())
}
