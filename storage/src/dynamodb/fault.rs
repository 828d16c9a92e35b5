//! DynamoDB's errors, and the kind of each: what the caller can do about it.

use crate::aws::{causes, chain, is_throttling};
use crate::{StoreError, StoreErrorKind};
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::io;

/// The error of a write to an item on which a transaction is in progress.
pub(super) const CONFLICT: &str = "TransactionConflictException";

const NO_TABLE: &str = "there is no such table in this region and account: fix `storage` or AWS_REGION, or make it \
                        with `keyward storage migrate`";
const UNSENDABLE: &str = "no request can be made: check that there are credentials, that AWS_REGION is a region, and that \
                          AWS_ENDPOINT_URL_DYNAMODB, if it is set, begins with https:// or http://";

/// A failure that doesn't know its operation yet.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: StoreErrorKind,
    pub(super) text: String,
}

impl Fault {
    pub(super) fn busy(text: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Busy, text: text.into() }
    }

    pub(super) fn unavailable(text: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, text: text.into() }
    }

    pub(super) fn corrupt(text: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Corrupt, text: text.into() }
    }

    pub(super) fn during(self, operation: &'static str) -> StoreError {
        StoreError::new(self.kind, operation, self.text)
    }
}

/// An error of a call other than its failed condition.
impl<E: ProvideErrorMetadata + Error + 'static> From<SdkError<E, HttpResponse>> for Fault {
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let kind = match &error {
            SdkError::TimeoutError(_) => StoreErrorKind::Busy,
            _ if is_exhaustion(&error) => StoreErrorKind::Busy,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => StoreErrorKind::Busy,
            SdkError::ServiceError(answer) => kind_of(answer.err().code()),
            _ => StoreErrorKind::Unavailable,
        };
        let text = match &error {
            // These errors quote the request with its content.
            SdkError::ConstructionFailure(_) => UNSENDABLE.to_owned(),
            SdkError::DispatchFailure(failure) if !failure.is_io() && !failure.is_timeout() => {
                UNSENDABLE.to_owned()
            }
            SdkError::DispatchFailure(_) => {
                format!("DynamoDB can't be reached; check network, region and endpoint: {}", chain(&error))
            }
            _ if error.code() == Some("ResourceNotFoundException") => NO_TABLE.to_owned(),
            _ => chain(&error),
        };
        Self { kind, text }
    }
}

/// The kind of a DynamoDB error code. Any other code is an outage, a missing table or permission included.
pub(super) fn kind_of(code: Option<&str>) -> StoreErrorKind {
    match code {
        Some(code) if is_throttling(code) => StoreErrorKind::Busy,
        Some(
            "ProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceeded"
            | "TransactionConflict"
            | CONFLICT
            | "TransactionInProgressException",
        ) => StoreErrorKind::Busy,
        // This program didn't make the table, or a record is larger than any of ours can be.
        Some("ValidationException" | "ValidationError") => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether this machine has run out of something that callers use up, too: descriptors, ports, memory.
fn is_exhaustion(error: &(dyn Error + 'static)) -> bool {
    /// `ENFILE` and `EMFILE`, the same numbers on all Unix systems.
    const DESCRIPTORS: [i32; 2] = [23, 24];
    causes(error).filter_map(|error| error.downcast_ref::<io::Error>()).any(|error| {
        let of_kind = matches!(
            error.kind(),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock
        );
        of_kind || error.raw_os_error().is_some_and(|code| DESCRIPTORS.contains(&code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    #[test]
    fn n244_each_code_has_its_kind() {
        for (code, kind) in [
            (Some("ProvisionedThroughputExceededException"), StoreErrorKind::Busy),
            (Some("ThrottlingException"), StoreErrorKind::Busy),
            (Some("RequestLimitExceeded"), StoreErrorKind::Busy),
            (Some("TransactionConflict"), StoreErrorKind::Busy),
            (Some("TransactionConflictException"), StoreErrorKind::Busy),
            (Some("TransactionInProgressException"), StoreErrorKind::Busy),
            (Some("TooManyRequestsException"), StoreErrorKind::Busy),
            // As reasons of a cancelled transaction.
            (Some("ThrottlingError"), StoreErrorKind::Busy),
            (Some("ProvisionedThroughputExceeded"), StoreErrorKind::Busy),
            (Some("ValidationError"), StoreErrorKind::Corrupt),
            (Some("InternalServerError"), StoreErrorKind::Unavailable),
            (Some("ResourceNotFoundException"), StoreErrorKind::Unavailable),
            (Some("AccessDeniedException"), StoreErrorKind::Unavailable),
            (Some("ExpiredTokenException"), StoreErrorKind::Unavailable),
            (Some("ValidationException"), StoreErrorKind::Corrupt),
            (None, StoreErrorKind::Unavailable),
        ] {
            assert_eq!(kind_of(code), kind, "{code:?}");
        }
    }
    /// Callers can use up what a new connection needs, which doesn't mean that DynamoDB is away.
    #[cfg(unix)]
    #[test]
    fn n244_a_machine_out_of_descriptors_is_busy() {
        let failed = |error: io::Error| {
            let failed = ConnectorError::io(Box::new(error));
            Fault::from(SdkError::<GetItemError, HttpResponse>::dispatch_failure(failed)).kind
        };
        for code in [23, 24] {
            assert_eq!(failed(io::Error::from_raw_os_error(code)), StoreErrorKind::Busy, "{code}");
        }
        let by_kind = |kind: io::ErrorKind| failed(io::Error::from(kind));
        assert_eq!(by_kind(io::ErrorKind::AddrNotAvailable), StoreErrorKind::Busy);
        assert_eq!(by_kind(io::ErrorKind::ConnectionRefused), StoreErrorKind::Unavailable);
    }
}
