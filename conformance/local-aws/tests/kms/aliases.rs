//! Aliases.

use crate::client::Client;
use serde_json::json;

#[tokio::test]
async fn an_alias_leads_to_the_key_that_it_was_moved_to() {
    let client = Client::new();
    let (one, two) = (client.symmetric_key().await, client.symmetric_key().await);
    client.ok("CreateAlias", json!({ "AliasName": "alias/moved", "TargetKeyId": one })).await;
    client.ok("UpdateAlias", json!({ "AliasName": "alias/moved", "TargetKeyId": two })).await;
    let described = client.ok("DescribeKey", json!({ "KeyId": "alias/moved" })).await;
    assert_eq!(described["KeyMetadata"]["Arn"], two);

    let listed = client.ok("ListAliases", json!({ "KeyId": two })).await;
    assert_eq!(listed["Aliases"].as_array().unwrap().len(), 1);
    assert_eq!(listed["Aliases"][0]["AliasName"], "alias/moved");
    assert_eq!(listed["Aliases"][0]["TargetKeyId"], described["KeyMetadata"]["KeyId"]);

    client.ok("DeleteAlias", json!({ "AliasName": "alias/moved" })).await;
    assert_eq!(client.refused("DescribeKey", json!({ "KeyId": "alias/moved" })).await, "NotFoundException");
}

#[tokio::test]
async fn an_alias_is_refused_that_kms_refuses() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let create = |name: &str| json!({ "AliasName": name, "TargetKeyId": key });
    client.ok("CreateAlias", create("alias/taken")).await;
    assert_eq!(client.refused("CreateAlias", create("alias/taken")).await, "AlreadyExistsException");
    assert_eq!(client.refused("CreateAlias", create("taken")).await, "ValidationException");
    for name in ["alias/", "alias/aws/s3", "alias/a b"] {
        assert_eq!(client.refused("CreateAlias", create(name)).await, "InvalidAliasNameException");
    }
    let unknown = json!({ "AliasName": "alias/nobody", "TargetKeyId": key });
    assert_eq!(client.refused("UpdateAlias", unknown).await, "NotFoundException");
    assert_eq!(
        client.refused("DeleteAlias", json!({ "AliasName": "alias/nobody" })).await,
        "NotFoundException"
    );

    let signing = client.key("ECC_NIST_P256", "SIGN_VERIFY").await;
    let other_kind = json!({ "AliasName": "alias/taken", "TargetKeyId": signing });
    assert_eq!(client.refused("UpdateAlias", other_kind).await, "ValidationException");
}

#[tokio::test]
async fn a_key_itself_is_changed_by_id_or_arn_only() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    client.ok("CreateAlias", json!({ "AliasName": "alias/itself", "TargetKeyId": key })).await;
    for operation in ["EnableKey", "DisableKey", "ScheduleKeyDeletion", "TagResource", "ListResourceTags"] {
        let error = client.refused(operation, json!({ "KeyId": "alias/itself" })).await;
        assert_eq!(error, "NotFoundException", "{operation}");
    }
}
