//! The floor's one key: what it signs and verifies with, by aws-lc as the product does.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bench::token::Token;
use std::error::Error;

/// A key pair; verification is of ES256 only, which is what is compared.
pub(crate) enum Key {
    None,
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair, ParsedPublicKey),
    Rsa(rsa::KeyPair),
}

impl Key {
    pub(crate) fn generate(token: Token) -> Result<Self, Box<dyn Error>> {
        Ok(match token {
            Token::Opaque => Self::None,
            Token::EdDSA => Self::Ed(Ed25519KeyPair::generate()?),
            Token::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())?;
                Self::Ec(pair, public)
            }
            Token::RS256 => Self::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?),
        })
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Its public numbers as members of a JWK (RFC 7518 §6, RFC 8037 §2), each with its comma.
    pub(crate) fn jwk(&self) -> Option<String> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(match self {
            Self::None => String::new(),
            Self::Ed(pair) => {
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{}","#, text(pair.public_key().as_ref()))
            }
            Self::Ec(pair, _) => {
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
                format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}","#, text(x), text(y))
            }
            Self::Rsa(pair) => {
                // RFC 8017 A.1.1: of 2048 bits and the exponent 65537, the modulus always lies there.
                let n = text(pair.public_key().as_ref().get(9..265)?);
                format!(r#""kty":"RSA","n":"{n}","e":"AQAB","#)
            }
        })
    }

    pub(crate) fn sign<'a>(&self, message: &[u8], space: &'a mut [u8; 256]) -> Option<&'a [u8]> {
        match self {
            Self::None => None,
            Self::Ed(pair) => copy(pair.sign(message).as_ref(), space),
            Self::Ec(pair, _) => copy(pair.sign(&SystemRandom::new(), message).ok()?.as_ref(), space),
            Self::Rsa(pair) => {
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, space).ok()?;
                Some(space)
            }
        }
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let Self::Ec(_, public) = self else { return None };
        public.verify_sig(message, signature).ok()
    }
}

fn copy<'a>(signature: &[u8], space: &'a mut [u8; 256]) -> Option<&'a [u8]> {
    let space = space.get_mut(..signature.len())?;
    space.copy_from_slice(signature);
    Some(space)
}
