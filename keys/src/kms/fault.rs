//! KMS's errors: the kind of each, and a message that says which key, what KMS answered and what to do.

use super::meter::Outcome;
use crate::error::{SignError, SignErrorKind};
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use storage::aws::{chain, is_throttling};

/// A call of KMS.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call<'a> {
    GenerateDataKey,
    GenerateKeyPair,
    Encrypt,
    CreateKey,
    GetPublicKey,
    DescribeKey,
    DisableKey,
    EnableKey,
    Sign,
    Decrypt {
        /// The key that wrapped the blob, as the ring says.
        wrapping_key: Option<&'a str>,
    },
}

impl Call<'_> {
    /// The name of its permission, without `kms:`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GenerateDataKey => "GenerateDataKeyWithoutPlaintext",
            Self::GenerateKeyPair => "GenerateDataKeyPairWithoutPlaintext",
            Self::Encrypt => "Encrypt",
            Self::CreateKey => "CreateKey",
            Self::GetPublicKey => "GetPublicKey",
            Self::DescribeKey => "DescribeKey",
            Self::DisableKey => "DisableKey",
            Self::EnableKey => "EnableKey",
            Self::Sign => "Sign",
            Self::Decrypt { .. } => "Decrypt",
        }
    }

    const fn step(self) -> &'static str {
        match self {
            Self::GenerateDataKey | Self::GenerateKeyPair | Self::CreateKey | Self::GetPublicKey => {
                "making a key in KMS"
            }
            Self::Encrypt => "wrapping a key by KMS",
            Self::DescribeKey | Self::DisableKey | Self::EnableKey => "switching a KMS key off and on",
            Self::Sign => "signing by KMS",
            Self::Decrypt { .. } => "unwrapping a key by KMS",
        }
    }
}

/// How a call ended.
pub(super) fn outcome<T, E: ProvideErrorMetadata>(answer: &Result<T, SdkError<E, HttpResponse>>) -> Outcome {
    let Err(error) = answer else { return Outcome::Ok };
    match error {
        SdkError::TimeoutError(_) => Outcome::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Outcome::TimedOut,
        SdkError::ServiceError(answer) => match kind_of(answer.err().code()) {
            SignErrorKind::Busy => Outcome::Throttled,
            SignErrorKind::Unavailable => Outcome::Unavailable,
            SignErrorKind::Denied | SignErrorKind::Corrupt | SignErrorKind::Foreign => Outcome::Refused,
        },
        _ => Outcome::Unavailable,
    }
}

/// The error of a call with a key.
pub(super) fn failed<E: ProvideErrorMetadata + Error + 'static>(
    call: Call<'_>,
    key: &str,
) -> impl Fn(SdkError<E, HttpResponse>) -> SignError {
    move |error| {
        let kind = match &error {
            SdkError::TimeoutError(_) => SignErrorKind::Busy,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => SignErrorKind::Busy,
            SdkError::ServiceError(answer) => kind_of(answer.err().code()),
            _ => SignErrorKind::Unavailable,
        };
        let text = match &error {
            // This error quotes the request with its content.
            SdkError::ConstructionFailure(_) => {
                "no request can be made to KMS: check the credentials, AWS_REGION and AWS_ENDPOINT_URL_KMS"
                    .to_owned()
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
                format!(
                    "KMS key {key}: {} got no answer from KMS; check network, region and endpoint: {}",
                    call.name(),
                    chain(&error)
                )
            }
            SdkError::ServiceError(answer) => answered(call, key, answer.err()),
            _ => chain(&error),
        };
        SignError::new(kind, call.step(), text)
    }
}

/// An answer that KMS never gives.
pub(super) fn unexpected(call: Call<'_>, why: impl std::fmt::Display) -> SignError {
    SignError::new(SignErrorKind::Unavailable, call.step(), format!("{}: {why}", call.name()))
}

fn answered(call: Call<'_>, key: &str, error: &impl ProvideErrorMetadata) -> String {
    let code = error.code().unwrap_or("an error without a code");
    let message = error.message().map(|message| format!(" ({message})")).unwrap_or_default();
    let advice = advice(call, code).map(|advice| format!("; {advice}")).unwrap_or_default();
    format!("KMS key {key}: {} was answered by {code}{message}{advice}", call.name())
}

fn advice(call: Call<'_>, code: &str) -> Option<String> {
    Some(match code {
        "NotFoundException" => {
            "there is no such key or alias in this region and account: fix `keys` or AWS_REGION".to_owned()
        }
        "DisabledException" => "enable the key (`aws kms enable-key`)".to_owned(),
        "KMSInvalidStateException" => {
            "if it waits for its deletion, stop that (`aws kms cancel-key-deletion`), then enable it".to_owned()
        }
        "AccessDeniedException" if matches!(call, Call::CreateKey) => {
            "allow kms:CreateKey and kms:TagResource in the policy of this role: the key is created with tags".to_owned()
        }
        "AccessDeniedException" => {
            format!("allow kms:{} in the policy of this role and in the key's", call.name())
        }
        "InvalidKeyUsageException" | "UnsupportedOperationException" => {
            "`keys` must name a symmetric key for encryption".to_owned()
        }
        "InvalidCiphertextException" => {
            "what the store has was not wrapped by this key for this realm and purpose: restore the store, or move the \
             keys with `keyward keys move`"
                .to_owned()
        }
        "IncorrectKeyException" => match call {
            Call::Decrypt { wrapping_key: Some(wrapped_by) } => {
                format!("the keys are wrapped by {wrapped_by}: set `keys` to it, or run `keyward keys move`")
            }
            _ => "the keys are wrapped by another key".to_owned(),
        },
        _ => return None,
    })
}

/// The kind of an error code.
fn kind_of(code: Option<&str>) -> SignErrorKind {
    match code {
        Some(code) if is_throttling(code) => SignErrorKind::Busy,
        Some(
            "AccessDeniedException"
            | "DisabledException"
            | "KMSInvalidStateException"
            | "NotFoundException"
            | "InvalidKeyUsageException"
            | "UnsupportedOperationException"
            | "InvalidArnException"
            | "ValidationException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "InvalidClientTokenId"
            | "OptInRequired",
        ) => SignErrorKind::Denied,
        Some("InvalidCiphertextException") => SignErrorKind::Corrupt,
        Some("IncorrectKeyException") => SignErrorKind::Foreign,
        _ => SignErrorKind::Unavailable,
    }
}
