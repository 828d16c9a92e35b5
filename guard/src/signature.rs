//! A public key, parsed once, that verifies signatures with aws-lc. A key is checked before it is used, because others
//! made it; parsing tokens is `protocol::jwt`'s.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
};
use protocol::base64url;
use protocol::jwk::{Algorithm, Jwk, KeyMaterial};
use protocol::jwt::Compact;

/// A parsed public key. The verifier follows from the key's own algorithm, never from a token.
#[derive(Clone, Debug)]
pub struct PublicKey {
    alg: Algorithm,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// Parses a JWK; `None` if its numbers don't fit its algorithm, or RSA is under 2048 bits.
    pub fn parse(jwk: &Jwk) -> Option<Self> {
        Self::new(jwk.alg, &jwk.material)
    }

    pub(crate) fn new(alg: Algorithm, material: &KeyMaterial) -> Option<Self> {
        let key = match (alg, material) {
            (Algorithm::RS256 | Algorithm::PS256, KeyMaterial::Rsa { n, e }) => {
                let parameters = match alg {
                    Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                let numbers = PublicKeyComponents { n: number(n)?, e: number(e)? };
                if !is_sound(&numbers) {
                    return None;
                }
                numbers.to_parsed_public_key(parameters).ok()?
            }
            (Algorithm::ES256, KeyMaterial::Ec { crv, x, y }) if crv == "P-256" => {
                let (x, y): ([u8; 32], [u8; 32]) = (base64url::decode_array(x)?, base64url::decode_array(y)?);
                // SEC 1 §2.3.3: the uncompressed point.
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), &y].concat()).ok()?
            }
            (Algorithm::EdDSA, KeyMaterial::Okp { crv, x }) if crv == "Ed25519" => {
                let x = base64url::decode_array::<32>(x)?;
                if is_of_small_order(x) {
                    return None;
                }
                ParsedPublicKey::new(&ED25519, x).ok()?
            }
            _ => return None,
        };
        Some(Self { alg, key })
    }

    /// Whether the token names this key's algorithm and carries this key's signature.
    pub fn verify(&self, token: &Compact<'_>) -> bool {
        token.header.alg == self.alg && self.verify_bytes(token.signing_input.as_bytes(), &token.signature)
    }

    /// Whether `signature` is this key's for `message`.
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// RFC 7518 §3.3: an RSA key has 2048 bits or more; aws-lc checks it only when it verifies. RFC 8017 §3.1: its exponent is
/// odd and at least 3; with 1 anybody could sign.
fn is_sound(numbers: &PublicKeyComponents<Vec<u8>>) -> bool {
    let PublicKeyComponents { n, e } = numbers;
    let bits = n.len() * 8 - n.first().map_or(0, |high| high.leading_zeros() as usize);
    bits >= 2048 && e.last().is_some_and(|low| low % 2 == 1) && *e != [1]
}

/// Whether an Ed25519 key is one of the eight points of small order (RFC 8032 §5.1), for which anybody can sign.
fn is_of_small_order(mut key: [u8; 32]) -> bool {
    /// The y of the two pairs of points of order 8.
    const OF_ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    // Without the sign of x.
    key[31] &= 0x7f;
    let [low, middle @ .., high] = key;
    // The others have y = 0, 1 and p - 1; aws-lc also reads p and p + 1.
    let is_near_zero = low <= 1 && high == 0 && middle == [0; 30];
    let is_near_p = (0xec..=0xee).contains(&low) && high == 0x7f && middle == [0xff; 30];
    is_near_zero || is_near_p || OF_ORDER_8.contains(&key)
}

/// A Base64urlUInt (RFC 7518 §2), without the leading zeros that some senders add.
fn number(text: &str) -> Option<Vec<u8>> {
    Some(base64url::decode(text)?.into_iter().skip_while(|byte| *byte == 0).collect())
}

#[cfg(test)]
mod tests;
