//! From SQLite's errors to what the caller can do about them.

use crate::{StoreError, StoreErrorKind};
use rusqlite::{Error, ErrorCode, ffi};

/// A failure that hit several jobs at once, so each of them is told.
#[derive(Clone, Debug)]
pub(super) struct Outage {
    kind: StoreErrorKind,
    text: String,
}

impl Outage {
    pub(super) fn new(kind: StoreErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.kind == StoreErrorKind::Busy
    }

    pub(super) fn in_step(self, step: &'static str) -> StoreError {
        StoreError::new(self.kind, step, self.text)
    }
}

impl From<&Error> for Outage {
    fn from(error: &Error) -> Self {
        Self { kind: kind(error), text: error.to_string() }
    }
}

/// The error of one step.
pub(super) fn failed(step: &'static str, error: Error) -> StoreError {
    StoreError::new(kind(&error), step, error)
}

fn kind(error: &Error) -> StoreErrorKind {
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            // A crowd of callers can bring these about: a lock that is taken, no memory, a job that was broken off.
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted => StoreErrorKind::Busy,
            ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_NOMEM => {
                StoreErrorKind::Busy
            }
            // A constraint or a missing table: the store isn't the one this program made.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::Unknown => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Unavailable,
        },
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnName(_)
        | Error::InvalidColumnIndex(_)
        | Error::Utf8Error(..)
        | Error::QueryReturnedNoRows
        | Error::SqlInputError { .. } => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n244_each_code_has_its_kind() {
        for (code, kind_of) in [
            (ffi::SQLITE_BUSY, StoreErrorKind::Busy),
            (ffi::SQLITE_LOCKED, StoreErrorKind::Busy),
            (ffi::SQLITE_NOMEM, StoreErrorKind::Busy),
            (ffi::SQLITE_PROTOCOL, StoreErrorKind::Busy),
            (ffi::SQLITE_INTERRUPT, StoreErrorKind::Busy),
            (ffi::SQLITE_ABORT, StoreErrorKind::Busy),
            (ffi::SQLITE_IOERR_NOMEM, StoreErrorKind::Busy),
            (ffi::SQLITE_FULL, StoreErrorKind::Unavailable),
            (ffi::SQLITE_IOERR, StoreErrorKind::Unavailable),
            (ffi::SQLITE_READONLY, StoreErrorKind::Unavailable),
            (ffi::SQLITE_CANTOPEN, StoreErrorKind::Unavailable),
            (ffi::SQLITE_CORRUPT, StoreErrorKind::Corrupt),
            (ffi::SQLITE_NOTADB, StoreErrorKind::Corrupt),
            (ffi::SQLITE_ERROR, StoreErrorKind::Corrupt),
        ] {
            assert_eq!(kind(&Error::SqliteFailure(ffi::Error::new(code), None)), kind_of, "code {code}");
        }
    }
}
