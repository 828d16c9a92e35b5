//! `GET /.well-known/oauth-authorization-server` (RFC 8414 §3).

use crate::app::App;
use crate::http::failure::{Failure, JSON};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use protocol::discovery::Metadata;

/// The metadata of this issuer.
pub async fn get(State(app): State<App>) -> Result<Response, Failure> {
    let body = serde_json::to_vec(&Metadata::new(&app.settings.issuer)).map_err(|_| Failure::Internal)?;
    Ok(([JSON], [(CACHE_CONTROL, "public, max-age=3600")], body).into_response())
}
