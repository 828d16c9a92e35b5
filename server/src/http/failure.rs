//! How a call ends that does not succeed: we said no, or we broke. The two never look alike.

use crate::keys::{KeysError, SignError};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use protocol::Refusal;
use protocol::error::ErrorCode;
use storage::{StoreError, StoreErrorKind};

/// Headers of every answer that may carry a secret (RFC 6749 §5.1).
pub const NO_STORE: [(HeaderName, HeaderValue); 2] =
    [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];

/// The type of a JSON answer.
pub const JSON: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static("application/json"));

/// Why there is no answer, in the shape of the token endpoint (RFC 6749 §5.2).
#[derive(Debug)]
pub enum Failure {
    /// We said no.
    Refused(Refusal),
    /// We said no to a client that tried HTTP Basic, which is told to try again (RFC 6749 §5.2).
    RefusedBasic(Refusal),
    /// Something we need is away for the moment.
    Unavailable,
    /// Something we need is broken.
    Internal,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "storage failed");
        if error.kind() == StoreErrorKind::Corrupt { Self::Internal } else { Self::Unavailable }
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        tracing::error!(%error, "the key ring failed");
        Self::Unavailable
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        tracing::error!(%error, "signing failed");
        Self::Unavailable
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code, sentence) = match &self {
            Self::Refused(refusal) | Self::RefusedBasic(refusal) => {
                let unauthorized = refusal.code() == ErrorCode::InvalidClient;
                let status = if unauthorized { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
                (status, refusal.code().as_str(), refusal.sentence())
            }
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "The service is busy. Try again soon.",
            ),
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The service has a problem.")
            }
        };
        // Codes and sentences are our own constants without characters that JSON escapes.
        let body = format!(r#"{{"error":"{code}","error_description":"{sentence}"}}"#);
        let mut response = (status, [JSON], NO_STORE, body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if matches!(self, Self::RefusedBasic(_)) && status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="keyward""#));
        }
        response
    }
}
