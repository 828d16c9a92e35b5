//! Data keys and data key pairs.

use crate::client::{Client, decode, encode};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use ed25519_dalek::SigningKey;
use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use serde_json::{Value, json};

async fn opened(client: &Client, blob: Vec<u8>, context: &Value) -> Vec<u8> {
    let parameters = json!({ "CiphertextBlob": encode(blob), "EncryptionContext": context });
    decode(&client.ok("Decrypt", parameters).await, "Plaintext")
}

#[tokio::test]
async fn a_data_key_is_its_blob_opened() {
    let client = Client::new();
    let (key, context) = (client.symmetric_key().await, json!({ "realm": "main" }));
    let sizes = [
        (json!({ "KeySpec": "AES_256" }), 32),
        (json!({ "KeySpec": "AES_128" }), 16),
        (json!({ "NumberOfBytes": 64 }), 64),
    ];
    for (size, length) in sizes {
        let mut parameters = size;
        parameters["KeyId"] = key.as_str().into();
        parameters["EncryptionContext"] = context.clone();
        let answer = client.ok("GenerateDataKey", parameters.clone()).await;
        assert_eq!(answer["KeyId"], key);
        let plaintext = decode(&answer, "Plaintext");
        assert_eq!(plaintext.len(), length);
        assert_eq!(opened(&client, decode(&answer, "CiphertextBlob"), &context).await, plaintext);

        let answer = client.ok("GenerateDataKeyWithoutPlaintext", parameters).await;
        assert_eq!(answer.get("Plaintext"), None);
        assert_eq!(opened(&client, decode(&answer, "CiphertextBlob"), &context).await.len(), length);
    }
    for size in [json!({}), json!({ "KeySpec": "AES_256", "NumberOfBytes": 32 })] {
        let mut parameters = size;
        parameters["KeyId"] = key.as_str().into();
        assert_eq!(client.refused("GenerateDataKey", parameters).await, "ValidationException");
    }
}

#[tokio::test]
async fn a_pair_opens_to_a_private_key_that_others_read() {
    let client = Client::new();
    let (key, context) = (client.symmetric_key().await, json!({ "wrap": "1" }));
    for spec in ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_EDWARDS25519"] {
        let parameters = json!({ "KeyId": key, "KeyPairSpec": spec, "EncryptionContext": context });
        let answer = client.ok("GenerateDataKeyPairWithoutPlaintext", parameters).await;
        assert_eq!((&answer["KeyId"], &answer["KeyPairSpec"]), (&json!(key), &json!(spec)));
        let public = decode(&answer, "PublicKey");
        let private = opened(&client, decode(&answer, "PrivateKeyCiphertextBlob"), &context).await;
        // Once read by the library that Keyward uses, once by another that derives the public key.
        match spec {
            "RSA_2048" => {
                RsaKeyPair::from_pkcs8(&private).unwrap();
                let read = RsaPrivateKey::from_pkcs8_der(&private).unwrap().to_public_key();
                assert_eq!(read.to_public_key_der().unwrap().as_bytes(), public);
            }
            "ECC_NIST_P256" => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &private).unwrap();
                let read = SecretKey::from_pkcs8_der(&private).unwrap().public_key();
                assert_eq!(read.to_public_key_der().unwrap().as_bytes(), public);
            }
            _ => {
                let read = Ed25519KeyPair::from_pkcs8(&private).unwrap();
                let other = SigningKey::from_pkcs8_der(&private).unwrap().verifying_key();
                assert_eq!(read.public_key().as_ref(), other.as_bytes());
                assert_eq!(other.to_public_key_der().unwrap().as_bytes(), public);
            }
        }
    }
}

#[tokio::test]
async fn only_a_symmetric_key_wraps() {
    let client = Client::new();
    let signing = client.key("ECC_NIST_P256", "SIGN_VERIFY").await;
    let rsa = client.key("RSA_2048", "ENCRYPT_DECRYPT").await;
    for key in [signing, rsa] {
        let data_key = json!({ "KeyId": key, "KeySpec": "AES_256" });
        assert_eq!(client.refused("GenerateDataKey", data_key).await, "InvalidKeyUsageException");
        let pair = json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P256" });
        let error = client.refused("GenerateDataKeyPairWithoutPlaintext", pair).await;
        assert_eq!(error, "InvalidKeyUsageException");
    }
    let key = client.symmetric_key().await;
    for spec in ["SYMMETRIC_DEFAULT", "ECC_NIST_P999"] {
        let pair = json!({ "KeyId": key, "KeyPairSpec": spec });
        let error = client.refused("GenerateDataKeyPairWithoutPlaintext", pair).await;
        assert_eq!(error, "ValidationException");
    }
    client.ok("DisableKey", json!({ "KeyId": key })).await;
    let pair = json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P256" });
    assert_eq!(client.refused("GenerateDataKeyPairWithoutPlaintext", pair).await, "DisabledException");
}
