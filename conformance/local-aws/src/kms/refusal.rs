//! What KMS answers when it refuses or fails.

use axum::http::StatusCode;

/// An error of KMS: `{"__type": kind, "message": message}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind, message: message.into() }
    }

    /// A parameter breaks a rule that KMS knows without the key.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new("NotFoundException", message)
    }

    /// The key exists, but isn't made for this.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("InvalidKeyUsageException", message)
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::new("KMSInvalidStateException", message)
    }

    /// KMS does it; this double doesn't.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("UnsupportedOperationException", message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "KMSInternalException",
            message: message.into(),
        }
    }
}

/// The cryptographic library failed, which it never should.
impl From<aws_lc_rs::error::Unspecified> for Refusal {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::internal("the cryptographic library failed")
    }
}
