//! `POST /revoke` (RFC 7009): a client revokes a token. With a refresh token its whole grant is revoked, with an access
//! token only that token.

use crate::app::App;
use crate::headers::NO_STORE;
use crate::token::access::AccessToken;
use crate::token::sealed::RefreshToken;
use crate::web::client::ClientRequest;
use crate::web::failure::Failure;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keys::Snapshot;
use protocol::Refusal;
use protocol::event::{Event, What};
use protocol::grant::RevocationReason;
use protocol::revocation;
use std::sync::Arc;

/// Answers 200 whether or not it was a token (§2.2): what is invalid needs no revoking.
pub async fn post(State(app): State<App>, request: ClientRequest) -> Response {
    request.answer(revoke(&app, &request).await)
}

async fn revoke(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    let token = request.form.get("token").ok_or(Refusal::TokenMissing)?;
    let ring = app.keys.fresh().await?;
    // The hint (§2.1) is not needed: the prefix tells which kind of token it is.
    match RefreshToken::open(token, &ring)? {
        Some(token) => revoke_grant(app, request, &token).await?,
        None => deny(app, request, &ring, token).await?,
    }
    Ok((StatusCode::OK, NO_STORE).into_response())
}

async fn revoke_grant(app: &App, request: &ClientRequest, token: &RefreshToken) -> Result<(), Failure> {
    let Some(grant) = app.store.load_grant(token.locator()).await?.grant else { return Ok(()) };
    if !revocation::ends_grant(&request.client, &grant) {
        return Ok(());
    }
    let (store, info, key) = (Arc::clone(&app.store), request.info, grant.key());
    let write = async move { store.revoke_grant(key, RevocationReason::Revoked, info.stamp()).await };
    info.write_and_audit(Event::of_grant(What::GrantRevoked, &grant), write).await.map(drop)
}

async fn deny(app: &App, request: &ClientRequest, ring: &Snapshot, token: &str) -> Result<(), Failure> {
    let Some(token) = AccessToken::open(ring, request.info, token)? else { return Ok(()) };
    if !revocation::denies(&request.client, &token.claims, &app.settings.issuer, request.info.at) {
        return Ok(());
    }
    let (store, info) = (Arc::clone(&app.store), request.info);
    let (id, until) = (token.id(), token.claims.expires_at());
    let write = async move { store.deny_token(&id, until, info.stamp()).await };
    let event = Event::new(What::TokenRevoked).client(&request.client.id);
    info.write_and_audit(event, write).await.map(drop)
}
