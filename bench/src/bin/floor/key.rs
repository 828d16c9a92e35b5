//! The floor's one key: what it signs and verifies with, by aws-lc as the product does, or in KMS by the SDK.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_SHA256,
};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
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
    /// A key for ES256 that never leaves KMS.
    Kms(Client, String),
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

    /// A key in KMS, by its ARN and the service's URL.
    pub(crate) fn in_kms(arn: String, endpoint: String) -> Self {
        let settings = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .endpoint_url(endpoint)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Self::Kms(Client::from_conf(settings.build()), arn)
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Its public numbers as members of a JWK (RFC 7518 §6, RFC 8037 §2), each with its comma.
    pub(crate) fn jwk(&self) -> Option<String> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(match self {
            Self::None | Self::Kms(..) => String::new(),
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

    pub(crate) async fn sign<'a>(&self, message: &[u8], space: &'a mut [u8; 256]) -> Option<&'a [u8]> {
        match self {
            Self::None => None,
            Self::Ed(pair) => copy(pair.sign(message).as_ref(), space),
            Self::Ec(pair, _) => copy(pair.sign(&SystemRandom::new(), message).ok()?.as_ref(), space),
            Self::Rsa(pair) => {
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, space).ok()?;
                Some(space)
            }
            Self::Kms(client, arn) => {
                let hash = Blob::new(digest(&SHA256, message).as_ref());
                let call = client.sign().key_id(arn).message(hash).message_type(MessageType::Digest);
                let signed = call.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256).send().await.ok()?;
                copy(&fixed(signed.signature?.as_ref())?, space)
            }
        }
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let Self::Ec(_, public) = self else { return None };
        public.verify_sig(message, signature).ok()
    }
}

/// The numbers of an ECDSA signature in DER (RFC 3279 §2.2.3), 32 bytes each (RFC 7518 §3.4).
fn fixed(der: &[u8]) -> Option<[u8; 64]> {
    let (r, rest) = integer(der.get(2..)?)?;
    let (s, _) = integer(rest)?;
    let mut both = [0; 64];
    both.get_mut(32_usize.checked_sub(r.len())?..32)?.copy_from_slice(r);
    both.get_mut(64_usize.checked_sub(s.len())?..64)?.copy_from_slice(s);
    Some(both)
}

/// An integer without its leading zero, and what follows it.
fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, rest) = der.get(2..)?.split_at_checked(usize::from(*der.get(1)?))?;
    Some((number.strip_prefix(&[0]).unwrap_or(number), rest))
}

fn copy<'a>(signature: &[u8], space: &'a mut [u8; 256]) -> Option<&'a [u8]> {
    let space = space.get_mut(..signature.len())?;
    space.copy_from_slice(signature);
    Some(space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_signature_are_aligned_to_the_right() {
        let r = [vec![2, 33, 0], vec![0xFF; 32]].concat();
        let both = [vec![0x30, 0], r, vec![2, 1, 7]].concat();
        let fixed = fixed(&both).unwrap();
        assert_eq!(fixed[..32], [0xFF; 32]);
        assert_eq!((fixed[32..63].iter().max(), fixed[63]), (Some(&0), 7));
    }
}
