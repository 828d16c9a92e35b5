//! Scopes as sets (RFC 6749 §3.3): granted = requested ∩ consented ∩ allowed, by the same few operations everywhere.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::fmt;

/// The longest scope text accepted, in bytes.
pub const MAX_BYTES: usize = 512;

/// A set of scope tokens, kept as the parameter's text: single spaces, no duplicates, in the order first given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(Box<str>);

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedScope;

impl Scope {
    /// The empty set.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Parses a `scope` parameter. Strict: legal characters, single spaces, at most [`MAX_BYTES`]. Duplicates are
    /// dropped.
    pub fn parse(text: &str) -> Result<Self, MalformedScope> {
        if text.len() > MAX_BYTES {
            return Err(MalformedScope);
        }
        if text.is_empty() {
            return Ok(Self::empty());
        }
        // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by one space.
        let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if text.split(' ').any(|token| token.is_empty() || !token.bytes().all(legal)) {
            return Err(MalformedScope);
        }
        Ok(text.split(' ').collect())
    }

    /// The tokens in order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether the set has this token.
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|own| own == token)
    }

    /// Whether every token of `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.tokens().all(|token| self.contains(token))
    }

    /// Tokens in both, in this set's order.
    pub fn intersect(&self, other: &Self) -> Self {
        if other.covers(self) {
            return self.clone();
        }
        self.tokens().filter(|token| other.contains(token)).collect()
    }

    /// Tokens in either: this set's, then what `other` adds.
    pub fn union(&self, other: &Self) -> Self {
        self.tokens().chain(other.tokens()).collect()
    }

    /// This set without one token.
    pub fn without(&self, token: &str) -> Self {
        if !self.contains(token) {
            return self.clone();
        }
        self.tokens().filter(|own| *own != token).collect()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of the parameter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> FromIterator<&'a str> for Scope {
    /// Collects tokens that are already known to be legal; repeats are dropped.
    fn from_iter<I: IntoIterator<Item = &'a str>>(tokens: I) -> Self {
        let mut kept: Vec<&str> = Vec::new();
        for token in tokens {
            if !kept.contains(&token) {
                kept.push(token);
            }
        }
        Self(kept.join(" ").into())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        // A remembered consent may be longer than one request's scope, so only the characters are checked.
        let legal = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if !text.bytes().all(legal) {
            return Err(D::Error::custom("not a scope"));
        }
        Ok(text.split(' ').filter(|token| !token.is_empty()).collect())
    }
}
