//! What a new password must not be (NIST SP 800-63B §5.1.1.2): too short, the user name, or one of the most common. There
//! are no rules about which characters it must have: they make passwords worse.

use super::text::{MAX_BYTES, prepare};
use std::fmt;

/// The shortest password, in characters.
const MIN_CHARACTERS: usize = 8;
/// The most common passwords, one per line, in lower case.
const COMMON: &str = include_str!("common.txt");

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPassword {
    /// Fewer than eight characters.
    TooShort,
    /// More than 1024 bytes.
    TooLong,
    /// It is the user name.
    IsUsername,
    /// It is one of the most common.
    TooCommon,
    /// It has characters that can't be typed the same way everywhere, like control characters.
    Unusable,
}

impl BadPassword {
    /// For the person who chose it.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooShort => "Use at least 8 characters.",
            Self::TooLong => "Use at most 1024 bytes.",
            Self::IsUsername => "Your password can't be your user name.",
            Self::TooCommon => "This is one of the most common passwords. Choose another one.",
            Self::Unusable => "Your password has characters that can't be used, like tabs or line breaks.",
        }
    }
}

impl fmt::Display for BadPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for BadPassword {}

/// Checks a password before it is set.
///
/// # Errors
/// Why it is refused.
pub fn check_new(password: &str, username: &str) -> Result<(), BadPassword> {
    if password.len() > MAX_BYTES {
        return Err(BadPassword::TooLong);
    }
    if password.chars().count() < MIN_CHARACTERS {
        return Err(BadPassword::TooShort);
    }
    let prepared = prepare(password).ok_or(BadPassword::Unusable)?;
    // Composed letters may make it shorter than it was typed.
    if prepared.chars().count() < MIN_CHARACTERS {
        return Err(BadPassword::TooShort);
    }
    let lower = zeroize::Zeroizing::new(prepared.to_lowercase());
    // The record has the name as it was typed, so it is prepared in the same way.
    if prepare(username.trim()).is_some_and(|name| name.to_lowercase() == *lower) {
        return Err(BadPassword::IsUsername);
    }
    if COMMON.lines().any(|common| common == lower.as_str()) {
        return Err(BadPassword::TooCommon);
    }
    Ok(())
}
