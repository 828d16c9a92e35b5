//! ID tokens (OIDC Core §2), as issued and as sent back in `id_token_hint`.

use super::Audience;
use crate::grant::Grant;
use crate::id::{ClientId, SessionId, Subject};
use crate::issuer::Issuer;
use crate::lifetimes::Lifetimes;
use crate::time::Timestamp;
use crate::user::User;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The claims of an ID token to issue. `azp` is absent, because the only audience is the client (OIDC Core §2).
#[derive(Debug, Serialize)]
pub struct IdToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    iat: u64,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<&'a str>,
    sid: String,
    /// OIDC Core §5.4: in the code flow, `/userinfo` returns the claims of scopes; here are only those requested by
    /// name, and those that were chosen for the client.
    #[serde(flatten)]
    about_user: Map<String, Value>,
}

impl<'a> IdToken<'a> {
    /// The ID token of a refresh. OIDC Core §12.2: the same claims, without the nonce.
    #[must_use]
    pub const fn refreshed(mut self) -> Self {
        self.nonce = None;
        self
    }

    /// The ID token of a grant: who signed in, when and how, with these claims ([`Catalog::of_id_token`](super::Catalog::of_id_token)).
    pub fn new(
        grant: &'a Grant,
        user: &'a User,
        about_user: Map<String, Value>,
        issuer: &'a Issuer,
        lifetimes: &Lifetimes,
        at_hash: Option<&'a str>,
        now: Timestamp,
    ) -> Self {
        let (iat, authentication) = (now.seconds(), &grant.authentication);
        Self {
            iss: issuer.as_str(),
            sub: user.subject.as_str(),
            aud: grant.client.as_str(),
            exp: iat.saturating_add(lifetimes.id_token.as_secs()),
            iat,
            auth_time: authentication.at.seconds(),
            nonce: grant.code().and_then(|code| code.nonce.as_deref()),
            acr: &authentication.acr,
            amr: &authentication.amr,
            at_hash,
            sid: grant.session.to_string(),
            about_user,
        }
    }
}

/// The claims of an ID token sent as `id_token_hint`, its signature verified. Its expiry doesn't matter (OIDC
/// RP-Initiated Logout §2, OIDC Core §3.1.2.1).
#[derive(Clone, Debug, Deserialize)]
pub struct Hint {
    iss: String,
    sub: String,
    aud: Audience<String>,
    sid: Option<String>,
    /// Only access tokens have it. Those of some clients have the type of an ID token.
    #[serde(rename = "client_id")]
    of_access_token: Option<IgnoredAny>,
}

impl Hint {
    /// Its subject, if we issued it to this client.
    pub fn subject(&self, issuer: &Issuer, client: &ClientId) -> Option<Subject> {
        let fine = self.is_ours(issuer) && self.aud.contains(client.as_str());
        fine.then(|| Subject::from_text(&self.sub))
    }

    /// The client it was issued to, if we issued it.
    pub fn client(&self, issuer: &Issuer) -> Option<ClientId> {
        match &self.aud {
            Audience::One(client) if self.is_ours(issuer) => ClientId::parse(client),
            _ => None,
        }
    }

    fn is_ours(&self, issuer: &Issuer) -> bool {
        self.iss == issuer.as_str() && self.of_access_token.is_none()
    }

    /// Whether it is about this session, or about its user in another one.
    pub fn is_about(&self, session: &SessionId, subject: &str) -> bool {
        self.sid.as_deref() == Some(session.to_string().as_str()) || self.sub == subject
    }
}
