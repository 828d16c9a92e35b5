//! Keys: their kinds, names, states and tags.

use crate::client::{Client, REGION};
use serde_json::{Value, json};

/// The key id in an ARN.
fn id(arn: &str) -> &str {
    arn.rsplit_once('/').unwrap().1
}

#[tokio::test]
async fn a_key_is_described_as_kms_describes_it() {
    let client = Client::new();
    let created = client.ok("CreateKey", json!({ "Description": "wraps" })).await;
    let metadata = &created["KeyMetadata"];
    let arn = metadata["Arn"].as_str().unwrap();
    assert!(arn.starts_with(&format!("arn:aws:kms:{REGION}:000000000000:key/")), "{arn}");
    assert_eq!(metadata["KeyId"], id(arn));
    assert_eq!(metadata["Description"], "wraps");
    assert_eq!(metadata["Enabled"], true);
    assert_eq!(metadata["KeyState"], "Enabled");
    assert_eq!(metadata["KeySpec"], "SYMMETRIC_DEFAULT");
    assert_eq!(metadata["KeyUsage"], "ENCRYPT_DECRYPT");
    assert_eq!(metadata["EncryptionAlgorithms"], json!(["SYMMETRIC_DEFAULT"]));
    assert_eq!(client.ok("DescribeKey", json!({ "KeyId": arn })).await, created);
}

#[tokio::test]
async fn every_spec_and_usage_that_fit_make_a_key() {
    let client = Client::new();
    let fitting = [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
        ("RSA_2048", "ENCRYPT_DECRYPT"),
        ("RSA_2048", "SIGN_VERIFY"),
        ("RSA_3072", "SIGN_VERIFY"),
        ("RSA_4096", "SIGN_VERIFY"),
        ("ECC_NIST_P256", "SIGN_VERIFY"),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"),
    ];
    for (spec, usage) in fitting {
        client.key(spec, usage).await;
    }
    let unfitting = [
        json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT" }),
        json!({ "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "SIGN_VERIFY" }),
        json!({ "KeySpec": "ECC_NIST_P256" }),
        json!({ "KeySpec": "RSA_1024", "KeyUsage": "SIGN_VERIFY" }),
        json!({ "KeySpec": "RSA_2048", "KeyUsage": "ANY" }),
    ];
    for parameters in unfitting {
        assert_eq!(client.refused("CreateKey", parameters).await, "ValidationException");
    }
}

#[tokio::test]
async fn a_key_has_four_names() {
    let client = Client::new();
    let arn = client.symmetric_key().await;
    client.ok("CreateAlias", json!({ "AliasName": "alias/four-names", "TargetKeyId": arn })).await;
    let alias_arn = format!("arn:aws:kms:{REGION}:000000000000:alias/four-names");
    for name in [arn.as_str(), id(&arn), "alias/four-names", &alias_arn] {
        let answer = client.ok("DescribeKey", json!({ "KeyId": name })).await;
        assert_eq!(answer["KeyMetadata"]["Arn"], arn, "{name}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let client = Client::new();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let unknown_arn = format!("arn:aws:kms:{REGION}:000000000000:key/{unknown}");
    for name in [unknown, &unknown_arn, "alias/unknown", "no-key-id", "arn:aws:kms", "ARN:AWS"] {
        assert_eq!(client.refused("DescribeKey", json!({ "KeyId": name })).await, "NotFoundException");
    }
    assert_eq!(client.refused("DescribeKey", json!({})).await, "ValidationException");
}

#[tokio::test]
async fn a_key_belongs_to_its_region() {
    let client = Client::new();
    let elsewhere = Client::in_region("us-east-1");
    let arn = client.symmetric_key().await;
    for name in [arn.as_str(), id(&arn)] {
        assert_eq!(elsewhere.refused("DescribeKey", json!({ "KeyId": name })).await, "NotFoundException");
    }
}

#[tokio::test]
async fn a_key_of_another_account_is_denied() {
    let arn = format!("arn:aws:kms:{REGION}:111111111111:key/00000000-0000-4000-8000-000000000000");
    let error = Client::new().refused("Decrypt", json!({ "KeyId": arn, "CiphertextBlob": "AAAA" })).await;
    assert_eq!(error, "AccessDeniedException");
}

#[tokio::test]
async fn a_disabled_key_does_no_cryptography_until_it_is_enabled() {
    let client = Client::new();
    let arn = client.key("ECC_NIST_P256", "SIGN_VERIFY").await;
    client.ok("DisableKey", json!({ "KeyId": arn })).await;
    assert_eq!(client.ok("DescribeKey", json!({ "KeyId": arn })).await["KeyMetadata"]["Enabled"], false);
    for (operation, parameters) in cryptography(&arn) {
        assert_eq!(client.refused(operation, parameters).await, "DisabledException", "{operation}");
    }
    client.ok("EnableKey", json!({ "KeyId": arn })).await;
    client.ok("GetPublicKey", json!({ "KeyId": arn })).await;
}

#[tokio::test]
async fn a_key_pending_deletion_does_nothing_until_that_is_cancelled() {
    let client = Client::new();
    let arn = client.key("ECC_NIST_P256", "SIGN_VERIFY").await;
    let not_pending = client.refused("CancelKeyDeletion", json!({ "KeyId": arn })).await;
    assert_eq!(not_pending, "KMSInvalidStateException");

    let scheduled = client.ok("ScheduleKeyDeletion", json!({ "KeyId": arn, "PendingWindowInDays": 7 })).await;
    assert_eq!(scheduled["KeyState"], "PendingDeletion");
    assert_eq!(scheduled["KeyId"], arn);
    let described = client.ok("DescribeKey", json!({ "KeyId": arn })).await;
    assert_eq!(described["KeyMetadata"]["DeletionDate"], scheduled["DeletionDate"]);
    let management = [
        ("EnableKey", json!({ "KeyId": arn })),
        ("DisableKey", json!({ "KeyId": arn })),
        ("ScheduleKeyDeletion", json!({ "KeyId": arn })),
        ("TagResource", json!({ "KeyId": arn, "Tags": [] })),
        ("CreateAlias", json!({ "AliasName": "alias/pending", "TargetKeyId": arn })),
    ];
    for (operation, parameters) in cryptography(&arn).into_iter().chain(management) {
        assert_eq!(client.refused(operation, parameters).await, "KMSInvalidStateException", "{operation}");
    }

    client.ok("CancelKeyDeletion", json!({ "KeyId": arn })).await;
    let described = client.ok("DescribeKey", json!({ "KeyId": arn })).await;
    assert_eq!(described["KeyMetadata"]["KeyState"], "Disabled");
}

#[tokio::test]
async fn the_window_before_deletion_has_bounds() {
    let client = Client::new();
    let arn = client.symmetric_key().await;
    for days in [6, 31] {
        let parameters = json!({ "KeyId": arn, "PendingWindowInDays": days });
        assert_eq!(client.refused("ScheduleKeyDeletion", parameters).await, "ValidationException");
    }
}

#[tokio::test]
async fn tags_are_kept_and_listed_in_pages() {
    let client = Client::new();
    let tags = json!([{ "TagKey": "realm", "TagValue": "main" }]);
    let arn = client.ok("CreateKey", json!({ "Tags": tags })).await["KeyMetadata"]["Arn"].clone();
    let more = json!([{ "TagKey": "realm", "TagValue": "other" }, { "TagKey": "team", "TagValue": "login" }]);
    client.ok("TagResource", json!({ "KeyId": arn, "Tags": more })).await;
    let first = client.ok("ListResourceTags", json!({ "KeyId": arn, "Limit": 1 })).await;
    assert_eq!(first["Tags"], json!([{ "TagKey": "realm", "TagValue": "other" }]));
    assert_eq!(first["Truncated"], true);
    let next = json!({ "KeyId": arn, "Marker": first["NextMarker"] });
    let second = client.ok("ListResourceTags", next).await;
    assert_eq!(second["Tags"], json!([{ "TagKey": "team", "TagValue": "login" }]));
    assert_eq!(second["Truncated"], false);
}

#[tokio::test]
async fn keys_of_the_region_are_listed() {
    let client = Client::in_region("eu-north-1");
    let (one, two) = (client.symmetric_key().await, client.symmetric_key().await);
    let listed = client.ok("ListKeys", json!({})).await;
    let mut arns: Vec<&str> =
        listed["Keys"].as_array().unwrap().iter().map(|key| key["KeyArn"].as_str().unwrap()).collect();
    arns.sort_unstable();
    let mut expected = [one.as_str(), two.as_str()];
    expected.sort_unstable();
    assert_eq!(arns, expected);
}

#[tokio::test]
async fn what_kms_does_not_know_is_refused() {
    let client = Client::new();
    assert_eq!(client.refused("Divide", json!({})).await, "UnknownOperationException");
    assert_eq!(client.refused("DescribeKey", json!([])).await, "SerializationException");
    let dry = json!({ "KeyId": client.symmetric_key().await, "Plaintext": "AAAA", "DryRun": true });
    assert_eq!(client.refused("Encrypt", dry).await, "UnsupportedOperationException");
}

/// Calls that use a signing key.
fn cryptography(arn: &str) -> [(&'static str, Value); 2] {
    let sign = json!({ "KeyId": arn, "Message": "AAAA", "SigningAlgorithm": "ECDSA_SHA_256" });
    [("Sign", sign), ("GetPublicKey", json!({ "KeyId": arn }))]
}
