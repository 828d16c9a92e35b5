//! The table itself, made and examined.

use super::*;
use crate::Patience;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveStatus,
};

/// A store whose table doesn't exist yet.
fn unmade(wire: &Wire) -> DynamoDb {
    let client = local_aws::client(Some(wire.client()));
    DynamoDb::over(client, &local_aws::table_name(), Realm::main(), Patience::Operator)
}

async fn wrongs(store: &DynamoDb) -> Vec<String> {
    store.check().await.unwrap().into_iter().map(|found| found.what).collect()
}

#[tokio::test]
async fn what_migrate_makes_is_sound() {
    let name = local_aws::table_name();
    let store = DynamoDb::over(local_aws::client(None), &name, Realm::main(), Patience::Operator);
    assert_eq!(wrongs(&store).await, [format!("there is no table {name}")]);
    assert_eq!(kind_of(store.issuer().await), Some(StoreErrorKind::Unavailable));
    assert!(store.migrate().await.unwrap());
    assert_eq!(store.check().await.unwrap(), []);
    assert!(!store.migrate().await.unwrap(), "the second time it is there");
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_table_of_somebody_else_is_found_out_and_left_alone() {
    let name = local_aws::table_name();
    let client = local_aws::client(None);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let kind = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let call =
        client.create_table().table_name(&name).key_schema(key).billing_mode(BillingMode::PayPerRequest);
    call.attribute_definitions(kind.build().unwrap()).send().await.unwrap();
    let store = DynamoDb::over(client.clone(), &name, Realm::main(), Patience::Operator);
    let keys = "its keys are not those of migrations/dynamodb/table.json";
    assert_eq!(wrongs(&store).await, [keys]);
    assert!(!store.migrate().await.unwrap());
    assert_eq!(wrongs(&store).await, [keys]);
    let expiry = client.describe_time_to_live().table_name(&name).send().await.unwrap();
    let expiry = expiry.time_to_live_description.and_then(|there| there.time_to_live_status);
    assert_ne!(
        expiry,
        Some(TimeToLiveStatus::Enabled),
        "the records of another's table don't begin to expire"
    );
    let written =
        kind_of(store.replace_issuer(None, "https://op.example", crate::contract::sample::call(1)).await);
    assert_eq!(written, Some(StoreErrorKind::Corrupt), "it isn't a store of ours");
}

#[tokio::test]
async fn an_incomplete_table_is_completed_where_it_can_be() {
    let name = local_aws::table_name();
    let client = local_aws::client(None);
    let part = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let text = |name| {
        let kind = AttributeDefinition::builder().attribute_name(name);
        kind.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let call = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    let call = call.key_schema(part("pk", KeyType::Hash)).key_schema(part("sk", KeyType::Range));
    // The order of definitions doesn't matter.
    call.attribute_definitions(text("sk")).attribute_definitions(text("pk")).send().await.unwrap();
    let store = DynamoDb::over(client, &name, Realm::main(), Patience::Operator);
    let [protection, encryption] =
        ["one command can delete it", "it is not encrypted by a key of your account"];
    let [expiry, recovery] =
        ["expired records are not deleted by `ttl`", "it can't be recovered to a point in time"];
    assert_eq!(wrongs(&store).await, [protection, encryption, expiry, recovery]);
    assert!(!store.migrate().await.unwrap());
    assert_eq!(wrongs(&store).await, [protection, encryption]);
}

#[tokio::test]
async fn a_new_table_is_waited_for_until_it_can_be_recoverable() {
    let wire = Wire::new();
    let store = unmade(&wire);
    store.migrate().await.unwrap();
    let calls: Vec<_> = wire.take().into_iter().map(|sent| sent.operation).collect();
    let update = calls.iter().position(|call| call == "UpdateContinuousBackups").unwrap() as u64;
    let store = unmade(&wire);
    wire.plan(update + 1, 1, Mishap::Refused("ContinuousBackupsUnavailableException"));
    assert!(store.migrate().await.unwrap());
    assert!(wire.clear());
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_table_that_somebody_else_is_making_is_as_good_as_made() {
    let wire = Wire::new();
    let store = unmade(&wire);
    // The answer to CreateTable is lost, and the SDK requests the same table again.
    wire.plan(2, 1, Mishap::Unanswered);
    assert!(store.migrate().await.unwrap());
    let calls: Vec<_> = wire.take().into_iter().map(|sent| sent.operation).collect();
    assert_eq!(calls[..3], ["DescribeTable", "CreateTable", "CreateTable"]);
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn n227_a_table_that_other_regions_write_is_refused() {
    let (store, wire) = store_on_a_wire().await;
    store.require_one_region().await.unwrap();
    wire.plan(1, 1, Mishap::Replicated);
    let error = store.require_one_region().await.unwrap_err().to_string();
    assert!(error.contains("remove the replicas"), "{error}");
    wire.plan(1, 1, Mishap::Replicated);
    assert!(wrongs(&store).await[0].contains("other regions write it"));
}
