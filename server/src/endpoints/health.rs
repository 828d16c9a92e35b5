//! Whether the process is alive, and whether it can serve. The answers say no more than that.

use crate::app::App;
use crate::server_error::ServerError;
use crate::telemetry::continued;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use std::time::Duration;
use tokio::time::timeout;

/// How old an answer of `/readyz` may be: however often it is requested, the store is read once in this time.
const AGE: Duration = Duration::from_secs(1);

/// How long a key is checked.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub async fn healthz() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok").into_response()
}

/// Whether a request that signs, seals and writes would succeed now.
pub async fn readyz(State(app): State<App>) -> Response {
    // In a task of its own, which continues if the caller hangs up, so that the next caller finds its answer.
    let looking = async move { app.readiness().within(AGE, &*app.clock, || look(&app)).await };
    let error = match tokio::spawn(continued(looking)).await {
        Ok(Ok(())) => return ([(CACHE_CONTROL, "no-store")], "ok").into_response(),
        Ok(Err(error)) => error,
        Err(error) => ServerError::permanent(error),
    };
    let mut response =
        (StatusCode::SERVICE_UNAVAILABLE, [(CACHE_CONTROL, "no-store")], "unready").into_response();
    response.extensions_mut().insert(error);
    response
}

async fn look(app: &App) -> Result<(), ServerError> {
    app.store.probe().await.map_err(ServerError::transient)?;
    let (ring, now) = (app.keys.fresh().await.map_err(ServerError::transient)?, app.clock.now());
    ring.can_sign(now).map_err(ServerError::transient)?;
    // If the last signature of a key failed, whether it works now.
    for signer in ring.signers(now) {
        let checked = timeout(PATIENCE, signer.check()).await;
        checked.map_err(ServerError::transient)?.map_err(ServerError::transient)?;
    }
    let seals = ring.seals();
    if seals.has(seals.current_master(now)) {
        Ok(())
    } else {
        Err(ServerError::transient("the current sealing master is missing"))
    }
}
