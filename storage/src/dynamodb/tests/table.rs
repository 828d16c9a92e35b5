//! The table itself, made and examined.

use super::*;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};

async fn wrongs(store: &DynamoDb) -> Vec<String> {
    store.check().await.unwrap().into_iter().map(|found| found.what).collect()
}

#[tokio::test]
async fn what_migrate_makes_is_sound() {
    let name = local_aws::table_name();
    let store = DynamoDb::over(local_aws::client(None), &name, Realm::main());
    assert_eq!(wrongs(&store).await, [format!("there is no table {name}")]);
    assert_eq!(kind_of(store.issuer().await), Some(StoreErrorKind::Unavailable));
    assert!(store.migrate().await.unwrap());
    assert_eq!(store.check().await.unwrap(), []);
    assert!(!store.migrate().await.unwrap(), "the second time it is there");
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn another_table_is_found_out_and_completed_where_it_can_be() {
    let name = local_aws::table_name();
    let client = local_aws::client(None);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let kind = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let call =
        client.create_table().table_name(&name).key_schema(key).billing_mode(BillingMode::PayPerRequest);
    call.attribute_definitions(kind.build().unwrap()).send().await.unwrap();
    let store = DynamoDb::over(client, &name, Realm::main());
    let [keys, protection, encryption] = [
        "its keys are not those of migrations/dynamodb/table.json",
        "one command can delete it",
        "it is not encrypted by a key of your account",
    ];
    let [expiry, recovery] =
        ["expired records are not deleted by `ttl`", "it can't be recovered to a point in time"];
    assert_eq!(wrongs(&store).await, [keys, protection, encryption, expiry, recovery]);
    assert!(!store.migrate().await.unwrap());
    assert_eq!(wrongs(&store).await, [keys, protection, encryption]);
    let written = kind_of(store.set_issuer("https://op.example", crate::contract::sample::call(1)).await);
    assert_eq!(written, Some(StoreErrorKind::Corrupt), "it isn't a store of ours");
}
