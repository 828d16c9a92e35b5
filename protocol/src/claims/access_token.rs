//! Access tokens (RFC 9068 §2.2), as we issue them and as they come back. No `nbf`: gateways compare it to the
//! second, and `iat` says the same.

use super::Audience;
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

/// The claims of a token to be.
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
}

/// What both kinds of access token have in common.
#[derive(Clone, Copy, Debug)]
pub struct Issuance<'a> {
    /// Our name.
    pub issuer: &'a Issuer,
    /// How long tokens live.
    pub lifetimes: &'a Lifetimes,
    /// The token's own id.
    pub jti: &'a str,
    /// When.
    pub now: Timestamp,
}

impl<'a> AccessToken<'a> {
    /// A token a client gets for itself. RFC 9068 §2.2: where no user took part, `sub` is the client.
    pub fn of_client(allowed: &'a Allowed<'a>, client: &'a ClientId, issuance: Issuance<'a>) -> Self {
        let audience = Audience::One(allowed.audience.unwrap_or(issuance.issuer.as_str()));
        Self {
            auth_time: None,
            acr: None,
            amr: None,
            ..Self::new(client.as_str(), client, allowed.scope.as_str(), audience, issuance)
        }
    }

    /// A token by which a client acts for a user; `scope` is the grant's, or less.
    pub fn of_user(
        grant: &'a Grant,
        scope: &'a Scope,
        user: &'a User,
        client: &'a Client,
        issuance: Issuance<'a>,
    ) -> Self {
        let audience = audience_of(grant, scope, client, issuance.issuer);
        let authentication = &grant.authentication;
        Self {
            auth_time: Some(authentication.at.seconds()),
            acr: Some(&authentication.acr),
            amr: Some(&authentication.amr),
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
        }
    }
}

/// RFC 9068 §3, RFC 8707 §2.2: the resource asked for, else the client's first, else we ourselves; with `openid`
/// a list that we are always on, since `/userinfo` is ours.
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

/// The `jti` of a client's own token: 128 random bits, and what the token was decided by.
pub fn client_jti(random: &[u8; 16], authority: &Authority) -> String {
    base64url::encode(&[*random, *authority.as_bytes()].concat())
}

/// What a client's own token was decided by; `None` if a program before generations issued it.
fn client_authority(jti: &str) -> Option<Authority> {
    let bytes: [u8; 32] = base64url::decode_array(jti)?;
    bytes.last_chunk().copied().map(Authority::from_bytes)
}

/// The claims of an access token sent to one of our endpoints. Its signature is verified; nothing else is checked yet.
#[derive(Clone, Debug, Deserialize)]
pub struct VerifiedAccessToken {
    iss: String,
    /// Whose it is.
    pub sub: String,
    aud: Audience<String>,
    exp: NumericDate,
    iat: NumericDate,
    /// For a user's token the sealed name of its grant.
    pub jti: String,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// What it allows.
    #[serde(default)]
    pub scope: Scope,
}

impl VerifiedAccessToken {
    /// RFC 9068 §4: ours, for us, and not over. Expiry is ours to judge, so there is no leeway.
    pub fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<(), Refusal> {
        let fine = self.is_current(issuer, now) && self.aud.contains(issuer.as_str());
        if fine { Ok(()) } else { Err(Refusal::TokenInvalid) }
    }

    /// Whom it is for.
    pub const fn audience(&self) -> &Audience<String> {
        &self.aud
    }

    /// RFC 9068 §4: ours, and not over; for somebody else, perhaps.
    pub fn is_current(&self, issuer: &Issuer, now: Timestamp) -> bool {
        self.iss == issuer.as_str() && !self.exp.timestamp().has_passed(now)
    }

    /// Whether a client's own token still counts: the client enabled, and no generation changed since it was issued.
    /// A user's token never counts as a client's own: it lives by its grant.
    pub fn is_alive(&self, client: &Client, realm: Generation) -> bool {
        let generations = Generations::of_client(realm, client);
        !client.disabled
            && client.id == self.client_id
            && self.sub == self.client_id.as_str()
            && generations.honour(client_authority(&self.jti).as_ref(), self.issued_at())
    }

    /// When it was issued, rounded down to its second.
    pub const fn issued_at(&self) -> Timestamp {
        self.iat.timestamp()
    }

    /// When it ends.
    pub const fn expires_at(&self) -> Timestamp {
        self.exp.timestamp()
    }
}
