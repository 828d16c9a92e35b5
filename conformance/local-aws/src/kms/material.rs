//! The secret part of a key.

use super::spec::Spec;
use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};

pub(crate) enum Material {
    Symmetric(Box<RandomizedNonceKey>),
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Material {
    pub(crate) fn generate(spec: Spec) -> Result<Self, Unspecified> {
        let rsa = |size| RsaKeyPair::generate(size).map(Self::Rsa);
        match spec {
            Spec::SymmetricDefault => {
                let key = RandomizedNonceKey::new(&AES_256_GCM, &random(32)?)?;
                Ok(Self::Symmetric(Box::new(key)))
            }
            Spec::Rsa2048 => rsa(KeySize::Rsa2048),
            Spec::Rsa3072 => rsa(KeySize::Rsa3072),
            Spec::Rsa4096 => rsa(KeySize::Rsa4096),
            Spec::EccNistP256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Self::Ecdsa),
            Spec::EccNistEdwards25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
        }
    }

    /// The public key as SubjectPublicKeyInfo (RFC 5280 §4.1), in DER.
    pub(crate) fn public_key(&self) -> Result<Vec<u8>, Unspecified> {
        let key: PublicKeyX509Der<'_> = match self {
            Self::Symmetric(_) => return Err(Unspecified),
            Self::Rsa(pair) => pair.public_key().as_der()?,
            Self::Ecdsa(pair) => pair.public_key().as_der()?,
            Self::Ed25519(pair) => pair.public_key().as_der()?,
        };
        Ok(key.as_ref().to_vec())
    }

    /// The private key as PKCS #8 version 1 (RFC 5208 §5), in DER.
    pub(crate) fn private_key(&self) -> Result<Vec<u8>, Unspecified> {
        let key: Pkcs8V1Der<'_> = match self {
            Self::Symmetric(_) => return Err(Unspecified),
            Self::Rsa(pair) => pair.as_der()?,
            Self::Ecdsa(pair) => return Ok(pair.to_pkcs8v1()?.as_ref().to_vec()),
            Self::Ed25519(pair) => pair.as_der()?,
        };
        Ok(key.as_ref().to_vec())
    }
}

/// Bytes from the system's generator.
pub(crate) fn random(length: usize) -> Result<Vec<u8>, Unspecified> {
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}
