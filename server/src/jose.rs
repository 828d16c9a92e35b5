//! Foreign signatures: tokens signed by keys that others made, clients' among them. A key is checked before it is used;
//! parsing tokens is `protocol::jwt`'s.

use keys::verify::{PublicKey, number};
use protocol::jwk::{Jwk, KeyMaterial};
use protocol::jwt::Compact;

/// A registered key, parsed once.
pub struct ForeignKey(PublicKey);

impl ForeignKey {
    /// Parses the key of a record; `None` if its numbers don't fit its algorithm, or RSA is under 2048 bits.
    pub fn parse(jwk: &Jwk) -> Option<Self> {
        if is_sound(&jwk.material) { PublicKey::parse(jwk).map(Self) } else { None }
    }

    /// Whether the token names this key's algorithm and its signature is this key's.
    pub fn verify(&self, token: &Compact<'_>) -> bool {
        self.0.verify(token)
    }
}

/// RFC 7518 §3.3: an RSA key has 2048 bits or more; aws-lc checks it only when it verifies. RFC 8017 §3.1: its exponent is
/// odd and at least 3; with 1 anybody could sign.
fn is_sound(material: &KeyMaterial) -> bool {
    let KeyMaterial::Rsa { n, e } = material else { return true };
    let Some((modulus, exponent)) = number(n).zip(number(e)) else { return false };
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |high| high.leading_zeros() as usize);
    bits >= 2048 && exponent.last().is_some_and(|low| low % 2 == 1) && exponent != [1]
}

/// As [`ForeignKey::verify`], for a key that is used once.
pub fn verify(token: &Compact<'_>, jwk: &Jwk) -> bool {
    ForeignKey::parse(jwk).is_some_and(|key| key.verify(token))
}

#[cfg(test)]
mod tests;
