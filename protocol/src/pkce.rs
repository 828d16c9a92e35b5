//! Proof Key for Code Exchange (RFC 7636), S256 only: `plain` protects nothing against who reads the request.

use crate::base64url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a grant remembers of the challenge. "None" is said, never implied by a missing field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pkce {
    /// RFC 7636 §4.2: the code is worth something only to who knows the verifier.
    S256(Challenge),
    /// A confidential client registered without PKCE sent no challenge.
    None,
}

/// An S256 challenge: 43 base64url characters (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(Box<str>);

impl Challenge {
    /// From a request; `None` unless it is the base64url of a SHA-256.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode_array::<32>(text).map(|_| Self(text.into()))
    }

    /// As sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// RFC 7636 §4.6: whether the verifier is the one the challenge was made from.
    pub fn is_met_by(&self, verifier: &Verifier) -> bool {
        let made = base64url::encode(&Sha256::digest(verifier.0.as_bytes()));
        made.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

/// A code verifier (RFC 7636 §4.1): 43 to 128 unreserved characters.
pub struct Verifier<'a>(&'a str);

impl<'a> Verifier<'a> {
    /// From a request; `None` if its shape is wrong.
    pub fn parse(text: &'a str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        ((43..=128).contains(&text.len()) && text.bytes().all(legal)).then_some(Self(text))
    }
}
