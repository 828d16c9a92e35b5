//! What is noted about the calls of KMS.

use std::time::Duration;

/// The calls, by the names of their permissions without `kms:`.
pub const CALLS: [&str; 7] = [
    "CreateKey",
    "Decrypt",
    "Encrypt",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GetPublicKey",
    "Sign",
];

/// How a call ended, after the retries within its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Ok,
    /// KMS gets too many calls.
    Throttled,
    /// It took too long.
    TimedOut,
    /// KMS refused it: the key is disabled, unknown, not permitted or another one, or what was sent is wrong.
    Refused,
    /// KMS could not be reached, or failed.
    Unavailable,
}

impl Outcome {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Throttled, Self::TimedOut, Self::Refused, Self::Unavailable];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Throttled => "throttled",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Notes calls.
pub trait Meter: Send + Sync + 'static {
    /// Notes a call, one of [`CALLS`].
    fn note(&self, call: &'static str, took: Duration, outcome: Outcome);
}
