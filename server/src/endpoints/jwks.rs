//! `GET /jwks` (RFC 7517 §5): from memory, so that verifiers work while storage does not.

use crate::app::App;
use crate::http::call::Call;
use crate::http::cors;
use crate::http::headers::JSON;
use crate::keys::ring::JWKS_MAX_AGE;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

/// The published keys.
pub async fn get(State(app): State<App>, call: Call, headers: HeaderMap) -> Response {
    // A ring that cannot be read anew is served as it was: its keys are still right.
    let ring = app.keys.fresh().await.unwrap_or_else(|_| app.keys.current());
    let jwks = ring.jwks(call.at);
    let max_age = format!("public, max-age={}", JWKS_MAX_AGE.as_secs());
    let caching = [(CACHE_CONTROL, max_age), (ETAG, jwks.etag.clone())];
    if is_known(&headers, &jwks.etag) {
        return (StatusCode::NOT_MODIFIED, [cors::ANYONE], caching).into_response();
    }
    ([JSON, cors::ANYONE], caching, jwks.body).into_response()
}

/// RFC 9110 §13.1.2: a list of validators, or `*`; weak ones count.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
