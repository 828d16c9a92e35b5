//! Users without skeletons, in an export and in a table of an earlier program.

use super::requests::*;
use super::transfer::{ISSUER, admin, belongs, put, sqlite, text};
use conformance::process::run_with;
use protocol::id::{Realm, Subject, UserId};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::User;
use server::admin::users::NewUser;
use storage::{DynamoDb, Patience, Store};
use tempfile::TempDir;

/// Four users as a program without skeletons made them, the first three with names that look alike. The one made first
/// comes last by id.
async fn settle(store: &dyn Store, world: &World) -> Vec<User> {
    let like = world.admin().user("alice").await.unwrap();
    let mut made = Vec::new();
    for (number, username) in [(9, "paypаl"), (4, "paypal"), (1, "раураӏ"), (5, "bob")] {
        let user = User {
            id: UserId::from_bytes([number; 16]),
            subject: Subject::from_random([number; 16]),
            username: username.into(),
            created_at: Timestamp::from_seconds(made.len() as u64),
            ..like.clone()
        };
        let names = [Identifier::typed(username).unwrap()];
        assert!(store.create_user(&user, &names, world.admin().call).await.unwrap().is_done());
        made.push(user);
    }
    made
}

/// Nobody can take their names, and each user is found by their own.
async fn assert_protected(store: &Arc<dyn Store>, world: &World, users: &[User]) {
    let admin = admin(Arc::clone(store), world);
    for name in ["paypa1", "PayPaI", "B0B"] {
        let new = NewUser { username: name.into(), ..NewUser::default() };
        let message = admin.create_user(new, None).await.unwrap_err().to_string();
        assert!(message.contains("looks like another user's"), "{name}: {message}");
    }
    for user in users {
        assert_eq!(admin.user(&user.username).await.unwrap().id, user.id);
    }
    let found = store.find_user(&Identifier::skeleton("paypal"), &[]).await.unwrap();
    assert_eq!(found.user, Some(users[0].id), "of those who look alike the one made first");
}

#[tokio::test]
async fn n249_users_of_an_export_without_skeletons_are_protected_after_the_import() {
    let from = World::on(sqlite(), Harness::Router, &[]).await;
    belongs(&*from.store, None, ISSUER, from.admin().call).await;
    from.alice().await;
    let users = settle(&*from.store, &from).await;
    let file = text(&admin(Arc::clone(&from.store), &from)).await;
    assert!(!file.contains("skeleton"), "a file of today is one of before");
    for (store, name) in [(sqlite(), "SQLite"), (local_aws::empty().await, "DynamoDB")] {
        let to = admin(Arc::clone(&store), &from);
        for is_new in [true, false] {
            assert_eq!(put(&to, &file, true).await.unwrap().is_new, is_new, "{name}");
            assert_protected(&store, &from, &users).await;
        }
        assert_eq!(text(&to).await, file, "{name}");
        to.delete_user("paypаl").await.unwrap();
        let left = store.find_user(&Identifier::skeleton("paypal"), &[]).await.unwrap();
        assert_eq!(left.user, None, "{name}: it went with its user");
    }
}

#[tokio::test]
async fn n249_an_import_that_stopped_among_skeletons_continues() {
    let from = World::on(sqlite(), Harness::Router, &[]).await;
    belongs(&*from.store, None, ISSUER, from.admin().call).await;
    from.alice().await;
    let users = settle(&*from.store, &from).await;
    let file = text(&admin(Arc::clone(&from.store), &from)).await;
    let mut stops = 0;
    for calls in 1.. {
        let wire = Wire::new();
        let store: Arc<dyn Store> = Arc::new(local_aws::empty_over(Some(wire.client())).await.unwrap());
        let to = admin(Arc::clone(&store), &from);
        wire.take();
        wire.plan(calls, u64::MAX, Mishap::Unreachable);
        let ended = put(&to, &file, true).await;
        wire.clear();
        if ended.is_ok() {
            break;
        }
        let sent = wire.take();
        stops += usize::from(sent.iter().any(|sent| sent.operation == "TransactWriteItems"));
        put(&to, &file, true).await.unwrap();
        assert_protected(&store, &from, &users).await;
    }
    assert!(stops > 5, "{stops}");
}

#[tokio::test]
async fn n249_storage_migrate_protects_users_of_an_old_table() {
    let (folder, name) = (TempDir::new().unwrap(), local_aws::table_name());
    let setting = format!("dynamodb:{name}");
    let environment: Vec<_> =
        local_aws::environment().into_iter().chain([("KEYWARD_STORAGE", setting.as_str())]).collect();
    let migrate = || {
        let done = run_with(folder.path(), &["storage", "migrate", "--json"], &environment, "");
        assert!(done.status.success(), "{done:?}");
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()
    };
    assert_eq!(migrate(), serde_json::json!({ "made": true, "skeletons": 0 }));
    let store: Arc<dyn Store> =
        Arc::new(DynamoDb::over(local_aws::client(None), &name, Realm::main(), Patience::Operator));
    let world = World::on(sqlite(), Harness::Router, &[]).await;
    world.alice().await;
    let users = settle(&*store, &world).await;
    assert_eq!(migrate(), serde_json::json!({ "made": false, "skeletons": 2 }));
    assert_protected(&store, &world, &users).await;
    assert_eq!(migrate(), serde_json::json!({ "made": false, "skeletons": 0 }));
}
