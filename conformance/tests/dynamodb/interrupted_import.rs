//! Imports that are refused, interrupted, or meet a server that uses the store.

use super::requests::*;
use super::transfer::{ISSUER, USERS, admin, belongs, issuer, lived_in, one_more_grant, put, sqlite, text};
use conformance::account::Account;
use conformance::process::{Process, keyward, run_with};
use keys::clock::Clock as _;
use protocol::id::{Realm, RequestId};
use protocol::time::Timestamp;
use server::admin::Admin;
use storage::tap::{Meddler, Tap};
use storage::{DynamoDb, Patience, RingDocument, Stamp, UNFINISHED_IMPORT};
use tempfile::TempDir;

/// A table whose import was interrupted by a broken connection after some calls.
async fn half_way(world: &World, file: &str, planned_move: bool, calls: u64) -> (Admin, Wire) {
    let wire = Wire::new();
    let store = local_aws::empty_over(Some(wire.client())).await.unwrap();
    let table = admin(Arc::new(store), world);
    wire.plan(calls, u64::MAX, Mishap::Unreachable);
    put(&table, file, planned_move).await.unwrap_err();
    wire.clear();
    assert_ne!(text(&table).await, file, "it stopped half-way");
    assert_eq!(issuer(&table).await.as_deref(), Some(UNFINISHED_IMPORT));
    (table, wire)
}

/// Once an import has ended and the store was used, nothing of another file gets in.
#[tokio::test]
async fn n226_an_import_into_a_store_that_was_used_since_another_brings_nothing_back_to_life() {
    let world = lived_in().await;
    let old = admin(Arc::clone(&world.store), &world);
    let first = text(&old).await;
    let new = admin(sqlite(), &world);
    put(&new, &first, false).await.unwrap();
    world.pass(5);
    // A later file, of servers that continued; and the same file after a user was deleted.
    one_more_grant(&world).await;
    let before = text(&new).await;
    let message = put(&new, &text(&old).await, false).await.unwrap_err();
    assert!(message.contains("of kind grant"), "{message}");
    assert_eq!(text(&new).await, before);
    new.delete_user("user-1").await.unwrap();
    let before = text(&new).await;
    assert!(put(&new, &first, false).await.unwrap_err().contains("is not what the file has"));
    assert_eq!(text(&new).await, before);
    assert_eq!(issuer(&new).await.as_deref(), Some(ISSUER));
}

/// A consent that was revoked between two files stays revoked.
#[tokio::test]
async fn n226_leftovers_of_an_import_that_was_given_up_are_noticed() {
    let world = lived_in().await;
    let old = admin(Arc::clone(&world.store), &world);
    let (table, _) = half_way(&world, &text(&old).await, true, 100).await;
    // Which records got there depends on the connection: one of those.
    let mut consents = Vec::new();
    for user in old.store.user_ids().await.unwrap() {
        consents.extend(Account::of(&*table.store, &user).await.consents);
    }
    let left = consents.first().expect("some consent is in the table");
    world.store.forget_consent(&left.user, &left.client, world.admin().call).await.unwrap();
    let message = put(&table, &text(&old).await, true).await.unwrap_err();
    assert!(message.contains("of kind consent"), "{message}");
    assert_eq!(issuer(&table).await.as_deref(), Some(UNFINISHED_IMPORT));
}

/// Servers were running on the old store, so each new file is later than the one before.
#[tokio::test]
async fn n226_an_import_that_is_restarted_counts_from_the_restart() {
    let world = lived_in().await;
    let old = admin(Arc::clone(&world.store), &world);
    let (table, _) = half_way(&world, &text(&old).await, false, 40).await;
    world.pass(5);
    one_more_grant(&world).await;
    let file = text(&old).await;
    world.pass(5);
    let table = admin(Arc::clone(&table.store), &world);
    let done = put(&table, &file, false).await.unwrap();
    let now = world.clock.now().millis();
    assert_eq!(done.not_before, Some(Timestamp::from_millis(now + 1)), "what came between counts no more");
    assert_eq!(issuer(&table).await.as_deref(), Some(ISSUER));
}

/// Without the flag all sessions would end; adding it ends nothing.
#[tokio::test]
async fn an_interrupted_planned_import_continues_only_as_a_planned_one() {
    let world = lived_in().await;
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    for begun_so in [true, false] {
        let (table, _) = half_way(&world, &file, begun_so, 40).await;
        if begun_so {
            assert!(put(&table, &file, false).await.unwrap_err().contains("begun as a planned move"));
        }
        put(&table, &file, true).await.unwrap();
        assert_eq!(text(&table).await, file);
    }
}

#[tokio::test]
async fn a_damaged_file_or_a_store_in_use_is_refused() {
    let world = lived_in().await;
    let first = text(&admin(Arc::clone(&world.store), &world)).await;
    let lines: Vec<&str> = first.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n");
    let nobody = admin(sqlite(), &world);
    for (damaged, why) in [
        (joined(&lines[..lines.len() - 1]), "cut off"),
        (joined(&[&lines[..1], &lines[2..]].concat()), "missing"),
        (joined(&lines[1..]), "line 1"),
        (joined(&[&lines[..2], &lines[1..]].concat()), "line 3 is not in order"),
        (joined(&[&lines[..1], &lines[2..3], &lines[1..2], &lines[3..]].concat()), "line 3 is not in order"),
        (first.replace("\"keyward_export\":1", "\"keyward_export\":2"), "format 2"),
        (joined(&[&lines[..2], &["nonsense"][..], &lines[2..]].concat()), "line 3"),
        (first.replacen("user-", "uses-", 1), "changed or damaged"),
        (String::new(), "cut off"),
    ] {
        let message = put(&nobody, &damaged, true).await.unwrap_err();
        assert!(message.contains(why), "{message}");
        assert_eq!(nobody.store.user_ids().await.unwrap(), [], "nothing was written");
        assert_eq!(nobody.store.clients().await.unwrap(), [], "nothing was written");
        assert_eq!(issuer(&nobody).await, None, "nothing was written");
    }
    // A server was started on it too early and has made its keys; or the store has another issuer.
    let busy = World::on(local_aws::empty().await, Harness::DynamoDb, &[]).await;
    let mut seen = None;
    for (next, why) in [(ISSUER, "other keys than the file"), ("https://other.example", "other keys")] {
        let message = put(&busy.admin(), &first, true).await.unwrap_err();
        assert!(message.contains(why), "{message}");
        assert_eq!(busy.store.user_ids().await.unwrap(), [], "nothing was written");
        assert_eq!(issuer(&busy.admin()).await.as_deref(), seen);
        belongs(&*busy.store, seen, next, busy.admin().call).await;
        seen = Some(next);
    }
    let elsewhere = admin(sqlite(), &world);
    belongs(&*elsewhere.store, None, "https://other.example", world.admin().call).await;
    let message = put(&elsewhere, &first, true).await.unwrap_err();
    assert!(
        message.contains(&format!("belongs to https://other.example, but the file to {ISSUER}")),
        "{message}"
    );
    // The store has another user.
    busy.user("bob", None, serde_json::json!({})).await;
    let message = put(&busy.admin(), &first, true).await.unwrap_err();
    assert!(message.contains("users or clients that are not in the file"), "{message}");
}

/// The server has set its issuer when the import reads it, and makes its keys before the import marks the store.
#[tokio::test]
async fn a_server_that_starts_at_the_same_time_keeps_its_store() {
    let world = lived_in().await;
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    let (store, theirs) = (sqlite(), World::on(sqlite(), Harness::Router, &[]).await);
    let keys = theirs.store.ring(RingDocument::Ring).await.unwrap().unwrap();
    let stamp = world.admin().call;
    belongs(&*store, None, ISSUER, stamp).await;
    let server = Arc::clone(&store);
    let makes_keys = async move {
        let stamp = Stamp { request: RequestId::from_bytes([5; 16]), ..stamp };
        let made = server.replace_ring(RingDocument::Ring, None, &keys.body, stamp).await.unwrap();
        assert!(made.is_done());
    };
    let tapped = Tap::new(Arc::clone(&store), Meddler::before("replace_issuer", makes_keys));
    let message = put(&admin(Arc::new(tapped), &world), &file, true).await.unwrap_err();
    assert!(message.contains("has just begun to use the store"), "{message}");
    assert_eq!(store.issuer().await.unwrap().as_deref(), Some(ISSUER));
    assert_eq!(store.user_ids().await.unwrap(), [], "nothing was written");
    // Another server sets the issuer first.
    let store = sqlite();
    let server = Arc::clone(&store);
    let claims = async move {
        let stamp = Stamp { request: RequestId::from_bytes([5; 16]), ..stamp };
        belongs(&*server, None, ISSUER, stamp).await;
    };
    let tapped = Tap::new(Arc::clone(&store), Meddler::before("replace_issuer", claims));
    let message = put(&admin(Arc::new(tapped), &world), &file, true).await.unwrap_err();
    assert!(message.contains("has just begun to use the store"), "{message}");
    assert_eq!(store.issuer().await.unwrap().as_deref(), Some(ISSUER));
    assert_eq!(store.ring(RingDocument::Ring).await.unwrap(), None);
}

#[tokio::test]
async fn an_import_waits_for_a_busy_table_and_continues_after_a_broken_connection() {
    let world = lived_in().await;
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    // The connection breaks after some records.
    let (table, wire) = half_way(&world, &file, true, 40).await;
    // A new table is throttled for a while.
    wire.plan(20, 100, Mishap::Throttled);
    put(&table, &file, true).await.unwrap();
    assert!(wire.clear(), "it was throttled");
    assert_eq!(text(&table).await, file);
    // And again while its contents are compared.
    wire.take();
    put(&table, &file, true).await.unwrap();
    let calls = wire.take().len() as u64;
    let of_users = u64::from(USERS) + 1;
    for nth in [calls - of_users - 4, calls - of_users, calls - 10] {
        wire.plan(nth, 6, Mishap::Throttled);
        put(&table, &file, true).await.unwrap();
        assert!(wire.clear(), "it was throttled");
    }
}

#[tokio::test]
async fn the_program_leaves_a_store_with_an_unfinished_import_alone() {
    let (folder, wire, name) = (TempDir::new().unwrap(), Wire::new(), local_aws::table_name());
    let setting = format!("dynamodb:{name}");
    let environment: Vec<_> =
        local_aws::environment().into_iter().chain([("KEYWARD_STORAGE", setting.as_str())]).collect();
    let run = |arguments: &[&str]| run_with(folder.path(), arguments, &environment, "");
    assert!(run(&["storage", "migrate"]).status.success());
    let world = lived_in().await;
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    std::fs::write(folder.path().join("file"), &file).unwrap();
    let client = local_aws::client(Some(wire.client()));
    let table = admin(Arc::new(DynamoDb::over(client, &name, Realm::main(), Patience::Operator)), &world);
    // A server was started here once and failed: it couldn't write its master key.
    belongs(&*table.store, None, ISSUER, world.admin().call).await;
    wire.plan(40, u64::MAX, Mishap::Unreachable);
    put(&table, &file, true).await.unwrap_err();
    wire.clear();
    let fix = "run the same `keyward storage import` again";
    for more in [None, Some("--change-issuer")] {
        let arguments: Vec<_> = ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(more).collect();
        let message = Process::try_spawn(keyward(folder.path(), &arguments, &environment)).err().unwrap();
        assert!(message.contains(fix), "{arguments:?}: {message}");
    }
    for arguments in
        [&["client", "list"][..], &["storage", "export", "other"], &["storage", "check"], &["doctor"]]
    {
        let done = run(arguments);
        let message = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains(fix), "{arguments:?}: {message}");
    }
    assert!(run(&["storage", "import", "file", "--planned-move"]).status.success());
    assert!(run(&["client", "list"]).status.success() && run(&["storage", "check"]).status.success());
    assert_eq!(text(&table).await, file);
}
