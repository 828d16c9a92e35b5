//! Foreign signatures: tokens signed by keys that clients registered. The one place that touches josekit, and
//! only its byte verifiers: its claim accessors panic on large dates, its validator passes tokens that lack what
//! it was told to check, and its header parser lets the last of two names win. `protocol::jwt` does all that.

use josekit::jwk::Jwk as JoseKey;
use josekit::jws::{ES256, EdDSA, JwsVerifier, PS256, RS256};
use protocol::base64url;
use protocol::jwk::{Algorithm, Jwk, KeyMaterial};
use protocol::jwt::Compact;

/// A registered key, parsed once (parsing costs ten verifications).
pub struct ForeignKey {
    alg: Algorithm,
    verifier: Box<dyn JwsVerifier + Send + Sync>,
}

impl ForeignKey {
    /// Parses the key of a record; `None` if its numbers don't fit its algorithm, or RSA is under 2048 bits.
    pub fn parse(jwk: &Jwk) -> Option<Self> {
        if !has_sound_exponent(&jwk.material) {
            return None;
        }
        let key = JoseKey::from_bytes(serde_json::to_vec(&jwk.material).ok()?).ok()?;
        let verifier: Box<dyn JwsVerifier + Send + Sync> = match jwk.alg {
            Algorithm::RS256 => Box::new(RS256.verifier_from_jwk(&key).ok()?),
            Algorithm::PS256 => Box::new(PS256.verifier_from_jwk(&key).ok()?),
            Algorithm::ES256 => Box::new(ES256.verifier_from_jwk(&key).ok()?),
            Algorithm::EdDSA => Box::new(EdDSA.verifier_from_jwk(&key).ok()?),
        };
        Some(Self { alg: jwk.alg, verifier })
    }

    /// Whether the token names this key's algorithm and its signature is this key's.
    pub fn verify(&self, token: &Compact<'_>) -> bool {
        token.header.alg == self.alg
            && self.verifier.verify(token.signing_input.as_bytes(), &token.signature).is_ok()
    }
}

/// RFC 8017 §3.1: an RSA exponent is odd and at least 3. josekit takes any, and with 1 everybody could sign.
fn has_sound_exponent(material: &KeyMaterial) -> bool {
    let KeyMaterial::Rsa { e, .. } = material else { return true };
    let exponent = base64url::decode(e).unwrap_or_default();
    let significant: Vec<u8> = exponent.into_iter().skip_while(|byte| *byte == 0).collect();
    significant.last().is_some_and(|low| low % 2 == 1) && significant != [1]
}

/// As [`ForeignKey`], for a key that is used once.
pub fn verify(token: &Compact<'_>, jwk: &Jwk) -> bool {
    ForeignKey::parse(jwk).is_some_and(|key| key.verify(token))
}

#[cfg(test)]
mod tests;
