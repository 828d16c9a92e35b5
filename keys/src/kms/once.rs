//! `CreateKey` is sent again only after an answer that says that it made nothing. After any other failure the key may exist,
//! and a second call would make a second one.

use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::config::interceptors::InterceptorContext;
use aws_sdk_kms::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_kms::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_kms::operation::create_key::CreateKeyError;
use storage::aws::is_throttling;

/// Forbids the SDK's retries, except after throttling.
#[derive(Debug)]
pub(super) struct Once;

impl ClassifyRetry for Once {
    fn classify_retry(&self, call: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = call.output_or_error() else { return RetryAction::NoActionIndicated };
        let refused = error.as_operation_error().and_then(|error| error.downcast_ref::<CreateKeyError>());
        match refused.and_then(|error| error.code()) {
            Some(code) if is_throttling(code) => RetryAction::NoActionIndicated,
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "CreateKey once"
    }
}

/// Whether the key may have been made although the call failed.
pub(super) fn may_exist(error: &SdkError<CreateKeyError, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(answer) => answer.raw().status().is_server_error(),
        _ => true,
    }
}
