//! Signatures of messages and of digests.

use super::keys::Key;
use super::material::Material;
use super::refusal::Refusal;
use aws_lc_rs::digest::{self, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::signature::{
    EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};

/// What the parameter `Message` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageType {
    Raw,
    Digest,
}

/// Signs; the algorithm is one that KMS knows.
pub(crate) fn sign(
    key: &Key,
    algorithm: &str,
    message_type: MessageType,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    if !key.spec.signing_algorithms().contains(&algorithm) {
        return Err(key.incompatible(algorithm));
    }
    match &key.material {
        Material::Symmetric(_) => Err(key.incompatible(algorithm)),
        Material::Rsa(pair) => rsa(pair, algorithm, message_type, message),
        Material::Ecdsa(pair) => ecdsa(pair, algorithm, message_type, message),
        Material::Ed25519(pair) => {
            ed25519(algorithm, message_type)?;
            Ok(pair.sign(message).as_ref().to_vec())
        }
    }
}

/// PSS: the salt is as long as the digest.
fn rsa(
    pair: &RsaKeyPair,
    algorithm: &str,
    message_type: MessageType,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let (padding, hash): (&'static dyn RsaEncoding, _) = match algorithm {
        "RSASSA_PKCS1_V1_5_SHA_256" => (&RSA_PKCS1_SHA256, &SHA256),
        "RSASSA_PKCS1_V1_5_SHA_384" => (&RSA_PKCS1_SHA384, &SHA384),
        "RSASSA_PKCS1_V1_5_SHA_512" => (&RSA_PKCS1_SHA512, &SHA512),
        "RSASSA_PSS_SHA_256" => (&RSA_PSS_SHA256, &SHA256),
        "RSASSA_PSS_SHA_384" => (&RSA_PSS_SHA384, &SHA384),
        _ => (&RSA_PSS_SHA512, &SHA512),
    };
    let mut signature = vec![0; pair.public_modulus_len()];
    let digest = digest_of(hash, algorithm, message_type, message)?;
    pair.sign_digest(padding, &digest, &mut signature)?;
    Ok(signature)
}

/// In DER, as KMS answers it.
fn ecdsa(
    pair: &EcdsaKeyPair,
    algorithm: &str,
    message_type: MessageType,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let digest = digest_of(&SHA256, algorithm, message_type, message)?;
    Ok(pair.sign_digest(&digest)?.as_ref().to_vec())
}

/// Ed25519 hashes by itself: the algorithm says whether it takes a message or a digest.
fn ed25519(algorithm: &str, message_type: MessageType) -> Result<(), Refusal> {
    match (algorithm, message_type) {
        ("ED25519_SHA_512", MessageType::Raw) => Ok(()),
        ("ED25519_SHA_512", _) => Err(Refusal::invalid("ED25519_SHA_512 requires MessageType RAW.")),
        (_, MessageType::Digest) => Err(Refusal::unsupported("this double has no ED25519_PH_SHA_512")),
        _ => Err(Refusal::invalid(format!("{algorithm} requires MessageType DIGEST."))),
    }
}

fn digest_of(
    hash: &'static digest::Algorithm,
    algorithm: &str,
    message_type: MessageType,
    message: &[u8],
) -> Result<Digest, Refusal> {
    match message_type {
        MessageType::Raw => Ok(digest::digest(hash, message)),
        MessageType::Digest => Digest::import_less_safe(message, hash)
            .map_err(|_| Refusal::invalid(format!("Digest is invalid length for algorithm {algorithm}."))),
    }
}
