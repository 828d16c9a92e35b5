//! Proof Key for Code Exchange (RFC 7636), S256 only: `plain` does not protect against an attacker who reads the
//! request.

use crate::base64url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The challenge, as stored in a grant. Its absence is explicit, never implied by a missing field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pkce {
    /// RFC 7636 §4.2: only a client that knows the verifier can redeem the code.
    S256(Challenge),
    /// A confidential client registered without PKCE sent no challenge.
    None,
}

/// An S256 challenge: 43 base64url characters (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(Box<str>);

impl Challenge {
    /// Parses a parameter; `None` unless it is the base64url of 32 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode_array::<32>(text).map(|_| Self(text.into()))
    }

    /// The challenge as sent.
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
    /// Parses a parameter; `None` if its length or characters are wrong.
    pub fn parse(text: &'a str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        ((43..=128).contains(&text.len()) && text.bytes().all(legal)).then_some(Self(text))
    }
}
