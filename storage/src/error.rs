//! How storage fails. A failure is never "not found" and never a refusal: it becomes 503 or 500.

use std::error::Error;
use std::fmt;

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Throttled, locked, too slow, or short of something that a crowd can use up: trying again soon helps. Callers
    /// can make a store busy, so this opens nothing.
    Busy,
    /// Away: disk full, file gone, network down. Nobody who only calls can bring it about for a read; what does
    /// without a read relies on that.
    Unavailable,
    /// What was read can't be understood, or is of a newer version than this program.
    Corrupt,
}

/// A failed storage call.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    step: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of `step` with its cause.
    pub fn new(
        kind: StoreErrorKind,
        step: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, step, source: Some(source.into()) }
    }

    /// What the caller can do about it.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StoreErrorKind::Busy => "busy",
            StoreErrorKind::Unavailable => "unavailable",
            StoreErrorKind::Corrupt => "corrupt",
        };
        write!(f, "storage {kind} in {}", self.step)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
