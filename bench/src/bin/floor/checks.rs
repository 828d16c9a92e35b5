//! Tokens that are presented: introspection, userinfo, revocation.

use crate::ledger::Step;
use crate::state::{Floor, answer, form, header, json};
use crate::text::{seconds, unbase64};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    jti: String,
    client_id: String,
    scope: String,
}

#[derive(Serialize)]
struct Introspection {
    active: bool,
    #[serde(flatten)]
    claims: Option<Claims>,
}

#[derive(Serialize)]
struct Userinfo<'a> {
    sub: &'a str,
}

impl Floor {
    fn open(&self, token: &str) -> Option<Claims> {
        let (message, signature) = token.rsplit_once('.')?;
        let [header, _] = &self.headers;
        let claims = message.strip_prefix(header.as_str())?.strip_prefix('.')?;
        self.key.verify(message.as_bytes(), &unbase64(signature)?)?;
        let claims: Claims = serde_json::from_slice(&unbase64(claims)?).ok()?;
        (claims.exp > seconds()).then_some(claims)
    }
}

pub(crate) async fn introspect(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(form(&headers, &body).and_then(|form| {
        floor.client(&headers, &form)?;
        let claims = form.get("token").and_then(|token| floor.open(token));
        json(&Introspection { active: claims.is_some(), claims })
    }))
}

pub(crate) async fn userinfo(State(floor): State<Arc<Floor>>, headers: HeaderMap) -> Response {
    let token = header(&headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let claims = token.and_then(|token| floor.open(token)).ok_or(StatusCode::UNAUTHORIZED);
    answer(claims.and_then(|claims| json(&Userinfo { sub: &claims.sub })))
}

pub(crate) async fn revoke(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(deny(&floor, &headers, &body).await)
}

async fn deny(floor: &Floor, headers: &HeaderMap, body: &[u8]) -> Result<Response, StatusCode> {
    let form = form(headers, body)?;
    floor.client(headers, &form)?;
    let claims = form.get("token").and_then(|token| floor.open(token)).ok_or(StatusCode::BAD_REQUEST)?;
    let ledger = floor.ledger.as_ref().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    ledger.write(Step::Deny(Sha256::digest(claims.jti).into())).await;
    Ok(StatusCode::OK.into_response())
}
