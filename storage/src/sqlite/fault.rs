//! SQLite's errors, and the kind of each: what the caller can do about it.

use crate::{StoreError, StoreErrorKind};
use rusqlite::{Error, ErrorCode, ffi};
use std::path::Path;

/// A failure of several jobs at once; each is answered with it.
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

    pub(super) fn during(self, operation: &'static str) -> StoreError {
        StoreError::new(self.kind, operation, self.text)
    }
}

impl From<&Error> for Outage {
    fn from(error: &Error) -> Self {
        Self { kind: kind(error), text: error.to_string() }
    }
}

/// The error of one operation.
pub(super) fn failed(operation: &'static str, error: Error) -> StoreError {
    StoreError::new(kind(&error), operation, error)
}

/// The same, with the file that it is about.
pub(super) fn failed_at(path: &Path, operation: &'static str, error: &Error) -> StoreError {
    let fix = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => ": correct the setting `storage`, or restore a backup",
        _ => "",
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    StoreError::new(kind(error), operation, format!("{}: {error}{fix}", path.display()))
}

fn kind(error: &Error) -> StoreErrorKind {
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            // Many callers at once can cause these: a lock that is taken, no memory, an interrupted job.
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted => StoreErrorKind::Busy,
            ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_NOMEM => {
                StoreErrorKind::Busy
            }
            // Also a constraint or a missing table: this program didn't make the store.
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
