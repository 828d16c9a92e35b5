//! The documents of the key ring, whose content only `keys` reads.

/// A document of the key ring, and the version that guards its replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Grows by one with each replacement, from 1.
    pub version: u64,
    /// JSON, opaque here.
    pub body: String,
}

/// Which document of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RingDocument {
    /// Signing keys and sealing masters, wrapped.
    Ring,
    /// Public halves of removed keys, for `id_token_hint` only.
    RetiredKeys,
}
