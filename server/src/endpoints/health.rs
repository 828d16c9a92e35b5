//! Whether the process lives, and whether it can work. Neither says more than that.

use crate::app::App;
use axum::extract::State;
use http::StatusCode;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok"
}

/// Storage can be written and the key ring is there.
pub async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    let (store, keys) = (app.store.probe().await, app.keys.fresh().await);
    if store.is_ok() && keys.is_ok() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unready")
    }
}
