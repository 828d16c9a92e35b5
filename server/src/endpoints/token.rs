//! `POST /token` (RFC 6749 §3.2). Today one grant: a client's own.

use crate::app::App;
use crate::entropy;
use crate::http::failure::{Failure, JSON, NO_STORE};
use crate::keys::Typ;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Uri};
use protocol::Refusal;
use protocol::claims::access_token::ClientToken;
use protocol::client::Client;
use protocol::client_auth::{Credentials, secret::authenticate};
use protocol::params::Params;
use protocol::token::client_credentials::{self, Allowed};
use protocol::{base64url, jwt};
use serde::Serialize;
use std::sync::Arc;

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

/// Issues a token.
pub async fn post(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let form = read_form(&uri, &headers, &body).map_err(Failure::Refused)?;
    let client = client(&app, &headers, &form).await?;
    let allowed = match form.get("grant_type") {
        None => Err(Refusal::GrantTypeMissing),
        Some("client_credentials") => client_credentials::decide(
            &client,
            form.get("scope"),
            form.get("resource").or(form.get("audience")),
        ),
        Some(_) => Err(Refusal::GrantTypeUnsupported),
    };
    let allowed = allowed.map_err(Failure::Refused)?;
    let token = sign(&app, &client, &allowed).await?;
    let response = TokenResponse {
        access_token: &token,
        token_type: "Bearer",
        expires_in: app.settings.lifetimes.access_token.as_secs(),
        scope: allowed.scope.as_str(),
    };
    let body = serde_json::to_vec(&response).map_err(|_| Failure::Internal)?;
    Ok(([JSON], NO_STORE, body).into_response())
}

/// RFC 6749 §3.2: a form, each parameter once, nothing in the query.
fn read_form(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Params, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let is_form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let is_utf8 = parts.all(|part| part.eq_ignore_ascii_case("charset=utf-8"));
    if !is_form || !is_utf8 || uri.query().is_some() {
        return Err(Refusal::MalformedRequest);
    }
    let form = Params::parse(body).map_err(|_| Refusal::MalformedRequest)?;
    if form.repeated("resource") {
        return Err(Refusal::RepeatedResource);
    }
    if form.any_repeated() { Err(Refusal::RepeatedParameter) } else { Ok(form) }
}

async fn client(app: &App, headers: &HeaderMap, form: &Params) -> Result<Arc<Client>, Failure> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let header = sent.next();
    let refuse = if header.is_some() { Failure::RefusedBasic } else { Failure::Refused };
    if sent.next().is_some() {
        return Err(refuse(Refusal::SeveralAuthentications));
    }
    let text =
        header.map(|value| value.to_str().map_err(|_| refuse(Refusal::ClientAuthentication))).transpose()?;
    let credentials = Credentials::read(text, form).map_err(refuse)?;
    let client = app.client(&credentials.client).await?;
    authenticate(&credentials, client.as_deref(), app.clock.now()).map_err(refuse)?;
    client.ok_or(refuse(Refusal::ClientAuthentication))
}

async fn sign(app: &App, client: &Client, allowed: &Allowed) -> Result<String, Failure> {
    let now = app.clock.now();
    let ring = app.keys.fresh().await?;
    let signer = ring.signer(client.signing_alg, now)?;
    let jti = base64url::encode(&entropy::bytes::<16>(&*app.entropy));
    let claims =
        ClientToken::new(allowed, &client.id, &app.settings.issuer, &app.settings.lifetimes, &jti, now);
    let input =
        jwt::signing_input(signer.header(Typ::AccessToken), &claims).map_err(|_| Failure::Internal)?;
    let signature = signer.sign(input.as_bytes()).await?;
    Ok(jwt::assemble(input, &signature))
}
