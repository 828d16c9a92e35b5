//! Secrets and their hashes. A [`Secret`] can be hashed or sent, but not printed or stored. A [`Digest`] can be stored,
//! and compared in constant time only.

use crate::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a secret is for. The hash depends on it, so a secret of one kind is not valid as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// An authorization code (RFC 6749 §4.1.2).
    Code,
    /// A refresh token (RFC 6749 §6).
    RefreshToken,
    /// A browser session's cookie.
    Session,
    /// A client secret (RFC 6749 §2.3.1).
    ClientSecret,
    /// The `jti` of a revoked access token.
    TokenId,
    /// A redirect URI: not a secret, but stored as a hash so that the size of a grant is bounded.
    RedirectUri,
}

impl SecretKind {
    /// Separates the hashes of one kind from those of all others; part of the storage format.
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Code => b"keyward code\0",
            Self::RefreshToken => b"keyward refresh token\0",
            Self::Session => b"keyward session\0",
            Self::ClientSecret => b"keyward client secret\0",
            Self::TokenId => b"keyward token id\0",
            Self::RedirectUri => b"keyward redirect uri\0",
        }
    }
}

/// A secret of 256 random bits. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From random (or keyed-hash) bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed or sent. Not for logs.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash to store.
    pub fn digest(&self, kind: SecretKind) -> Digest {
        Digest::of(kind, &self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 over the kind and the secret: the only form in which a secret is stored.
///
/// A slow hash would add nothing, because 256 random bits cannot be guessed.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes a secret's bytes (a client secret: its text, so that imported ones work too).
    pub fn of(kind: SecretKind, secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(kind.tag()).chain_update(secret).finalize().into())
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        base64url::decode_array(&text).map(Self).ok_or_else(|| D::Error::custom("not a digest"))
    }
}
