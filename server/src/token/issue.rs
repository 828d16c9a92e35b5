//! From claims to a token response.

use crate::admission::QueueKey;
use crate::app::{App, Turn};
use crate::headers::{JSON, NO_STORE};
use crate::token::access::located;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use axum::response::{IntoResponse, Response};
use keys::entropy;
use keys::seal::SealKind;
use keys::{Snapshot, Typ};
use protocol::claims::access_token::{AccessToken, Issuance};
use protocol::claims::id_token::IdToken;
use protocol::client::Client;
use protocol::client_tokens::AccessTokenTyp;
use protocol::grant::Grant;
use protocol::scope::Scope;
use protocol::time::Timestamp;
use protocol::token::{TokenResponse, TokenType};
use protocol::user::User;
use protocol::{base64url, jwt};
use serde::Serialize;
use zeroize::Zeroizing;

/// Tokens for a user.
pub(super) struct Tokens {
    /// The access token.
    pub(super) access: Zeroizing<String>,
    /// The ID token, if the scope has `openid`.
    pub(super) id: Option<Zeroizing<String>>,
    /// How long the access token lives, in seconds.
    expires_in: u64,
}

impl Tokens {
    /// RFC 6749 §5.1.
    pub(super) fn answer(&self, scope: &Scope, refresh_token: Option<&str>) -> Result<Response, Failure> {
        answer(&TokenResponse {
            access_token: &self.access,
            token_type: TokenType::Bearer,
            expires_in: self.expires_in,
            scope: scope.as_str(),
            refresh_token,
            id_token: self.id.as_ref().map(|token| token.as_str()),
        })
    }
}

/// Which ID token comes with the access token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IdTokenKind {
    /// The one of the sign-in.
    First,
    /// The one of a refresh (OIDC Core §12.2).
    Refreshed,
}

/// Who the tokens are for.
#[derive(Clone, Copy)]
pub(super) struct Recipient<'a> {
    pub(super) grant: &'a Grant,
    /// The grant's scope or a part of it.
    pub(super) scope: &'a Scope,
    pub(super) user: &'a User,
    pub(super) client: &'a Client,
}

/// Signs the tokens of a grant. The access token is first, because the ID token has its hash (OIDC Core §3.1.3.6).
pub(super) async fn sign_tokens(
    app: &App,
    ring: &Snapshot,
    to: Recipient<'_>,
    kind: IdTokenKind,
    info: RequestInfo,
) -> Result<Tokens, Failure> {
    let now = info.at;
    let signer = app.keys.signer(ring, to.client.signing_alg, now).await?;
    let with_id_token = to.scope.contains("openid");
    let key = QueueKey::of_client(&to.client.id, info.queue_key(app));
    let signer = app.turn_to_sign(signer, 1 + u32::from(with_id_token), key).await?;
    let (issuer, lifetimes) = (&app.settings.issuer, &app.settings.lifetimes_of(to.client));
    let catalog = &*app.settings.claims;
    let jti = seal_token_id(app, ring, to.grant, now);
    let issuance = Issuance { issuer, lifetimes, jti: &jti, now };
    let claims = AccessToken::of_user(to.grant, to.scope, to.user, to.client, catalog, issuance);
    let access = Zeroizing::new(sign(&signer, typ_of(to.client), &claims).await?);
    let id = if with_id_token {
        let at_hash = jwt::at_hash(&access, signer.alg());
        let about_user = catalog.of_id_token(to.user, to.grant, to.client);
        let claims = IdToken::new(to.grant, to.user, about_user, issuer, lifetimes, Some(&at_hash), now);
        let claims = if kind == IdTokenKind::Refreshed { claims.refreshed() } else { claims };
        Some(Zeroizing::new(sign(&signer, Typ::Jwt, &claims).await?))
    } else {
        None
    };
    Ok(Tokens { access, id, expires_in: lifetimes.access_token.as_secs() })
}

/// The `jti` of a user's access token names its grant; only we can read it.
fn seal_token_id(app: &App, ring: &Snapshot, grant: &Grant, now: Timestamp) -> String {
    let text = located(grant, entropy::bytes(&*app.entropy));
    base64url::encode(&ring.seals().seal(SealKind::TokenId, &text, &*app.entropy, now))
}

/// The type of a client's access tokens.
pub(super) const fn typ_of(client: &Client) -> Typ {
    match client.tokens.token_typ {
        AccessTokenTyp::AtJwt => Typ::AccessToken,
        AccessTokenTyp::Jwt => Typ::Jwt,
    }
}

/// Signs claims.
pub(super) async fn sign(signer: &Turn, typ: Typ, claims: &impl Serialize) -> Result<String, Failure> {
    let input = jwt::signing_input(signer.header(typ), claims);
    let input = input.map_err(|_| Failure::internal("claims can't be serialized"))?;
    let signature = signer.sign(input.as_bytes()).await?;
    let token = jwt::assemble(input, &signature);
    // Longer ones could not be revoked, because we don't read them either.
    if token.len() > jwt::MAX_LENGTH {
        return Err(Failure::internal(
            "a token is too long: the user has too many groups or claims, or the client asks for too many",
        ));
    }
    Ok(token)
}

/// RFC 6749 §5.1.
pub(super) fn answer(tokens: &TokenResponse<'_>) -> Result<Response, Failure> {
    // Room for two tokens, so that the body is not reallocated while it is written.
    let mut body = Vec::with_capacity(2048);
    serde_json::to_writer(&mut body, tokens)
        .map_err(|_| Failure::internal("an answer can't be serialized"))?;
    Ok(([JSON], NO_STORE, body).into_response())
}
