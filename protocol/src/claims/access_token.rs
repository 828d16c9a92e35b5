//! Access tokens (RFC 9068 §2.2), as issued and as sent back to us. They have no `nbf`: `iat` says the same, and
//! gateways that compare `nbf` to the second refuse tokens when clocks differ.

use super::{Audience, Catalog};
use crate::authority::{Authority, Generations};
use crate::base64url;
use crate::client::Client;
use crate::generation::Generation;
use crate::grant::Grant;
use crate::id::ClientId;
use crate::issuer::Issuer;
use crate::jwt::NumericDate;
use crate::lifetimes::Lifetimes;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::token::client_credentials::Allowed;
use crate::user::User;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The claims of an access token to issue.
#[derive(Debug, Serialize)]
pub struct AccessToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Audience<&'a str>,
    exp: u64,
    iat: u64,
    jti: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<&'a [String]>,
    /// The claims that an operator chose for the client: about the user, or about the client itself.
    #[serde(flatten)]
    custom: Cow<'a, Map<String, Value>>,
}

/// What both kinds of access token have in common.
#[derive(Clone, Copy, Debug)]
pub struct Issuance<'a> {
    /// Our issuer identifier.
    pub issuer: &'a Issuer,
    /// How long tokens live.
    pub lifetimes: &'a Lifetimes,
    /// The token's own id.
    pub jti: &'a str,
    /// The current time.
    pub now: Timestamp,
}

impl<'a> AccessToken<'a> {
    /// A client's own token. RFC 9068 §2.2: if no user took part, `sub` is the client.
    pub fn of_client(allowed: &'a Allowed<'a>, client: &'a Client, issuance: Issuance<'a>) -> Self {
        let audience = Audience::One(allowed.audience.unwrap_or(issuance.issuer.as_str()));
        Self {
            auth_time: None,
            acr: None,
            amr: None,
            custom: Cow::Borrowed(&client.tokens.claims),
            ..Self::new(client.id.as_str(), &client.id, allowed.scope.as_str(), audience, issuance)
        }
    }

    /// A token with which a client acts for a user; `scope` is the grant's, or less.
    pub fn of_user(
        grant: &'a Grant,
        scope: &'a Scope,
        user: &'a User,
        client: &'a Client,
        catalog: &Catalog,
        issuance: Issuance<'a>,
    ) -> Self {
        let chosen = catalog.chosen(&client.tokens.access_token_claims, scope);
        let audience = audience_of(grant, scope, client, issuance.issuer);
        let authentication = &grant.authentication;
        Self {
            auth_time: Some(authentication.at.seconds()),
            acr: Some(&authentication.acr),
            amr: Some(&authentication.amr),
            custom: Cow::Owned(catalog.values(user, chosen)),
            ..Self::new(user.subject.as_str(), &client.id, scope.as_str(), audience, issuance)
        }
    }

    fn new(
        sub: &'a str,
        client: &'a ClientId,
        scope: &'a str,
        aud: Audience<&'a str>,
        issuance: Issuance<'a>,
    ) -> Self {
        let iat = issuance.now.seconds();
        Self {
            iss: issuance.issuer.as_str(),
            sub,
            aud,
            exp: iat.saturating_add(issuance.lifetimes.access_token.as_secs()),
            iat,
            jti: issuance.jti,
            client_id: client.as_str(),
            scope,
            auth_time: None,
            acr: None,
            amr: None,
            custom: Cow::default(),
        }
    }
}

/// RFC 9068 §3, RFC 8707 §2.2: the resource requested, else the client's first, else our issuer. With `openid` it is a
/// list that includes our issuer, because the token is for `/userinfo` too.
fn audience_of<'a>(
    grant: &'a Grant,
    scope: &Scope,
    client: &'a Client,
    issuer: &'a Issuer,
) -> Audience<&'a str> {
    let us = issuer.as_str();
    let resource = grant.resource.as_deref().or(client.audiences.first().map(String::as_str));
    match resource.filter(|resource| *resource != us) {
        Some(resource) if scope.contains("openid") => Audience::Many(vec![resource, us]),
        None if scope.contains("openid") => Audience::Many(vec![us]),
        resource => Audience::One(resource.unwrap_or(us)),
    }
}

/// The `jti` of a client's own token: 128 random bits, then the token's [`Authority`].
pub fn client_jti(random: &[u8; 16], authority: &Authority) -> String {
    base64url::encode(&[*random, *authority.as_bytes()].concat())
}

/// The [`Authority`] of a client's own token; `None` if it was issued by a version without generations.
fn client_authority(jti: &str) -> Option<Authority> {
    let bytes: [u8; 32] = base64url::decode_array(jti)?;
    bytes.last_chunk().copied().map(Authority::from_bytes)
}

/// The claims of an access token sent to one of our endpoints. Its signature is verified; nothing else is checked yet.
#[derive(Clone, Debug, Deserialize)]
pub struct VerifiedAccessToken {
    iss: String,
    /// The user's `sub`, or the client's id for its own token.
    pub sub: String,
    aud: Audience<String>,
    exp: NumericDate,
    iat: NumericDate,
    /// The token's id; for a user's token the sealed id of its grant.
    pub jti: String,
    /// The client it was issued to.
    pub client_id: ClientId,
    /// Its scope.
    #[serde(default)]
    pub scope: Scope,
}

impl VerifiedAccessToken {
    /// RFC 9068 §4: issued by us, with us in its audience, and not expired. We set the expiry ourselves, so there is no
    /// leeway.
    ///
    /// # Errors
    /// [`Refusal::TokenElsewhere`], [`Refusal::TokenExpired`].
    pub fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<(), Refusal> {
        if self.iss != issuer.as_str() || !self.aud.contains(issuer.as_str()) {
            return Err(Refusal::TokenElsewhere);
        }
        if self.is_current(issuer, now) { Ok(()) } else { Err(Refusal::TokenExpired) }
    }

    /// Its audience.
    pub const fn audience(&self) -> &Audience<String> {
        &self.aud
    }

    /// RFC 9068 §4: issued by us and not expired, whatever its audience.
    pub fn is_current(&self, issuer: &Issuer, now: Timestamp) -> bool {
        self.iss == issuer.as_str() && !self.exp.timestamp().has_passed(now)
    }

    /// Whether a client's own token is valid: the client is enabled, and no generation has changed since it was issued.
    /// Always false for a user's token, which is valid as long as its grant is alive.
    pub fn is_alive(&self, client: &Client, realm: Generation) -> bool {
        let generations = Generations::of_client(realm, client);
        !client.disabled
            && client.id == self.client_id
            && self.sub == self.client_id.as_str()
            && generations.honour(client_authority(&self.jti).as_ref(), self.issued_at())
    }

    /// When it was issued, rounded down to the second.
    pub const fn issued_at(&self) -> Timestamp {
        self.iat.timestamp()
    }

    /// When it expires.
    pub const fn expires_at(&self) -> Timestamp {
        self.exp.timestamp()
    }
}
