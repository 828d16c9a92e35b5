//! Something that we need has failed. The cause goes to the log and never into an answer.

use http::StatusCode;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A failure of ours: an answer with a status of 500 or 503.
#[derive(Clone, Debug)]
pub struct ServerError {
    is_transient: bool,
    cause: Arc<dyn Error + Send + Sync>,
}

impl ServerError {
    /// A failure of which `cause` is known to be transient or not.
    pub fn new(is_transient: bool, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { is_transient, cause: cause.into().into() }
    }

    /// Trying again may help: 503.
    pub fn transient(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(true, cause)
    }

    /// It stays until somebody fixes it: 500.
    pub fn permanent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(false, cause)
    }

    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        self.is_transient
    }
}

/// The status of a failure of ours.
pub const fn status_of(is_transient: bool) -> StatusCode {
    if is_transient { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}
