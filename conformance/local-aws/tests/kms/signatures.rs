//! Sign and GetPublicKey. RustCrypto verifies what aws-lc signed.

use crate::client::{Client, decode, encode};
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::signature::Verifier as _;
use rsa::{RsaPublicKey, pkcs1v15, pss};
use serde_json::{Value, json};

const MESSAGE: &[u8] = b"header.payload";

fn sign(key: &str, algorithm: &str, message_type: &str, message: impl AsRef<[u8]>) -> Value {
    json!({
        "KeyId": key,
        "Message": encode(message),
        "MessageType": message_type,
        "SigningAlgorithm": algorithm,
    })
}

/// A key, its public key, and who calls.
async fn signer(spec: &str) -> (Client, String, Vec<u8>) {
    let client = Client::new();
    let key = client.key(spec, "SIGN_VERIFY").await;
    let answer = client.ok("GetPublicKey", json!({ "KeyId": key })).await;
    assert_eq!((&answer["KeyId"], &answer["KeySpec"]), (&json!(key), &json!(spec)));
    assert_eq!(answer["KeyUsage"], "SIGN_VERIFY");
    let public = decode(&answer, "PublicKey");
    (client, key, public)
}

/// The signatures of the message and of its digest.
async fn both(client: &Client, key: &str, algorithm: &str) -> [Vec<u8>; 2] {
    let digest = match algorithm.rsplit_once('_').unwrap().1 {
        "256" => Sha256::digest(MESSAGE).to_vec(),
        "384" => Sha384::digest(MESSAGE).to_vec(),
        _ => Sha512::digest(MESSAGE).to_vec(),
    };
    let raw = client.ok("Sign", sign(key, algorithm, "RAW", MESSAGE)).await;
    let digested = client.ok("Sign", sign(key, algorithm, "DIGEST", digest)).await;
    assert_eq!((&raw["KeyId"], &raw["SigningAlgorithm"]), (&json!(key), &json!(algorithm)));
    [decode(&raw, "Signature"), decode(&digested, "Signature")]
}

#[tokio::test]
async fn rsa_signatures_verify() {
    for spec in ["RSA_2048", "RSA_3072", "RSA_4096"] {
        let (client, key, public) = signer(spec).await;
        let public = RsaPublicKey::from_public_key_der(&public).unwrap();
        for signature in both(&client, &key, "RSASSA_PKCS1_V1_5_SHA_256").await {
            let signature = pkcs1v15::Signature::try_from(signature.as_slice()).unwrap();
            pkcs1v15::VerifyingKey::<Sha256>::new(public.clone()).verify(MESSAGE, &signature).unwrap();
        }
        for signature in both(&client, &key, "RSASSA_PSS_SHA_256").await {
            let signature = pss::Signature::try_from(signature.as_slice()).unwrap();
            // Only a salt as long as the digest verifies.
            pss::VerifyingKey::<Sha256>::new(public.clone()).verify(MESSAGE, &signature).unwrap();
        }
    }
}

#[tokio::test]
async fn rsa_signatures_with_longer_digests_verify() {
    let (client, key, public) = signer("RSA_2048").await;
    let public = RsaPublicKey::from_public_key_der(&public).unwrap();
    for signature in both(&client, &key, "RSASSA_PKCS1_V1_5_SHA_384").await {
        let signature = pkcs1v15::Signature::try_from(signature.as_slice()).unwrap();
        pkcs1v15::VerifyingKey::<Sha384>::new(public.clone()).verify(MESSAGE, &signature).unwrap();
    }
    for signature in both(&client, &key, "RSASSA_PSS_SHA_512").await {
        let signature = pss::Signature::try_from(signature.as_slice()).unwrap();
        pss::VerifyingKey::<Sha512>::new(public.clone()).verify(MESSAGE, &signature).unwrap();
    }
}

#[tokio::test]
async fn ecdsa_signatures_are_der_and_verify() {
    let (client, key, public) = signer("ECC_NIST_P256").await;
    let public = VerifyingKey::from_public_key_der(&public).unwrap();
    for signature in both(&client, &key, "ECDSA_SHA_256").await {
        let signature = DerSignature::from_bytes(&signature).unwrap();
        public.verify(MESSAGE, &signature).unwrap();
    }
}

#[tokio::test]
async fn ed25519_signs_messages_only() {
    let (client, key, public) = signer("ECC_NIST_EDWARDS25519").await;
    let public = ed25519_dalek::VerifyingKey::from_public_key_der(&public).unwrap();
    let answer = client.ok("Sign", sign(&key, "ED25519_SHA_512", "RAW", MESSAGE)).await;
    let signature = ed25519_dalek::Signature::from_slice(&decode(&answer, "Signature")).unwrap();
    public.verify_strict(MESSAGE, &signature).unwrap();

    let refusals = [
        ("ED25519_SHA_512", "DIGEST", "ValidationException"),
        ("ED25519_PH_SHA_512", "RAW", "ValidationException"),
        ("ED25519_PH_SHA_512", "DIGEST", "UnsupportedOperationException"),
    ];
    for (algorithm, message_type, error) in refusals {
        let parameters = sign(&key, algorithm, message_type, [7; 64]);
        assert_eq!(client.refused("Sign", parameters).await, error, "{algorithm} {message_type}");
    }
}

#[tokio::test]
async fn a_message_has_1_to_4096_bytes() {
    let client = Client::new();
    let signers = [("ECC_NIST_P256", "ECDSA_SHA_256"), ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512")];
    for (spec, algorithm) in signers {
        let key = client.key(spec, "SIGN_VERIFY").await;
        for length in [1, 4096] {
            client.ok("Sign", sign(&key, algorithm, "RAW", vec![7; length])).await;
        }
        for length in [0, 4097] {
            let parameters = sign(&key, algorithm, "RAW", vec![7; length]);
            assert_eq!(client.refused("Sign", parameters).await, "ValidationException");
        }
    }
}

#[tokio::test]
async fn a_digest_has_exactly_its_length() {
    let client = Client::new();
    let signers = [
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
        ("RSA_2048", "RSASSA_PSS_SHA_256"),
        ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ];
    for (spec, algorithm) in signers {
        let key = client.key(spec, "SIGN_VERIFY").await;
        for length in [31, 33, 64] {
            let parameters = sign(&key, algorithm, "DIGEST", vec![7; length]);
            assert_eq!(client.refused("Sign", parameters).await, "ValidationException");
        }
    }
}

#[tokio::test]
async fn an_algorithm_has_to_fit_the_key() {
    let client = Client::new();
    let unfitting = [
        ("RSA_2048", "ECDSA_SHA_256"),
        ("ECC_NIST_P256", "RSASSA_PSS_SHA_256"),
        ("ECC_NIST_P256", "ECDSA_SHA_384"),
        ("ECC_NIST_EDWARDS25519", "ECDSA_SHA_256"),
    ];
    for (spec, algorithm) in unfitting {
        let key = client.key(spec, "SIGN_VERIFY").await;
        let error = client.refused("Sign", sign(&key, algorithm, "RAW", MESSAGE)).await;
        assert_eq!(error, "InvalidKeyUsageException", "{spec} {algorithm}");
    }
    let key = client.key("ECC_NIST_P256", "SIGN_VERIFY").await;
    for (algorithm, message_type) in [("ES256", "RAW"), ("ECDSA_SHA_256", "raw")] {
        let error = client.refused("Sign", sign(&key, algorithm, message_type, MESSAGE)).await;
        assert_eq!(error, "ValidationException");
    }
}

#[tokio::test]
async fn an_encryption_key_does_not_sign() {
    let client = Client::new();
    let symmetric = client.symmetric_key().await;
    let rsa = client.key("RSA_2048", "ENCRYPT_DECRYPT").await;
    for key in [&symmetric, &rsa] {
        let error = client.refused("Sign", sign(key, "RSASSA_PSS_SHA_256", "RAW", MESSAGE)).await;
        assert_eq!(error, "InvalidKeyUsageException");
    }
    let error = client.refused("GetPublicKey", json!({ "KeyId": symmetric })).await;
    assert_eq!(error, "UnsupportedOperationException");
}
