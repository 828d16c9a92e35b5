//! Records of a newer program: `Corrupt` to read and to write, never a guess, never "not found".

use super::*;
use crate::contract::newer::assert_writes_are_corrupt;
use crate::contract::sample::*;
use aws_sdk_dynamodb::types::AttributeValue;
use std::time::Duration;

/// The prefixes of the keys, by kind.
const KINDS: [(&str, &str); 10] = [
    ("main#META", "ISSUER"),
    ("main#RING", ""),
    ("main#CLIENT#", ""),
    ("main#IDENT#", ""),
    ("main#USER#", "USER"),
    ("main#USER#", "SESSION#"),
    ("main#USER#", "CONSENT#"),
    ("main#USER#", "GRANT#"),
    ("main#DENY#", ""),
    ("main#RATE#", ""),
];

/// A store with one record of each kind.
async fn one_of_each() -> DynamoDb {
    let store = store().await;
    put_user(&store, &bare_user(1), "alice").await;
    put_client(&store, &bare_client("client-a")).await;
    put_session(&store, &session(1)).await;
    // Its state would let every write succeed; only the format prevents it.
    put_grant(&store, &Grant { refresh: Some(rotated_tip(1)), ..grant(1) }).await;
    assert!(store.deny_token(&token(1), later(1), call(1)).await.unwrap().is_done());
    store.note_attempt(attempt(1), each(Duration::from_secs(1)), call(1)).await.unwrap();
    put_consent(&store, &agreed(1, "client-a", "openid", call(1))).await;
    assert!(store.replace_issuer(None, "https://auth.example", call(1)).await.unwrap().is_done());
    assert!(store.replace_ring(RingDocument::Ring, None, "{}", call(1)).await.unwrap().is_done());
    store
}

/// Everything in the table, by key.
async fn content(store: &DynamoDb) -> Vec<attribute::Item> {
    let call = store.0.client.scan().table_name(&store.0.name).consistent_read(true);
    let mut items = call.send().await.unwrap().items.unwrap_or_default();
    items.sort_by_key(|item| item::Key::of(item).unwrap());
    items
}

async fn set_format(store: &DynamoDb, (pk, sk): (&str, &str), format: u64) {
    let mut changed = 0;
    for mut item in content(store).await {
        let key = item::Key::of(&item).unwrap();
        if key.pk.starts_with(pk) && key.sk.starts_with(sk) {
            item.insert(item::VERSION.to_owned(), AttributeValue::N(format.to_string()));
            let call = store.0.client.put_item().table_name(&store.0.name);
            call.set_item(Some(item)).send().await.unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1, "{pk} {sk}");
}

#[tokio::test]
async fn a_newer_record_is_corrupt_to_read() {
    let store = one_of_each().await;
    let (user, client) = (user_id(1), client_id("client-a"));
    let [issuer, ring, clients, names, users, sessions, consents, grants, denied, attempts] = KINDS;
    let named = GrantLocator { session: Some(session_id(1)), ..grant_at(1) };
    for kind in KINDS {
        set_format(&store, kind, 2).await;
        let answers = [
            (&[issuer][..], kind_of(store.issuer().await)),
            (&[ring], kind_of(store.ring(RingDocument::Ring).await)),
            (&[clients], kind_of(store.client(&client).await)),
            (&[clients], kind_of(store.clients().await)),
            (&[users], kind_of(store.user(&user).await)),
            (&[users], kind_of(store.users().await)),
            (
                &[users, sessions, consents, attempts],
                kind_of(store.load_sign_in(&user, Some(session_id(1)), &client, &[attempt(1)]).await),
            ),
            (&[sessions, consents, grants], kind_of(store.belongings(&user, None).await)),
            (&[users, sessions, grants], kind_of(store.load_grant(named).await)),
            (&[users, sessions, grants], kind_of(store.load_grant(grant_at(1)).await)),
            (&[denied, users, sessions, grants], kind_of(store.load_token(&token(1), Some(named)).await)),
            (&[denied], kind_of(store.load_token(&token(1), None).await)),
            (&[attempts], kind_of(store.debts(&[attempt(2), attempt(1)]).await)),
            (&[names, attempts], kind_of(store.find_user(&name("alice"), &[attempt(1)]).await)),
            (&[names], kind_of(store.find_user(&name("alice"), &[]).await)),
        ];
        for (number, (kinds, answer)) in answers.into_iter().enumerate() {
            let expected = kinds.contains(&kind).then_some(StoreErrorKind::Corrupt);
            assert_eq!(answer, expected, "{kind:?}, read {number}");
        }
        set_format(&store, kind, 1).await;
    }
}

#[tokio::test]
async fn a_newer_record_is_corrupt_to_write_and_stays_as_it_is() {
    let store = one_of_each().await;
    for kind in KINDS {
        set_format(&store, kind, 2).await;
    }
    let before = content(&store).await;
    assert_writes_are_corrupt(&store).await;
    assert_eq!(content(&store).await, before);
}
