//! The forms in which the ring has the private half of a signing key.

use serde::{Deserialize, Serialize};

/// The beginning of a wrapped key that KMS has encrypted.
pub(crate) const KMS_ENCRYPTED: &str = "kms:";
/// The beginning of the name of a key that stays in KMS.
pub(crate) const KMS_KEPT: &str = "kms-sign:";

/// The form in which the ring has the private half of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Wrapped by a master key file.
    File,
    /// Encrypted by KMS.
    Encrypted,
    /// The name of a key that never leaves KMS.
    Kept,
}

impl Form {
    /// The form of a [`super::ring::RingKey::wrapped`].
    pub fn of(wrapped: &str) -> Self {
        if wrapped.starts_with(KMS_KEPT) {
            Self::Kept
        } else if wrapped.starts_with(KMS_ENCRYPTED) {
            Self::Encrypted
        } else {
            Self::File
        }
    }

    /// What a value of the setting `keys` begins with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "local",
            Self::Encrypted => "kms-envelope",
            Self::Kept => "kms-sign",
        }
    }
}

/// The ARN of a signing key that stays in KMS, from its [`super::ring::RingKey::wrapped`].
pub fn kept_key(wrapped: &str) -> Option<&str> {
    wrapped.strip_prefix(KMS_KEPT)
}

/// The id of a KMS key, from its ARN.
pub(crate) fn key_id(arn: &str) -> Option<&str> {
    arn.rsplit_once(":key/").map(|(_, id)| id)
}
