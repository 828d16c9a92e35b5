//! `GET /jwks` (RFC 7517 §5): from memory while the store is unavailable, so that verifiers work. Not while it is busy: an
//! attacker who has a key that was revoked could keep the store busy, and the key published.

use crate::app::App;
use crate::headers::JSON;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use keys::ring::JWKS_MAX_AGE;

/// The published keys.
pub async fn get(State(app): State<App>, info: RequestInfo, headers: HeaderMap) -> Response {
    let ring = match app.keys.published().await {
        Ok(ring) => ring,
        Err(error) => return Failure::from(error).into_response(),
    };
    let jwks = ring.jwks(info.at);
    let max_age = format!("public, max-age={}", JWKS_MAX_AGE.as_secs());
    let caching = [(CACHE_CONTROL, max_age), (ETAG, jwks.etag.clone())];
    if is_known(&headers, &jwks.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    ([JSON], caching, jwks.body).into_response()
}

/// RFC 9110 §13.1.2: a list of validators, or `*`; weak ones count.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
