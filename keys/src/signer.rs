//! A private key in memory, and its signer (aws-lc).

use super::custody::{Headers, TokenSigner};
use super::der;
use super::error::{SignError, SignErrorKind};
use super::ring::RingKey;
use async_trait::async_trait;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding,
};
use guard::PublicKey;
use protocol::base64url;
use protocol::jwk::{Algorithm, KeyMaterial};
use zeroize::Zeroizing;

/// The text that every key signs once before it is used.
pub(crate) const PROBE: &[u8] = b"keyward key check";

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
            Self::Rsa(pair, _) => der::rsa_material(pair.public_key().as_ref()),
            Self::Ec(pair) => der::ec_material(pair.public_key().as_ref()),
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
    headers: Headers,
    key: PrivateKey,
}

impl MemorySigner {
    /// Takes a key of the ring and its unwrapped PKCS#8, and checks that they match. A mismatch would otherwise be noticed
    /// only by verifiers, which would reject every token.
    pub fn new(key: &RingKey, pkcs8: &[u8]) -> Result<Self, SignError> {
        let private = PrivateKey::from_pkcs8(key.alg, pkcs8)?;
        let signer = Self { headers: Headers::new(key.alg, &key.kid), key: private };
        check_probe(key, &signer.key.sign(PROBE)?)?;
        Ok(signer)
    }
}

/// Whether a signature of the probe is one of this key.
pub(crate) fn check_probe(key: &RingKey, signature: &[u8]) -> Result<(), SignError> {
    match PublicKey::parse(&key.public) {
        Some(public) if public.verify_bytes(PROBE, signature) => Ok(()),
        _ => Err(SignError::bare(SignErrorKind::Corrupt, "a private key does not fit its public half")),
    }
}

#[async_trait]
impl TokenSigner for MemorySigner {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    /// A quarter of a millisecond at most: done in place.
    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(signing_input)
    }
}
