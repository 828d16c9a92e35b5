//! A store moves from one backend to another and back.

use super::*;
use conformance::process::{Process, keyward, run_with};
use protocol::grant::{Grant, RevocationReason};
use protocol::id::{GrantId, Realm, RequestId, UserId};
use protocol::name::Identifier;
use protocol::secret::{Digest, SecretKind};
use protocol::session::Session;
use protocol::time::Timestamp;
use server::admin::transfer::{Imported, Stage, UNFINISHED, export, import};
use server::admin::{Actor, Admin};
use server::clock::Clock as _;
use server::entropy::SeededEntropy;
use server::keys::Ring;
use std::os::unix::fs::PermissionsExt as _;
use storage::{AccountView, DynamoDb, Location, Patience, RingDocument, Sqlite, Stamp, Store};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Whom the stores belong to.
const ISSUER: &str = "https://op.example";
/// More than go at once.
const USERS: u32 = 50;

fn admin(store: Arc<dyn Store>, like: &World) -> Admin {
    Admin { actor: Actor::Server, store, clock: like.clock.clone(), entropy: Arc::new(SeededEntropy::new(7)) }
}

fn sqlite() -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap())
}

async fn text(admin: &Admin) -> String {
    let mut text = Vec::new();
    export(admin, &std::env::temp_dir(), &mut text, |_, _| {}).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// Into a store, from a file with this text; the mend if it is refused.
async fn put(admin: &Admin, text: &str, planned_move: bool) -> Result<Imported, String> {
    import(admin, || Ok(text.as_bytes()), planned_move, |_, _, _| {}).await.map_err(|error| error.to_string())
}

/// A SQLite store with people, clients, sessions and grants in every state.
async fn lived_in() -> World {
    crowded(sqlite(), USERS).await
}

/// The same in a store, with so many people.
async fn crowded(store: Arc<dyn Store>, users: u32) -> World {
    let world = World::on(store, Harness::Router, &[]).await;
    belongs(&world, None, ISSUER).await;
    world.alice().await;
    world.single_page().await;
    world.machine().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &request()).await;
    let consent = browser.sign_in(&world, &page, "alice", PASSWORD).await;
    let answer = browser.consent(&world, &consent, "approve").await;
    let tokens = world.send(redeem(&code(&answer))).await;
    world.send(revoke(&member(&tokens, "access_token"))).await;
    let second = world.send(redeem(&code(&browser.visit(&world, &request()).await))).await;
    world.send(revoke(&member(&second, "refresh_token"))).await;
    browser.visit(&world, &request()).await;
    let alice = world.admin.user("alice").await.unwrap();
    let template = Arc::new(world.store.load_account(&alice.id).await.unwrap());
    // The rest without the cost of their passwords.
    let mut made = JoinSet::new();
    for number in 0..users {
        let (store, like, stamp) = (Arc::clone(&world.store), Arc::clone(&template), world.admin.stamp());
        made.spawn(async move { settle(&*store, &like, number, stamp).await });
        if made.len() > 200 {
            made.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = made.join_next().await {
        done.unwrap();
    }
    world
}

/// One more of them, who has what alice has.
async fn settle(store: &dyn Store, like: &AccountView, number: u32, stamp: Stamp) {
    let mut user = like.user.clone().unwrap();
    // Such that the order of ids is not that of their texts.
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.wrapping_mul(0x9E37_79B1).to_be_bytes());
    user.id = UserId::from_bytes(id);
    user.username = format!("user-{number}");
    user.email = Some(format!("user-{number}@example.org"));
    user.email_verified = number.is_multiple_of(2);
    let mut names = vec![Identifier::typed(&user.username).unwrap()];
    names.extend(user.email.as_deref().filter(|_| user.email_verified).and_then(Identifier::email));
    assert!(store.create_user(&user, &names, stamp).await.unwrap().is_done());
    for grant in &like.grants {
        let grant = Grant { user: user.id, ..grant.clone() };
        assert!(store.create_grant(&grant, stamp).await.unwrap().is_done());
    }
    for session in &like.sessions {
        let session = Session { user: user.id, ..session.clone() };
        assert!(store.start_session(&session, stamp).await.unwrap().is_done());
    }
    for consent in &like.consents {
        store.remember_consent(&user.id, &consent.client, &consent.scope, stamp).await.unwrap();
    }
}

/// Binds the world's store to an issuer.
async fn belongs(world: &World, seen: Option<&str>, issuer: &str) {
    let bound = world.store.replace_issuer(seen.map(str::to_owned), issuer, world.admin.stamp());
    assert!(bound.await.unwrap().is_done());
}

async fn issuer(admin: &Admin) -> Option<String> {
    admin.store.issuer().await.unwrap()
}

/// What was spent or revoked stays so, and what was not is still good.
async fn assert_as_it_was(store: &dyn Store, user: &UserId, stamp: Stamp) {
    let moved = store.load_account(user).await.unwrap();
    assert!(moved.grants.iter().any(|grant| grant.revoked.is_some()));
    assert!(moved.grants.iter().any(|grant| grant.redeemed_at.is_none()));
    for grant in moved.grants {
        let spent = grant.redeemed_at.is_some() || grant.revoked.is_some();
        let again = store.redeem_code(grant.key(), &grant.code, None, stamp).await.unwrap();
        assert_eq!(again.is_done(), !spent, "what was spent or revoked stays so");
        let revoked = store.revoke_grant(grant.key(), RevocationReason::Revoked, stamp).await.unwrap();
        assert_eq!(revoked.is_done(), grant.revoked.is_none());
    }
}

#[tokio::test]
async fn a_planned_move_there_and_back_changes_nothing() {
    let world = lived_in().await;
    let first = text(&admin(Arc::clone(&world.store), &world)).await;
    let table = admin(local_aws::empty().await, &world);
    let back = admin(sqlite(), &world);
    for (to, name) in [(&table, "DynamoDB"), (&back, "SQLite")] {
        let (mut told, mut counted) = (Vec::new(), Vec::new());
        let progress = |stage, done, all| match stage {
            Stage::Put => told.push((done, all)),
            Stage::Count => counted.push((done, all)),
        };
        let done = import(to, || Ok(first.as_bytes()), true, progress).await.unwrap();
        assert_eq!(done.not_before, None);
        assert_eq!(done.counts["user"], u64::from(USERS) + 1);
        assert_eq!(told.last(), Some(&(told.len() as u64, told.len() as u64)));
        assert_eq!(counted.last(), Some(&(u64::from(USERS) + 1, u64::from(USERS) + 1)));
        assert_eq!(text(to).await, first, "{name}");
        // A second time, as after a stop half-way.
        assert_eq!(put(to, &first, true).await.unwrap(), done);
        assert_eq!(text(to).await, first, "{name}");
    }
    let stamp = Stamp { at: world.clock.now(), request: RequestId::from_bytes([9; 16]) };
    let alice = world.admin.user("alice").await.unwrap();
    assert_as_it_was(&*table.store, &alice.id, stamp).await;
    assert_eq!(table.store.denied_tokens().await.unwrap(), world.store.denied_tokens().await.unwrap());
    assert_eq!(world.store.denied_tokens().await.unwrap().len(), 1);
    for number in 0..USERS {
        assert!(table.user(&format!("user-{number}")).await.is_ok(), "names lead to people");
        let address = table.user(&format!("user-{number}@example.org")).await.is_ok();
        assert_eq!(address, number.is_multiple_of(2), "and so do verified addresses only");
    }
}

#[tokio::test]
async fn n226_an_unplanned_import_brings_nothing_back_to_life() {
    let world = lived_in().await;
    let first = text(&admin(Arc::clone(&world.store), &world)).await;
    world.pass(5);
    let table = admin(local_aws::empty().await, &world);
    let done = put(&table, &first, false).await.unwrap();
    let from = world.clock.now().millis() + 1;
    assert_eq!(done.not_before, Some(Timestamp::from_millis(from)));
    world.pass(5);
    // The second time its instant stays, and a planned one that comes after doesn't take it back.
    let again = put(&table, &first, false).await.unwrap();
    assert_eq!(again, done);
    assert!(put(&table, &first, true).await.is_err());
    let ring = table.store.ring(RingDocument::Ring).await.unwrap().unwrap();
    assert_eq!(Ring::parse(&ring.body).unwrap().not_before, Timestamp::from_millis(from));
    // One that comes after a planned one does set it.
    let other = admin(sqlite(), &world);
    put(&other, &first, true).await.unwrap();
    let late = put(&other, &first, false).await.unwrap();
    assert_eq!(late.not_before, Some(Timestamp::from_millis(world.clock.now().millis() + 1)));
}

/// Servers were running on the old store, so each new file is later than the one before.
#[tokio::test]
async fn n226_an_import_that_is_begun_again_counts_from_then() {
    let world = lived_in().await;
    let (old, wire) = (admin(Arc::clone(&world.store), &world), Wire::new());
    let store = local_aws::empty_over(Some(wire.client())).await.unwrap();
    let table = admin(Arc::new(store), &world);
    wire.plan(40, u64::MAX, Mishap::Unreachable);
    put(&table, &text(&old).await, false).await.unwrap_err();
    wire.clear();
    assert_eq!(issuer(&table).await.as_deref(), Some(UNFINISHED));
    world.pass(5);
    let alice = world.admin.user("alice").await.unwrap();
    let grant = world.store.load_account(&alice.id).await.unwrap().grants.remove(0);
    let fresh = Grant { id: GrantId::from_bytes([9; 16]), ..grant };
    assert!(world.store.create_grant(&fresh, world.admin.stamp()).await.unwrap().is_done());
    let file = text(&old).await;
    world.pass(5);
    let done = put(&table, &file, false).await.unwrap();
    let now = world.clock.now().millis();
    assert_eq!(done.not_before, Some(Timestamp::from_millis(now + 1)), "what came between counts no more");
    assert_eq!(issuer(&table).await.as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn an_import_that_was_begun_without_the_flag_may_go_on_as_a_planned_move() {
    let world = lived_in().await;
    let (file, wire) = (text(&admin(Arc::clone(&world.store), &world)).await, Wire::new());
    let store = local_aws::empty_over(Some(wire.client())).await.unwrap();
    let table = admin(Arc::new(store), &world);
    wire.plan(40, u64::MAX, Mishap::Unreachable);
    put(&table, &file, false).await.unwrap_err();
    wire.clear();
    put(&table, &file, true).await.unwrap();
    assert_eq!(text(&table).await, file);
}

#[tokio::test]
async fn what_is_over_and_what_only_counts_stays_behind() {
    let world = lived_in().await;
    let token = Digest::of(SecretKind::TokenId, b"over");
    let stamp = world.admin.stamp();
    assert!(world.store.deny_token(&token, stamp.at, stamp).await.unwrap().is_done());
    let before = text(&admin(Arc::clone(&world.store), &world)).await;
    assert_eq!(before.matches(r#""kind":"denied_token""#).count(), 1);
    assert!(before.contains(r#""kind":"session""#));
    world.pass(8 * 24 * 3600);
    let after = text(&admin(Arc::clone(&world.store), &world)).await;
    assert!(!after.contains(r#""kind":"session""#) && !after.contains(r#""kind":"denied_token""#));
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
        (joined(&[&lines[..2], &lines[1..]].concat()), "line 3 is not in its place"),
        (
            joined(&[&lines[..1], &lines[2..3], &lines[1..2], &lines[3..]].concat()),
            "line 3 is not in its place",
        ),
        (first.replace("\"keyward_export\":1", "\"keyward_export\":2"), "format 2"),
        (joined(&[&lines[..2], &["nonsense"][..], &lines[2..]].concat()), "line 3"),
        (first.replacen("user-", "uses-", 1), "changed or damaged"),
        (String::new(), "cut off"),
    ] {
        let told = put(&nobody, &damaged, true).await.unwrap_err();
        assert!(told.contains(why), "{told}");
        assert_eq!(nobody.store.user_ids().await.unwrap(), [], "nothing was written");
        assert_eq!(nobody.store.clients().await.unwrap(), [], "nothing was written");
        assert_eq!(issuer(&nobody).await, None, "nothing was written");
    }
    // A server was started on it too early, and has made its keys; or it was to belong to somebody else.
    let busy = World::on(local_aws::empty().await, Harness::DynamoDb, &[]).await;
    let mut seen = None;
    for (next, why) in [(ISSUER, "other keys than the file"), ("https://other.example", "other keys")] {
        let told = put(&busy.admin, &first, true).await.unwrap_err();
        assert!(told.contains(why), "{told}");
        assert_eq!(busy.store.user_ids().await.unwrap(), [], "nothing was written");
        assert_eq!(issuer(&busy.admin).await.as_deref(), seen);
        belongs(&busy, seen, next).await;
        seen = Some(next);
    }
    let elsewhere = admin(sqlite(), &world);
    let bound = elsewhere.store.replace_issuer(None, "https://other.example", world.admin.stamp());
    assert!(bound.await.unwrap().is_done());
    let told = put(&elsewhere, &first, true).await.unwrap_err();
    assert!(told.contains(&format!("belongs to https://other.example, and the file to {ISSUER}")), "{told}");
    // Somebody else lives there.
    busy.user("bob", None, serde_json::json!({})).await;
    let told = put(&busy.admin, &first, true).await.unwrap_err();
    assert!(told.contains("users or clients that are not in the file"), "{told}");
}

/// The account page leaves some out.
#[tokio::test]
async fn every_grant_of_a_busy_user_moves() {
    let world = lived_in().await;
    let alice = world.admin.user("alice").await.unwrap();
    let grant = world.store.load_account(&alice.id).await.unwrap().grants.remove(0);
    let many = storage::ACCOUNT_GRANTS + 100;
    for number in 0..many {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let other = Grant { id: GrantId::from_bytes(id), ..grant.clone() };
        assert!(world.store.create_grant(&other, world.admin.stamp()).await.unwrap().is_done());
    }
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    let of_alice = |line: &&str| line.contains(&alice.id.to_string()) && line.contains(r#""kind":"grant""#);
    assert_eq!(file.lines().filter(of_alice).count(), many as usize + 3);
}

#[tokio::test]
async fn an_import_waits_for_a_busy_table_and_goes_on_after_a_broken_line() {
    let world = lived_in().await;
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    let wire = Wire::new();
    let store = local_aws::empty_over(Some(wire.client())).await.unwrap();
    let table = admin(Arc::new(store), &world);
    // The line breaks after some records, for good as it seems.
    wire.plan(40, u64::MAX, Mishap::Unreachable);
    put(&table, &file, true).await.unwrap_err();
    wire.clear();
    assert_ne!(text(&table).await, file, "it stopped half-way");
    assert_eq!(issuer(&table).await.as_deref(), Some(UNFINISHED));
    // A new table can't take what is coming, for a while.
    wire.plan(20, 100, Mishap::Throttled);
    put(&table, &file, true).await.unwrap();
    assert!(wire.clear(), "it was throttled");
    assert_eq!(text(&table).await, file);
    // Nor can it while what it holds is counted.
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
async fn the_program_moves_a_store_there_and_back() {
    there_and_back(300).await;
}

#[tokio::test]
#[ignore = "takes minutes: `cargo build --release -p server && cargo test --release -p conformance --test dynamodb -- --ignored`"]
async fn the_program_moves_a_hundred_thousand_users_there_and_back() {
    there_and_back(100_000).await;
}

#[test]
fn the_program_says_what_a_file_has_to_be() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| run_with(folder.path(), arguments, &[], "");
    let refused = |arguments: &[&str], why: &str| {
        let done = run(arguments);
        let told = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(1) && told.contains(why), "{arguments:?}: {told}");
    };
    assert!(run(&["storage", "migrate"]).status.success());
    let left = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = left();
    refused(&["storage", "export", "no/such/folder"], "no/such/folder can't be made");
    refused(&["storage", "import", "nothing"], "nothing can't be read");
    refused(&["storage", "import", "/dev/stdin"], "is no regular file");
    assert!(run(&["storage", "export", "file"]).status.success());
    refused(&["storage", "export", "file"], "file is there already");
    assert_eq!(left(), before + 1, "nothing else is left behind");
    let mode = std::fs::metadata(folder.path().join("file")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "password hashes are in it");
    refused(&["storage", "import", "file"], "start `keyward serve` once on the store it is from");
    std::fs::write(folder.path().join("file"), "{\"keyward_export\":1}\n").unwrap();
    refused(&["storage", "import", "file"], "cut off");
}

#[tokio::test]
async fn the_program_leaves_a_store_alone_whose_import_has_not_ended() {
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
    // A server began here once and came to nothing: it couldn't write its master key.
    let bound = table.store.replace_issuer(None, ISSUER, world.admin.stamp());
    assert!(bound.await.unwrap().is_done());
    wire.plan(40, u64::MAX, Mishap::Unreachable);
    put(&table, &file, true).await.unwrap_err();
    wire.clear();
    let mend = "run the same `keyward storage import` again";
    for more in [None, Some("--change-issuer")] {
        let arguments: Vec<_> = ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(more).collect();
        let told = Process::try_spawn(keyward(folder.path(), &arguments, &environment)).err().unwrap();
        assert!(told.contains(mend), "{arguments:?}: {told}");
    }
    for arguments in [&["client", "list"][..], &["storage", "export", "other"], &["doctor"]] {
        let done = run(arguments);
        let told = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains(mend), "{arguments:?}: {told}");
    }
    assert!(run(&["storage", "import", "file", "--planned-move"]).status.success());
    assert!(run(&["client", "list"]).status.success());
    assert_eq!(text(&table).await, file);
}

/// From a SQLite file by way of a table to another SQLite file, by commands.
async fn there_and_back(users: u32) {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = |folder: &TempDir| folder.path().join("keyward-data/keyward.db");
    let keyward = |folder: &TempDir, storage: Option<&str>, arguments: &[&str]| {
        let settings = storage.map(|storage| ("KEYWARD_STORAGE", storage));
        let settings: Vec<_> = local_aws::environment().into_iter().chain(settings).collect();
        let done = run_with(folder.path(), arguments, &settings, "");
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    };
    let table = format!("dynamodb:{}", local_aws::table_name());
    keyward(&from, None, &["storage", "migrate"]);
    let open = |folder| -> Arc<dyn Store> {
        Arc::new(Sqlite::open(&Location::File(file(folder)), false, Realm::main()).unwrap())
    };
    let world = crowded(open(&from), users).await;
    let alice = world.admin.user("alice").await.unwrap();
    let stamp = world.admin.stamp();
    drop(world);
    let files = ["first", "second", "third"].map(|name| from.path().join(name).display().to_string());
    keyward(&from, None, &["storage", "export", &files[0]]);
    keyward(&from, Some(&table), &["storage", "migrate"]);
    keyward(&from, Some(&table), &["storage", "import", &files[0], "--planned-move"]);
    keyward(&from, Some(&table), &["storage", "export", &files[1]]);
    keyward(&to, None, &["storage", "migrate"]);
    keyward(&to, None, &["storage", "import", &files[1], "--planned-move"]);
    keyward(&to, None, &["storage", "export", &files[2]]);
    let texts = files.map(|file| std::fs::read(file).unwrap());
    assert!(texts[0] == texts[1] && texts[1] == texts[2], "three exports of one state");
    assert_eq!(texts[0].iter().filter(|byte| **byte == b'\n').count() as u32 / users, 6);
    assert_as_it_was(&*open(&to), &alice.id, stamp).await;
}
