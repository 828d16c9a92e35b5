//! How a call ends that does not succeed: we said no, or we broke. The two never look alike; the endpoint picks
//! the shape (JSON here, a page in `pages`, a challenge in `bearer`).

use super::headers::{JSON, NO_STORE};
use crate::admin::AdminError;
use crate::admission::QueueFull;
use crate::keys::{KeysError, SignError, SignErrorKind};
use crate::password::PasswordError;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use protocol::Refusal;
use protocol::error::ErrorCode;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use storage::{StoreError, StoreErrorKind};
use tokio::task::JoinError;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Failure {
    /// We said no.
    Refused(Refusal),
    /// We broke.
    Broken(Broken),
}

/// Something we need failed. Its cause goes to the log, never into an answer.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Whether trying again may help.
    passing: bool,
    cause: Arc<dyn Error + Send + Sync>,
}

impl Broken {
    /// It passes: 503.
    pub fn passing(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { passing: true, cause: cause.into().into() }
    }

    /// It stays until somebody mends it: 500.
    pub fn lasting(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { passing: false, cause: cause.into().into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Failure {
    /// A failure that only a mistake of ours can cause.
    pub fn internal(what: &'static str) -> Self {
        Self::Broken(Broken::lasting(what))
    }

    /// Too much at once for now.
    pub fn busy(what: &'static str) -> Self {
        Self::Broken(Broken::passing(what))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Broken(broken) if broken.passing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(Refusal::NoSuchPage) => StatusCode::NOT_FOUND,
            Self::Refused(Refusal::ContentType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused(Refusal::BodyTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(Refusal::BodyIncomplete) => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(Refusal::FormForeign | Refusal::FormStale | Refusal::SignUpClosed) => {
                StatusCode::FORBIDDEN
            }
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

    /// The code of the answer (RFC 6749 §4.1.2.1 has the two of ours).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code().as_str(),
            Self::Broken(broken) if broken.passing => "temporarily_unavailable",
            Self::Broken(_) => "server_error",
        }
    }

    /// The one public sentence.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.sentence(),
            Self::Broken(broken) if broken.passing => "The service is busy. Try again soon.",
            Self::Broken(_) => "The service has a problem.",
        }
    }

    /// Puts on an answer what goes with this failure, whatever its shape: when to come back, and the cause for
    /// the log.
    pub fn mark(self, mut response: Response) -> Response {
        match self {
            Self::Refused(_) => response,
            Self::Broken(broken) => {
                let passing = broken.passing;
                response.extensions_mut().insert(broken);
                if passing { retry_after(response, BUSY) } else { response }
            }
        }
    }
}

/// When to come back while something is away or everybody is busy.
pub const BUSY: Duration = Duration::from_secs(2);

/// Tells when to come back, in whole seconds, rounded up (RFC 9110 §10.2.3).
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
        let lasting = error.kind() == StoreErrorKind::Corrupt;
        Self::Broken(if lasting { Broken::lasting(error) } else { Broken::passing(error) })
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::Broken(Broken::passing(error))
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        let lasting = error.kind() == SignErrorKind::Corrupt;
        Self::Broken(if lasting { Broken::lasting(error) } else { Broken::passing(error) })
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        let passing = error == PasswordError::Busy;
        Self::Broken(if passing { Broken::passing(error) } else { Broken::lasting(error) })
    }
}

/// A task of ours panicked.
impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::Broken(Broken::lasting(error))
    }
}

impl From<QueueFull> for Failure {
    fn from(_: QueueFull) -> Self {
        Self::busy("too many callers are in line")
    }
}

/// What a person did by themselves and nobody could refuse: only what breaks is left.
impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Store(error) => error.into(),
            AdminError::Password(error) => error.into(),
            refused => Self::Broken(Broken::lasting(refused)),
        }
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
