//! `POST /introspect` (RFC 7662): a resource server introspects a token that names it, or a client its own.

use crate::app::App;
use crate::headers::{JSON, NO_STORE};
use crate::token::access::AccessToken;
use crate::token::sealed::RefreshToken;
use crate::web::client::ClientRequest;
use crate::web::failure::Failure;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keys::Snapshot;
use protocol::Refusal;
use protocol::grant::DependsOn;
use protocol::introspection::{Active, INACTIVE, active_tip, may_ask_about};
use storage::GrantView;

/// Answers. An inactive token's answer tells neither why it is inactive nor whether it exists.
pub async fn post(State(app): State<App>, request: ClientRequest) -> Response {
    request.answer(answer(&app, &request).await)
}

async fn answer(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    // RFC 7662 §2.1: the caller must authenticate, to prevent scanning for tokens.
    if !request.client.is_confidential() {
        return Err(Refusal::ConfidentialOnly.into());
    }
    let token = request.form.get("token").ok_or(Refusal::TokenMissing)?;
    let ring = app.keys.fresh().await?;
    // The hint (§2.1) is not needed: the prefix tells which kind of token it is.
    let active = match RefreshToken::open(token, &ring)? {
        Some(token) => refresh_token(app, request, &ring, &token).await?,
        None => access_token(app, request, &ring, token).await?,
    };
    let body = active.unwrap_or_else(|| INACTIVE.into());
    Ok(([JSON], NO_STORE, body).into_response())
}

async fn access_token(
    app: &App,
    request: &ClientRequest,
    ring: &Snapshot,
    token: &str,
) -> Result<Option<Vec<u8>>, Failure> {
    let (issuer, now) = (&app.settings.issuer, request.info.at);
    let Some(token) = AccessToken::open(ring, request.info, token)? else { return Ok(None) };
    let claims = &token.claims;
    if !claims.is_current(issuer, now) || !may_ask_about(&request.client, claims) {
        return Ok(None);
    }
    let Some(client) = app.client(&claims.client_id).await? else { return Ok(None) };
    let (view, realm) = (app.store.load_token(&token.id(), token.grant).await?, ring.generation());
    let alive = match token.grant {
        Some(_) => token.of_user(&view, &client, realm, now).is_some(),
        None => !view.denied && claims.is_alive(&client, realm),
    };
    if !alive {
        return Ok(None);
    }
    text(&Active::access_token(claims, issuer)).map(Some)
}

async fn refresh_token(
    app: &App,
    request: &ClientRequest,
    ring: &Snapshot,
    token: &RefreshToken,
) -> Result<Option<Vec<u8>>, Failure> {
    let GrantView { grant, user, session } = app.store.load_grant(token.locator()).await?;
    let (Some(grant), Some(user)) = (grant, user) else { return Ok(None) };
    let (session, client, realm) = (session.as_ref(), &*request.client, ring.generation());
    let on = DependsOn { user: &user, session, client, realm };
    let Some(tip) = active_tip(&token.digest(), &grant, &on, request.info.at) else { return Ok(None) };
    text(&Active::refresh_token(&grant, tip, &user, &app.settings.issuer)).map(Some)
}

fn text(active: &Active<'_>) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(active).map_err(|_| Failure::internal("an answer can't be serialized"))
}
