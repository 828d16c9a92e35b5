//! What every request may bring, whatever transport it comes by, and the answer of the transport itself.

use crate::headers::{NO_STORE, harden};
use crate::web::cors;
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use axum::Router;
use axum::body::Body;
use protocol::Refusal;
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt as _;

/// Bytes of path and query; more is 414.
pub const URI_BYTES: usize = 8 * 1024;
/// Bytes of header names and values together; more is 431.
pub const HEADER_BYTES: usize = 32 * 1024;
/// Header lines; more is 431.
pub const HEADERS: usize = 100;
/// Bytes of a body; more is 413. Most routes take less (`web::form`).
pub const BODY_BYTES: u64 = 64 * 1024;
/// The time for a whole request from the end of its head; longer is 503.
pub const REQUEST_TIME: Duration = Duration::from_secs(30);

/// Checks the size of a request's head.
///
/// # Errors
/// Why it is refused.
pub(super) fn check_size(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if uri_bytes > URI_BYTES {
        return Err(Refusal::UriTooLong);
    }
    let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header_bytes > HEADER_BYTES || headers.len() > HEADERS {
        return Err(Refusal::HeadersTooLarge);
    }
    Ok(())
}

/// Lets the router answer; `None`: that takes longer than `limit`.
pub async fn answer(router: Router, request: Request<Body>, limit: Duration) -> Option<Response<Body>> {
    match timeout(limit, router.oneshot(request)).await {
        Ok(Ok(response)) => Some(response),
        Ok(Err(never)) => match never {},
        Err(_) => None,
    }
}

/// An answer of the transport to a request for this path, which is empty if it is not known: a status and no body.
pub fn bare(status: StatusCode, path: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    harden(headers, false);
    headers.extend(NO_STORE);
    headers.extend(cors::of_transport(path));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
