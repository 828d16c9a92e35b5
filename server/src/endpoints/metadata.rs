//! The two metadata documents (OIDC Discovery §4, RFC 8414 §3): one text, serialized once.

use crate::app::App;
use crate::headers::JSON;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue};

/// An hour: endpoints change with releases, and clients read this when they start.
const CACHING: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));

/// The metadata of this issuer.
pub async fn get(State(app): State<App>) -> Response {
    ([JSON, CACHING], app.metadata().clone()).into_response()
}
