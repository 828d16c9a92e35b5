//! Encrypt, Decrypt, ReEncrypt.

use crate::client::{Client, decode, encode};
use serde_json::{Value, json};

async fn encrypted(client: &Client, key: &str, context: Value) -> Vec<u8> {
    let parameters = json!({ "KeyId": key, "Plaintext": encode("secret"), "EncryptionContext": context });
    let answer = client.ok("Encrypt", parameters).await;
    assert_eq!(answer["KeyId"], key);
    assert_eq!(answer["EncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
    decode(&answer, "CiphertextBlob")
}

fn decrypt(blob: &[u8], context: Value) -> Value {
    json!({ "CiphertextBlob": encode(blob), "EncryptionContext": context })
}

#[tokio::test]
async fn a_blob_opens_with_its_context_whether_or_not_its_key_is_named() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let blob = encrypted(&client, &key, json!({ "realm": "main", "purpose": "signing" })).await;
    let mut parameters = decrypt(&blob, json!({ "purpose": "signing", "realm": "main" }));
    for named in [false, true] {
        if named {
            parameters["KeyId"] = key.as_str().into();
        }
        let answer = client.ok("Decrypt", parameters.clone()).await;
        assert_eq!(decode(&answer, "Plaintext"), b"secret");
        assert_eq!(answer["KeyId"], key);
    }
}

#[tokio::test]
async fn another_context_does_not_open_a_blob() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let blob = encrypted(&client, &key, json!({ "realm": "main" })).await;
    let others = [
        json!({}),
        json!({ "realm": "Main" }),
        json!({ "realm": "main", "purpose": "" }),
        json!({ "rea": "lmmain" }),
    ];
    for other in others {
        let error = client.refused("Decrypt", decrypt(&blob, other)).await;
        assert_eq!(error, "InvalidCiphertextException");
    }
}

#[tokio::test]
async fn a_changed_blob_does_not_open() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let blob = encrypted(&client, &key, json!({})).await;
    for position in 0..blob.len() {
        let mut changed = blob.clone();
        changed[position] ^= 1;
        let error = client.refused("Decrypt", decrypt(&changed, json!({}))).await;
        assert_eq!(error, "InvalidCiphertextException", "byte {position}");
    }
    for length in [1, 20, blob.len() - 1] {
        let error = client.refused("Decrypt", decrypt(&blob[..length], json!({}))).await;
        assert_eq!(error, "InvalidCiphertextException", "{length} bytes");
    }
}

#[tokio::test]
async fn a_blob_needs_its_own_key() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let others = [client.symmetric_key().await, client.key("ECC_NIST_P256", "SIGN_VERIFY").await];
    let blob = encrypted(&client, &key, json!({})).await;
    for other in others {
        let mut parameters = decrypt(&blob, json!({}));
        parameters["KeyId"] = other.into();
        assert_eq!(client.refused("Decrypt", parameters).await, "IncorrectKeyException");
    }
    let mut parameters = decrypt(&blob, json!({}));
    parameters["KeyId"] = "alias/nobody".into();
    assert_eq!(client.refused("Decrypt", parameters).await, "NotFoundException");

    let elsewhere = Client::in_region("us-east-1");
    assert_eq!(elsewhere.refused("Decrypt", decrypt(&blob, json!({}))).await, "AccessDeniedException");
}

#[tokio::test]
async fn a_blob_does_not_open_while_its_key_is_disabled_or_pending_deletion() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let blob = encrypted(&client, &key, json!({})).await;
    let states = [("DisableKey", "DisabledException"), ("ScheduleKeyDeletion", "KMSInvalidStateException")];
    for (operation, error) in states {
        client.ok(operation, json!({ "KeyId": key })).await;
        assert_eq!(client.refused("Decrypt", decrypt(&blob, json!({}))).await, error);
        let encrypt = json!({ "KeyId": key, "Plaintext": "AAAA" });
        assert_eq!(client.refused("Encrypt", encrypt).await, error);
    }
    client.ok("CancelKeyDeletion", json!({ "KeyId": key })).await;
    client.ok("EnableKey", json!({ "KeyId": key })).await;
    client.ok("Decrypt", decrypt(&blob, json!({}))).await;
}

#[tokio::test]
async fn a_plaintext_has_1_to_4096_bytes() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let encrypt = |length: usize| json!({ "KeyId": key, "Plaintext": encode(vec![7; length]) });
    for length in [1, 4096] {
        client.ok("Encrypt", encrypt(length)).await;
    }
    for length in [0, 4097] {
        assert_eq!(client.refused("Encrypt", encrypt(length)).await, "ValidationException");
    }
}

#[tokio::test]
async fn only_a_symmetric_key_encrypts() {
    let client = Client::new();
    let signing = client.key("ECC_NIST_P256", "SIGN_VERIFY").await;
    let rsa = client.key("RSA_2048", "ENCRYPT_DECRYPT").await;
    for key in [&signing, &rsa] {
        let encrypt = json!({ "KeyId": key, "Plaintext": "AAAA" });
        assert_eq!(client.refused("Encrypt", encrypt).await, "InvalidKeyUsageException");
    }
    let oaep = json!({ "KeyId": rsa, "Plaintext": "AAAA", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256" });
    assert_eq!(client.refused("Encrypt", oaep).await, "UnsupportedOperationException");
}

#[tokio::test]
async fn re_encryption_moves_a_blob_to_another_key_and_context() {
    let client = Client::new();
    let (old, new) = (client.symmetric_key().await, client.symmetric_key().await);
    let blob = encrypted(&client, &old, json!({ "realm": "main" })).await;
    let mut parameters = json!({
        "CiphertextBlob": encode(blob),
        "DestinationEncryptionContext": { "realm": "other" },
        "DestinationKeyId": new,
        "SourceEncryptionContext": { "realm": "main" },
    });
    let answer = client.ok("ReEncrypt", parameters.clone()).await;
    assert_eq!((&answer["SourceKeyId"], &answer["KeyId"]), (&json!(old), &json!(new)));
    let moved = decode(&answer, "CiphertextBlob");
    let opened = client.ok("Decrypt", decrypt(&moved, json!({ "realm": "other" }))).await;
    assert_eq!(decode(&opened, "Plaintext"), b"secret");
    assert_eq!(opened["KeyId"], new);

    parameters["SourceKeyId"] = new.into();
    assert_eq!(client.refused("ReEncrypt", parameters).await, "IncorrectKeyException");
}
