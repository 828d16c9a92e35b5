//! Lifetimes of codes, tokens and sessions.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A lifetime as it is registered and stored: whole seconds, as in `expires_in` (RFC 6749 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0.into())
    }
}

/// The configured lifetimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of an authorization code (RFC 6749 §4.1.2).
    pub code: Duration,
    /// Of an access token.
    pub access_token: Duration,
    /// Of an ID token.
    pub id_token: Duration,
    /// Of an unused refresh token.
    pub refresh_token_idle: Duration,
    /// Of an offline grant.
    pub refresh_token_absolute: Duration,
    /// Of an unused browser session.
    pub session_idle: Duration,
    /// Of any browser session.
    pub session_absolute: Duration,
}

/// How long a user may take to answer an authorization request.
pub const REQUEST: Duration = Duration::from_secs(30 * 60);

/// How long a browser is remembered after a sign-in ([`crate::device`]).
pub const DEVICE: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long a grant whose code was never redeemed is kept after the code's expiry. It is longer than [`REQUEST`] plus
/// the clock skew: as long as the request can be answered again, its grant must exist and show that it was answered;
/// otherwise the same code would be issued twice.
pub const UNREDEEMED: Duration = Duration::from_secs(60 * 60);

const _: () = assert!(UNREDEEMED.as_secs() > REQUEST.as_secs());

impl Default for Lifetimes {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        const DAY: u64 = 24 * HOUR;
        Self {
            code: Duration::from_secs(60),
            access_token: Duration::from_secs(600),
            id_token: Duration::from_secs(HOUR),
            refresh_token_idle: Duration::from_secs(30 * DAY),
            refresh_token_absolute: Duration::from_secs(90 * DAY),
            session_idle: Duration::from_secs(12 * HOUR),
            session_absolute: Duration::from_secs(7 * DAY),
        }
    }
}
