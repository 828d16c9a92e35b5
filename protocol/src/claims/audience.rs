//! The `aud` claim (RFC 7519 §4.1.3): one text, or a list of texts.

use serde::{Deserialize, Serialize};

/// Whom a token is for.
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
