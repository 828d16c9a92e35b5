//! How a request ends that does not succeed. The endpoint picks the shape of the response: JSON here, a page in `pages`,
//! a challenge in `bearer`.
//!
//! Which error type to use where:
//!
//! - [`Refusal`] (`protocol`): we say no to what was sent. Rules return it; it has nothing of the request in it. One table
//!   gives its code and its public sentence.
//! - [`Failure`] (here): what endpoints return, a refusal or a [`ServerError`]. It has a status and becomes JSON.
//! - [`ServerError`]: something that we need has failed, with 503 if trying again may help and 500 if not. Its cause is only
//!   logged.
//! - `Stop` (`interaction`): what the handlers of pages return. A failure becomes the error page; a refusal for a proven
//!   client goes back to the client; a form that is shown again is a response already.
//! - `AdminError` (`admin`): an operation of an operator's was not done. Its messages are for operators; a page shows a
//!   problem in its own words before the rest becomes a failure.
//! - [`StoreError`] (`storage`), [`KeysError`] and [`SignError`] (`keys`), [`PasswordError`] (`password`), [`QueueFull`]
//!   (`admission`): what parts of the server return. `?` makes a failure of them, never a refusal.

use crate::admission::QueueFull;
use crate::headers::{JSON, NO_STORE};
use crate::password::PasswordError;
use crate::server_error::{ServerError, status_of};
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use keys::{KeysError, SignError, SignErrorKind};
use protocol::Refusal;
use protocol::error::ErrorCode;
use protocol::evidence::Evidence;
use std::time::Duration;
use storage::StoreError;
use tokio::task::JoinError;

/// Why a request does not succeed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// We said no.
    Refused(Refusal),
    /// We failed.
    Server(ServerError),
}

impl Failure {
    /// A failure that only a mistake of ours can cause: 500.
    pub fn internal(what: &'static str) -> Self {
        Self::Server(ServerError::permanent(what))
    }

    /// Too much at once for now: 503.
    pub fn busy(what: &'static str) -> Self {
        Self::Server(ServerError::transient(what))
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Server(error) => status_of(error.is_transient()),
            Self::Refused(Refusal::NoSuchPage | Refusal::NoSuchPath) => StatusCode::NOT_FOUND,
            Self::Refused(Refusal::MethodNotAllowed) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(Refusal::UriTooLong) => StatusCode::URI_TOO_LONG,
            Self::Refused(Refusal::HeadersTooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Refused(Refusal::ContentType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused(Refusal::BodyTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(Refusal::BodyIncomplete) => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(Refusal::WrongHost) => StatusCode::MISDIRECTED_REQUEST,
            Self::Refused(
                Refusal::FormForeign
                | Refusal::FormCookieMissing
                | Refusal::FormStale
                | Refusal::SignUpClosed
                | Refusal::FrontBypassed,
            ) => StatusCode::FORBIDDEN,
            Self::Refused(refusal) => match refusal.code() {
                // RFC 6749 §5.2.
                ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
                // RFC 6750 §3.1.
                ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
                ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            },
        }
    }

    /// The error code (RFC 6749 §4.1.2.1 has the two for our failures).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code().as_str(),
            Self::Server(error) if error.is_transient() => "temporarily_unavailable",
            Self::Server(_) => "server_error",
        }
    }

    /// The one public sentence.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.sentence(),
            Self::Server(error) if error.is_transient() => "The service is busy. Try again soon.",
            Self::Server(_) => "The service has a problem.",
        }
    }

    /// A response that is only the status.
    pub fn bare(self) -> Response {
        let status = self.status();
        self.mark((status, NO_STORE).into_response())
    }

    /// Adds what belongs to this failure in a response of any shape: `Retry-After`, and the refusal or the cause for
    /// metrics and log.
    pub fn mark(self, mut response: Response) -> Response {
        match self {
            Self::Refused(refusal) => {
                response.extensions_mut().insert(refusal);
                response
            }
            Self::Server(error) => {
                let is_transient = error.is_transient();
                response.extensions_mut().insert(error);
                if is_transient { retry_after(response, BUSY) } else { response }
            }
        }
    }
}

/// Adds to the response of a refusal what explains it in the log.
pub fn explain(response: &mut Response, evidence: impl FnOnce(Refusal) -> Evidence) {
    if let Some(refusal) = response.extensions().get::<Refusal>().copied() {
        response.extensions_mut().insert(evidence(refusal));
    }
}

/// How long to wait before trying again while something is unavailable or busy.
pub const BUSY: Duration = Duration::from_secs(2);

/// Adds `Retry-After`, in whole seconds, rounded up (RFC 9110 §10.2.3).
pub fn retry_after(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Server(ServerError::new(error.is_transient(), error))
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::Server(ServerError::transient(error))
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        Self::Server(ServerError::new(error.kind() != SignErrorKind::Corrupt, error))
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        Self::Server(ServerError::new(error.is_transient(), error))
    }
}

/// A task of ours panicked.
impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::Server(ServerError::permanent(error))
    }
}

impl From<QueueFull> for Failure {
    fn from(_: QueueFull) -> Self {
        Self::busy("too many callers are waiting")
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

/// As JSON (RFC 6749 §5.2).
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // Codes and sentences are our own constants without characters that JSON escapes.
        let body = format!(r#"{{"error":"{}","error_description":"{}"}}"#, self.code(), self.sentence());
        let response = (self.status(), [JSON], NO_STORE, body).into_response();
        self.mark(response)
    }
}
