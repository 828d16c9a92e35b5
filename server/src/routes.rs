//! The URL map, on one screen.

use crate::app::App;
use crate::endpoints::{health, jwks, metadata, token};
use crate::http::headers;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

/// The largest body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Everything Keyward answers, below the issuer's path.
pub fn router(app: App) -> Router {
    let path = app.settings.issuer.path().to_owned();
    let below = Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata::get))
        .route("/jwks", get(jwks::get))
        .route("/token", post(token::post))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz));
    // RFC 8414 §3.1: with a path in the issuer, the well-known part stands before it.
    let inserted = format!("/.well-known/oauth-authorization-server{path}");
    let router = match path.as_str() {
        "" => below,
        path => Router::new().nest(path, below).route(&inserted, get(metadata::get)),
    };
    router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::new())
        .layer(middleware::map_response(headers::harden))
        .with_state(app)
}
