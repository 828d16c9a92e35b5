//! How storage fails. A failure is never "not found" and never a refusal: it becomes HTTP status 503 or 500.

use std::error::Error;
use std::fmt;

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Throttled, locked, too slow, or out of something that many callers can use up: a retry soon helps. Callers can
    /// make a store busy, so it is no reason to answer without it.
    Busy,
    /// The disk is full, the file is gone or the network is down. Callers can't cause this for a read; whatever answers
    /// from a cache instead relies on that.
    Unavailable,
    /// What was read can't be understood, or a newer program wrote it.
    Corrupt,
}

/// A failed storage call.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of the operation of this name, with its cause.
    pub fn new(
        kind: StoreErrorKind,
        operation: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, operation, source: Some(source.into()) }
    }

    /// What the caller can do about it.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        !matches!(self.kind, StoreErrorKind::Corrupt)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StoreErrorKind::Busy => "busy",
            StoreErrorKind::Unavailable => "unavailable",
            StoreErrorKind::Corrupt => "corrupt",
        };
        write!(f, "storage {kind} in {}", self.operation)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
