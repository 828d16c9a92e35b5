//! The listener for metrics, apart from the public one: `GET /metrics`, and nothing else.

use super::http::{Limits, serve};
use crate::app::App;
use crate::headers::{NO_STORE, harden};
use crate::metrics::{CONTENT_TYPE, render};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header;
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;

/// A few monitoring systems, which send small requests.
const LIMITS: Limits = Limits {
    connections: 16,
    connections_of_one: 8,
    evictable_after: Duration::from_secs(1),
    request_bytes: 64 * 1024,
    request_bytes_of_one: 32 * 1024,
    head_time: Duration::from_secs(10),
    idle_time: Duration::from_secs(75),
    body_time: Duration::from_secs(1),
    request_time: Duration::from_secs(10),
    answer_time: Duration::from_secs(10),
    drain_time: Duration::ZERO,
    router_refuses: false,
};

/// Serves until it is dropped.
///
/// # Errors
/// As [`serve`].
pub async fn serve_metrics(listener: TcpListener, app: App) -> io::Result<()> {
    serve(listener, None, router(app), LIMITS, pending()).await
}

fn router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<App>) -> Response {
    let text = render(&app.metrics, &app.gauges());
    let mut response = ([(header::CONTENT_TYPE, CONTENT_TYPE)], NO_STORE, text).into_response();
    harden(response.headers_mut(), false);
    response
}
