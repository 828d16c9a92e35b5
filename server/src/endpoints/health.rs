//! Whether the process lives, and whether it can work. Neither says more than that.

use crate::app::App;
use crate::http::failure::Broken;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;

/// The process answers.
pub async fn healthz() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok").into_response()
}

/// Storage can be written and the key ring is there.
pub async fn readyz(State(app): State<App>) -> Response {
    let (store, keys) = (app.store.probe().await, app.keys.fresh().await);
    let broken = match (store, keys) {
        (Ok(()), Ok(_)) => return ([(CACHE_CONTROL, "no-store")], "ok").into_response(),
        (Err(error), _) => Broken::passing(error),
        (_, Err(error)) => Broken::passing(error),
    };
    let mut response =
        (StatusCode::SERVICE_UNAVAILABLE, [(CACHE_CONTROL, "no-store")], "unready").into_response();
    response.extensions_mut().insert(broken);
    response
}
