//! Something that we need has failed. The cause goes to the log and never into an answer.

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
    /// Trying again may help: 503.
    pub fn transient(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { is_transient: true, cause: cause.into().into() }
    }

    /// It stays until somebody fixes it: 500.
    pub fn permanent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { is_transient: false, cause: cause.into().into() }
    }

    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        self.is_transient
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}
