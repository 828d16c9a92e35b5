//! Kinds of access token that are measured.

use std::fmt;

/// How a token is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// 32 random bytes: what HTTP, authentication, form and JSON cost without a signature.
    Opaque,
    /// A JWT signed by Ed25519.
    EdDSA,
    /// A JWT signed by ECDSA on P-256.
    ES256,
    /// A JWT signed by RSA of 2048 bits: the product's default.
    RS256,
}

impl Token {
    /// All of them, cheapest first.
    pub const ALL: [Self; 4] = [Self::Opaque, Self::EdDSA, Self::ES256, Self::RS256];
    /// Those the product issues.
    pub const SIGNED: [Self; 3] = [Self::EdDSA, Self::ES256, Self::RS256];

    /// The name, for a JWT the registered one of its algorithm.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::EdDSA => "EdDSA",
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
        }
    }

    /// By its name, byte for byte.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token| token.as_str() == name)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
