//! `GET /jwks` (RFC 7517 §5): from memory, so that verifiers work while storage does not.

use crate::app::App;
use crate::http::failure::JSON;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

/// The published keys.
pub async fn get(State(app): State<App>, headers: HeaderMap) -> Response {
    // A ring that cannot be read anew is served as it was: its keys are still right.
    let ring = app.keys.fresh().await.unwrap_or_else(|_| app.keys.current());
    let jwks = ring.jwks(app.clock.now());
    let caching = [(CACHE_CONTROL, "public, max-age=900".to_owned()), (ETAG, jwks.etag.clone())];
    let known = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == jwks.etag.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    ([JSON], caching, jwks.body).into_response()
}
