//! A private key in memory, and its signer (aws-lc).

use super::custody::{Headers, TokenSigner, Typ};
use super::error::{SignError, SignErrorKind};
use super::ring::RingKey;
use super::verify::PublicKey;
use async_trait::async_trait;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding,
};
use protocol::base64url;
use protocol::jwk::{Algorithm, KeyMaterial};
use zeroize::Zeroizing;

/// The text that every key signs once before it is used.
const PROBE: &[u8] = b"keyward key check";

/// A private key.
pub enum PrivateKey {
    /// RS256 or PS256.
    Rsa(rsa::KeyPair, &'static dyn RsaEncoding),
    /// ES256.
    Ec(EcdsaKeyPair),
    /// EdDSA.
    Ed(Ed25519KeyPair),
}

impl PrivateKey {
    /// Makes a key. RSA (2048 bits) takes a third of a second or more: not on an async thread.
    pub fn generate(alg: Algorithm) -> Result<Self, SignError> {
        let failed = |_| SignError::bare(SignErrorKind::Unavailable, "making a key");
        Ok(match alg {
            Algorithm::RS256 | Algorithm::PS256 => {
                Self::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(failed)?, padding(alg))
            }
            Algorithm::ES256 => {
                Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?)
            }
            Algorithm::EdDSA => Self::Ed(Ed25519KeyPair::generate().map_err(failed)?),
        })
    }

    /// Reads PKCS#8 (RFC 5208), which is the form that KMS gives, too.
    pub fn from_pkcs8(alg: Algorithm, der: &[u8]) -> Result<Self, SignError> {
        let failed = |_| SignError::bare(SignErrorKind::Corrupt, "reading a private key");
        Ok(match alg {
            Algorithm::RS256 | Algorithm::PS256 => {
                Self::Rsa(rsa::KeyPair::from_pkcs8(der).map_err(failed)?, padding(alg))
            }
            Algorithm::ES256 => {
                Self::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(failed)?)
            }
            Algorithm::EdDSA => Self::Ed(Ed25519KeyPair::from_pkcs8(der).map_err(failed)?),
        })
    }

    /// The key as PKCS#8, to be wrapped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let der = match self {
            Self::Rsa(pair, _) => pair.as_der().map(|der| der.as_ref().to_vec()),
            Self::Ec(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Self::Ed(pair) => pair.to_pkcs8().map(|der| der.as_ref().to_vec()),
        };
        der.map(Zeroizing::new).map_err(|_| SignError::bare(SignErrorKind::Corrupt, "writing a private key"))
    }

    /// The public parameters.
    pub fn material(&self) -> Result<KeyMaterial, SignError> {
        let material = match self {
            Self::Rsa(pair, _) => rsa_material(pair.public_key().as_ref()),
            Self::Ec(pair) => ec_material(pair.public_key().as_ref()),
            Self::Ed(pair) => {
                let x = base64url::encode(pair.public_key().as_ref());
                Some(KeyMaterial::Okp { crv: "Ed25519".to_owned(), x })
            }
        };
        material.ok_or_else(|| SignError::bare(SignErrorKind::Corrupt, "reading a public key"))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::bare(SignErrorKind::Unavailable, "signing");
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::Ec(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
            Self::Ed(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

fn padding(alg: Algorithm) -> &'static dyn RsaEncoding {
    match alg {
        Algorithm::PS256 => &RSA_PSS_SHA256,
        _ => &RSA_PKCS1_SHA256,
    }
}

/// Signs with a private key in this process's memory.
pub struct MemorySigner {
    alg: Algorithm,
    kid: String,
    headers: Headers,
    key: PrivateKey,
}

impl MemorySigner {
    /// Takes a key of the ring and its unwrapped PKCS#8, and checks that they match. A mismatch would otherwise be noticed
    /// only by verifiers, which would reject every token.
    pub fn new(key: &RingKey, pkcs8: &[u8]) -> Result<Self, SignError> {
        let private = PrivateKey::from_pkcs8(key.alg, pkcs8)?;
        let signer = Self {
            alg: key.alg,
            kid: key.kid.clone(),
            headers: Headers::new(key.alg, &key.kid),
            key: private,
        };
        let signature = signer.key.sign(PROBE)?;
        match PublicKey::parse(&key.public) {
            Some(public) if public.verify_bytes(PROBE, &signature) => Ok(signer),
            _ => Err(SignError::bare(SignErrorKind::Corrupt, "a private key does not fit its public half")),
        }
    }
}

#[async_trait]
impl TokenSigner for MemorySigner {
    fn alg(&self) -> Algorithm {
        self.alg
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn header(&self, typ: Typ) -> &str {
        self.headers.get(typ)
    }

    /// A quarter of a millisecond at most: done in place.
    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(signing_input)
    }
}

/// Of an uncompressed point (SEC 1 §2.3.3).
fn ec_material(point: &[u8]) -> Option<KeyMaterial> {
    let numbers = point.strip_prefix(&[4])?;
    let (x, y) = numbers.split_at_checked(32)?;
    (y.len() == 32).then(|| KeyMaterial::Ec {
        crv: "P-256".to_owned(),
        x: base64url::encode(x),
        y: base64url::encode(y),
    })
}

/// Of an `RSAPublicKey` (RFC 8017 A.1.1): a sequence of two integers.
fn rsa_material(der: &[u8]) -> Option<KeyMaterial> {
    let (sequence, []) = der_value(der, 0x30)? else { return None };
    let (n, rest) = der_value(sequence, 0x02)?;
    let (e, []) = der_value(rest, 0x02)? else { return None };
    // RFC 7518 §6.3.1.1: without the zero that keeps a DER integer positive.
    let number = |bytes: &[u8]| base64url::encode(bytes.strip_prefix(&[0]).unwrap_or(bytes));
    Some(KeyMaterial::Rsa { n: number(n), e: number(e) })
}

/// A DER value of the given tag, and what follows it. Lengths up to 65535.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}
