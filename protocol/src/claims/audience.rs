//! The `aud` claim (RFC 7519 §4.1.3): one string, or a list of strings.

use serde::{Deserialize, Serialize};

/// The recipients of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience<T> {
    /// One recipient.
    One(T),
    /// Several.
    Many(Vec<T>),
}

impl<T: AsRef<str>> Audience<T> {
    /// Whether `name` is among the recipients.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one.as_ref() == name,
            Self::Many(many) => many.iter().any(|one| one.as_ref() == name),
        }
    }
}
