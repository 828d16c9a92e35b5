//! What tests read and change outside the API of KMS, each for one caller (an access key):
//!
//! - `GET /_kms/calls?caller=KEY` answers `{"Decrypt": 3, …}`; `DELETE` resets it.
//! - `POST /_kms/faults` with `{"caller", "operation", "kind", "times", "millis"}` adds a fault: `operation` is a name
//!   or `*`, `kind` one of [`Fault`](super::faults::Fault)'s in small letters, `times` how many calls it hits (absent:
//!   until cleared), `millis` the time of `slow`. `DELETE /_kms/faults?caller=KEY` clears them.
//!
//! The others answer 204 without a body; a request that makes no sense is answered with 400 and the reason.

use super::api::Kms;
use axum::Json;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// The paths of the control begin so.
pub(crate) const PREFIX: &str = "/_kms/";

/// Answers a request to the control.
pub(crate) fn answer(kms: &Kms, method: &Method, uri: &Uri, body: &[u8]) -> Response {
    match done(kms, method, uri, body) {
        Ok(response) => response,
        Err((status, reason)) => (status, reason).into_response(),
    }
}

fn done(kms: &Kms, method: &Method, uri: &Uri, body: &[u8]) -> Result<Response, (StatusCode, String)> {
    let invalid = |reason: String| (StatusCode::BAD_REQUEST, reason);
    let caller = || {
        let mut parameters = uri.query().unwrap_or_default().split('&');
        let caller = parameters.find_map(|parameter| parameter.strip_prefix("caller="));
        caller.ok_or_else(|| invalid("`?caller=` names no access key".to_owned()))
    };
    match (method.as_str(), uri.path().strip_prefix(PREFIX)) {
        ("GET", Some("calls")) => return Ok(Json(kms.calls.of(caller()?)).into_response()),
        ("DELETE", Some("calls")) => kms.calls.reset(caller()?),
        ("POST", Some("faults")) => {
            let described = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
            kms.faults.add(&described).map_err(invalid)?;
        }
        ("DELETE", Some("faults")) => kms.faults.clear(caller()?),
        _ => return Err((StatusCode::NOT_FOUND, format!("no {method} {}", uri.path()))),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
