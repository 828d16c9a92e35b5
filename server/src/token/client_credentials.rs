//! A client that acts for itself (RFC 6749 §4.4): no read, no write.

use super::issue::{answer, sign, typ_of};
use crate::admission::QueueKey;
use crate::app::App;
use crate::web::client::ClientRequest;
use crate::web::failure::Failure;
use axum::response::Response;
use keys::entropy;
use protocol::authority::Generations;
use protocol::claims::access_token::{AccessToken, Issuance, client_jti};
use protocol::token::{TokenResponse, TokenType, client_credentials, resource_asked};

/// Issues a token.
pub async fn grant(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    let ClientRequest { client, form, info, .. } = request;
    let resource = resource_asked(form)?;
    let allowed = client_credentials::decide(client, form.get("scope"), resource)?;
    let ring = app.keys.fresh().await?;
    let signer = app.keys.signer(&ring, client.signing_alg, info.at).await?;
    let key = QueueKey::of_client(&client.id, info.queue_key(app));
    let signer = app.turn_to_sign(signer, 1, key).await?;
    let authority = Generations::of_client(ring.generation(), client).authority();
    let jti = client_jti(&entropy::bytes(&*app.entropy), &authority);
    let (issuer, lifetimes) = (&app.settings.issuer, &app.settings.lifetimes_of(client));
    let issuance = Issuance { issuer, lifetimes, jti: &jti, now: info.at };
    let claims = AccessToken::of_client(&allowed, client, issuance);
    let token = sign(&signer, typ_of(client), &claims).await?;
    answer(&TokenResponse {
        access_token: &token,
        token_type: TokenType::Bearer,
        expires_in: lifetimes.access_token.as_secs(),
        scope: allowed.scope.as_str(),
        refresh_token: None,
        id_token: None,
    })
}
