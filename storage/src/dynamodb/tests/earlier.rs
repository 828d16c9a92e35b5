//! Items of programs before generations: they are read correctly, and what this program writes next to them counts.

use super::*;
use crate::Belonging;
use crate::contract::sample::*;
use protocol::consent::Consent;
use protocol::generation::Generation;
use serde_json::{Value, json};

/// Puts an item as such a program does: these fields, besides its keys.
async fn put(store: &DynamoDb, key: &item::Key, says: Value) {
    let Value::Object(fields) = says else { unreachable!("{says}") };
    let mut item = key.item();
    item.extend(fields.into_iter().map(|(name, value)| (name, attribute::from_json(value))));
    let call = store.0.client.put_item().table_name(&store.0.name);
    call.set_item(Some(item)).send().await.unwrap();
}

/// A store with one record of each kind that ends or depends on an end: user 1 voided at [`NOW`].
async fn earlier_store() -> DynamoDb {
    let (store, realm) = (store().await, Realm::main());
    let (user, client, now) = (user_id(1), client_id("client-a"), NOW.millis());
    let by = json!(call(1).request);
    let proof = json!(authentication(1));
    let made = grant(1);
    let issued = made.code().unwrap();
    put(
        &store,
        &item::Key::client(&realm, &client),
        json!({
            "name": "Bare", "auth_method": "none", "secrets": [], "redirect_uris": [],
            "post_logout_redirect_uris": [], "origins": [], "grant_types": [], "scope": "", "audiences": [],
            "resources": [], "pkce_required": true, "first_party": false, "native": false, "disabled": false,
            "not_before": 7, "created_at": now, "revision": 1, "last_request": by, "v": 1,
        }),
    )
    .await;
    put(
        &store,
        &item::Key::user(&realm, &user),
        json!({
            "subject": bare_user(1).subject, "username": "alice", "email_verified": false, "claims": {},
            "disabled": false, "not_before": now, "created_at": now, "updated_at": now, "identifiers": [],
            "last_request": by, "v": 1,
        }),
    )
    .await;
    put(
        &store,
        &item::Key::session(&realm, &user, &session_id(1)),
        json!({
            "secret": session_secret(1), "authentication": proof, "created_at": now,
            "expires_at": now + 604_800_000, "last_request": by, "v": 1, "ttl": now / 1000 + 605_400,
        }),
    )
    .await;
    put(
        &store,
        &item::Key::consent(&realm, &user, &client),
        json!({ "scope": "openid", "granted_at": now, "last_request": by, "v": 1 }),
    )
    .await;
    put(
        &store,
        &item::Key::grant(&realm, &grant_key(1)),
        json!({
            "client": "client-a", "session": session_id(1), "requested_scope": "openid", "scope": "",
            "redirect_uri": issued.redirect_uri, "pkce": issued.pkce, "claims": {},
            "authentication": proof, "offline": false, "code": code(1), "code_expires_at": now + 60_000,
            "created_at": now, "expires_at": now + 660_000, "last_request": by, "v": 1,
            "ttl": now / 1000 + 1260, "ttl_redeemed": now / 1000 + 1260,
        }),
    )
    .await;
    store
}

#[tokio::test]
async fn n241_items_of_programs_before_generations_read_right() {
    let store = earlier_store().await;
    let ended = |not_before| Generation { id: None, not_before };
    let client = Client { generation: ended(Timestamp::from_millis(7)), ..bare_client("client-a") };
    assert_eq!(store.client(&client.id).await.unwrap(), Some(client));
    let user = User { generation: ended(NOW), ..bare_user(1) };
    assert_eq!(store.user(&user.id).await.unwrap(), Some(user));
    let session = Session { authority: None, ..session(1) };
    let consent = Consent { authority: None, ..agreed(1, "client-a", "openid", call(1)) };
    let list = store.belongings(&user_id(1), None).await.unwrap().list;
    let all = [
        Belonging::Consent(consent),
        Belonging::Grant(Box::new(grant(1))),
        Belonging::Session(session.clone()),
    ];
    assert_eq!(list, all);
    let view = store.load_grant(grant_at(1)).await.unwrap();
    assert_eq!((view.grant, view.session), (Some(grant(1)), Some(session)));
}

/// Every step accepts them as they are.
#[tokio::test]
async fn n241_items_of_programs_before_generations_go_on_living() {
    let store = earlier_store().await;
    let disabled = Client { disabled: true, revision: 2, ..full_client("client-a") };
    let disabled = Client { created_at: NOW, ..disabled };
    assert_eq!(store.replace_client(&disabled, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.client(&disabled.id).await.unwrap(), Some(disabled));
    let proven = reproven(&session(1), 2);
    assert_eq!(store.reauthenticate(&proven, &session_secret(1), call(3)).await.unwrap(), Commit::Done);
    assert_eq!(kept_session(&store, &proven).await, Some(proven));
    let given = agreed(1, "client-a", "email", call(4));
    put_consent(&store, &given).await;
    assert_eq!(kept_consent(&store, &given).await, Some(given), "another authority than theirs");
    assert!(store.redeem_code(grant_key(1), &code(1), None, call(5)).await.unwrap().is_done());
    assert!(store.void_user(&user_id(1), call(6)).await.unwrap().is_done());
    let generation = store.user(&user_id(1)).await.unwrap().unwrap().generation;
    assert_eq!((generation.id.is_some(), generation.not_before), (true, later(1)));
}
