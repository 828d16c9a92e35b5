//! Moving a store from one backend to another and back, by export and import.

use super::requests::*;
use conformance::account::Account;
use conformance::process::run_with;
use keys::Ring;
use keys::clock::Clock as _;
use keys::entropy::SeededEntropy;
use protocol::base64url;
use protocol::consent::Consent;
use protocol::grant::{Grant, RevocationReason};
use protocol::id::{GrantId, Realm, RequestId, UserId};
use protocol::name::Identifier;
use protocol::secret::{Digest, SecretKind};
use protocol::session::Session;
use protocol::time::Timestamp;
use server::admin::transfer::{Imported, Stage, export, import};
use server::admin::user_update::UserUpdate;
use server::admin::{Actor, Admin};
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt as _;
use storage::{Location, RingDocument, Sqlite, Stamp, Store};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// The issuer of the stores.
pub(crate) const ISSUER: &str = "https://op.example";
/// More than are moved at once.
pub(crate) const USERS: u32 = 50;

pub(crate) fn admin(store: Arc<dyn Store>, like: &World) -> Admin {
    let command = Admin::of_command(store, like.clock.now(), Arc::new(SeededEntropy::new(7)));
    Admin { actor: Actor::Server, ..command }
}

pub(crate) fn sqlite() -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap())
}

pub(crate) async fn text(admin: &Admin) -> String {
    let mut text = Vec::new();
    export(admin, &std::env::temp_dir(), &mut text, |_, _| {}).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// Imports a file with this text into a store; the error message if it is refused.
pub(crate) async fn put(admin: &Admin, text: &str, planned_move: bool) -> Result<Imported, String> {
    import(admin, || Ok(text.as_bytes()), planned_move, |_, _, _| {}).await.map_err(|error| error.to_string())
}

/// A SQLite store with users, clients, sessions and grants in every state.
pub(crate) async fn lived_in() -> World {
    crowded(sqlite(), USERS).await
}

/// The same in a given store, with this many users.
async fn crowded(store: Arc<dyn Store>, users: u32) -> World {
    let world = World::on(store, Harness::Router, &[]).await;
    belongs(&*world.store, None, ISSUER, world.admin().call).await;
    world.alice().await;
    world.single_page().await;
    world.machine().await;
    for group in ["admins", "Domain Users"] {
        world.admin().create_group(group).await.unwrap();
    }
    let joins = vec!["admins".to_owned(), "Domain Users".to_owned()];
    world.admin().update_user("alice", &UserUpdate { joins, ..UserUpdate::default() }).await.unwrap();
    let mut browser = Browser::new();
    let page = browser.visit(&world, &request()).await;
    let consent = browser.sign_in(&world, &page, "alice", PASSWORD).await;
    let answer = browser.consent(&world, &consent, "approve").await;
    let tokens = world.send(redeem(&code(&answer))).await;
    world.send(revoke(&member(&tokens, "access_token"))).await;
    let second = world.send(redeem(&code(&browser.visit(&world, &request()).await))).await;
    world.send(revoke(&member(&second, "refresh_token"))).await;
    browser.visit(&world, &request()).await;
    let alice = world.admin().user("alice").await.unwrap();
    let template = Arc::new(Account::of(&*world.store, &alice.id).await);
    // The rest without the cost of their passwords.
    let mut made = JoinSet::new();
    for number in 0..users {
        let (store, like, stamp) = (Arc::clone(&world.store), Arc::clone(&template), world.admin().call);
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

/// One more user, who has what alice has.
async fn settle(store: &dyn Store, like: &Account, number: u32, stamp: Stamp) {
    let mut user = like.user.clone().unwrap();
    // So that the order of ids differs from that of the names.
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
        assert!(store.restore_grant(&grant, stamp).await.unwrap().is_done());
    }
    for session in &like.sessions {
        let session = Session { user: user.id, ..session.clone() };
        assert!(store.restore_session(&session, stamp).await.unwrap().is_done());
    }
    for consent in &like.consents {
        let consent = Consent { user: user.id, ..consent.clone() };
        store.remember_consent(&consent, stamp).await.unwrap();
    }
}

/// Binds a store to an issuer.
pub(crate) async fn belongs(store: &dyn Store, seen: Option<&str>, issuer: &str, stamp: Stamp) {
    let bound = store.replace_issuer(seen.map(str::to_owned), issuer, stamp).await.unwrap();
    assert!(bound.is_done());
}

/// One more grant of alice, a copy of another.
pub(crate) async fn one_more_grant(world: &World) {
    let alice = world.admin().user("alice").await.unwrap();
    let grants = Account::of(&*world.store, &alice.id).await.grants;
    let lasting = |grant: &Grant| grant.redeemed_at().is_some() && grant.revoked.is_none();
    let grant = grants.into_iter().find(lasting).unwrap();
    let fresh = Grant { id: GrantId::from_bytes([9; 16]), ..grant };
    assert!(world.store.create_grant(&fresh, None, world.admin().call).await.unwrap().is_done());
}

pub(crate) async fn issuer(admin: &Admin) -> Option<String> {
    admin.store.issuer().await.unwrap()
}

/// What was spent or revoked stays so, and what was not still works.
async fn assert_as_it_was(store: &dyn Store, user: &UserId, stamp: Stamp) {
    let moved = Account::of(store, user).await;
    assert!(moved.grants.iter().any(|grant| grant.revoked.is_some()));
    assert!(moved.grants.iter().any(|grant| grant.unredeemed_code().is_some()));
    for grant in moved.grants {
        let spent = grant.redeemed_at().is_some() || grant.revoked.is_some();
        let again = store.redeem_code(grant.key(), &grant.code().unwrap().digest, None, stamp).await.unwrap();
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
        let (mut put_steps, mut compared) = (Vec::new(), Vec::new());
        let progress = |stage, done, all| match stage {
            Stage::Put => put_steps.push((done, all)),
            Stage::Compare => compared.push((done, all)),
        };
        let done = import(to, || Ok(first.as_bytes()), true, progress).await.unwrap();
        assert_eq!(done.not_before, None);
        assert_eq!(done.counts["user"], u64::from(USERS) + 1);
        assert_eq!(put_steps.last(), Some(&(put_steps.len() as u64, put_steps.len() as u64)));
        assert_eq!(compared.last(), Some(&(u64::from(USERS) + 1, u64::from(USERS) + 1)));
        assert_eq!(text(to).await, first, "{name}");
        // A second time, which writes nothing.
        assert_eq!(put(to, &first, true).await.unwrap(), Imported { is_new: false, ..done });
        assert_eq!(text(to).await, first, "{name}");
    }
    let stamp = Stamp { at: world.clock.now(), request: RequestId::from_bytes([9; 16]) };
    let alice = world.admin().user("alice").await.unwrap();
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
    // The second time its instant stays, and a later planned import doesn't undo it.
    let again = put(&table, &first, false).await.unwrap();
    assert_eq!(again, Imported { is_new: false, ..done });
    assert!(put(&table, &first, true).await.unwrap_err().contains("already, not by a planned move"));
    let ring = table.store.ring(RingDocument::Ring).await.unwrap().unwrap();
    assert_eq!(Ring::parse(&ring.body).unwrap().generation.not_before, Timestamp::from_millis(from));
    // Nor does an import without the flag after a planned one claim that it ended anything.
    let other = admin(sqlite(), &world);
    put(&other, &first, true).await.unwrap();
    assert!(put(&other, &first, false).await.unwrap_err().contains("already, by a planned move"));
    assert_eq!(text(&other).await, first);
}

/// A file as it was written before grants said by which flow they were given: each is a code's.
#[tokio::test]
async fn n228_an_export_of_an_earlier_program_is_imported() {
    let world = lived_in().await;
    let newer = text(&admin(Arc::clone(&world.store), &world)).await;
    let older = newer.replace(r#""flow":"code","#, "");
    assert!(newer.len() > older.len());
    let (records, last) = older.trim_end().rsplit_once('\n').unwrap();
    let records = format!("{records}\n");
    let hash = |text: &str| base64url::encode(&Sha256::digest(text));
    let of_newer = newer.trim_end().rsplit_once('\n').unwrap().0;
    let last = last.replace(&hash(&format!("{of_newer}\n")), &hash(&records));
    let to = admin(sqlite(), &world);
    put(&to, &format!("{records}{last}\n"), true).await.unwrap();
    assert_eq!(text(&to).await, newer);
}

#[tokio::test]
async fn expired_records_and_counters_are_not_exported() {
    let world = lived_in().await;
    let token = Digest::of(SecretKind::TokenId, b"over");
    let stamp = world.admin().call;
    assert!(world.store.deny_token(&token, stamp.at, stamp).await.unwrap().is_done());
    let before = text(&admin(Arc::clone(&world.store), &world)).await;
    assert_eq!(before.matches(r#""kind":"denied_token""#).count(), 1);
    assert!(before.contains(r#""kind":"session""#));
    world.pass(8 * 24 * 3600);
    let after = text(&admin(Arc::clone(&world.store), &world)).await;
    assert!(!after.contains(r#""kind":"session""#) && !after.contains(r#""kind":"denied_token""#));
}

/// More than one page of them.
#[tokio::test]
async fn every_grant_of_a_busy_user_moves() {
    let world = lived_in().await;
    let alice = world.admin().user("alice").await.unwrap();
    let grant = Account::of(&*world.store, &alice.id).await.grants.remove(0);
    let many = storage::BELONGINGS_LIMIT + 100;
    for number in 0..many {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let other = Grant { id: GrantId::from_bytes(id), ..grant.clone() };
        assert!(world.store.restore_grant(&other, world.admin().call).await.unwrap().is_done());
    }
    let file = text(&admin(Arc::clone(&world.store), &world)).await;
    let of_alice = |line: &&str| line.contains(&alice.id.to_string()) && line.contains(r#""kind":"grant""#);
    assert_eq!(file.lines().filter(of_alice).count(), many as usize + 3);
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

#[tokio::test]
async fn the_program_refuses_what_is_no_export_file() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| run_with(folder.path(), arguments, &[], "");
    let refused = |arguments: &[&str], why: &str| {
        let done = run(arguments);
        let message = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(1) && message.contains(why), "{arguments:?}: {message}");
    };
    assert!(run(&["storage", "migrate"]).status.success());
    refused(&["storage", "export", "file"], "start `keyward serve` on it once");
    let path = folder.path().join("keyward-data/keyward.db");
    let store = Sqlite::open(&Location::File(path), false, Realm::main()).unwrap();
    let stamp = Stamp { at: Timestamp::from_seconds(1_800_000_000), request: RequestId::from_bytes([1; 16]) };
    belongs(&store, None, ISSUER, stamp).await;
    let left = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = left();
    refused(&["storage", "export", "no/such/folder"], "no/such/folder can't be created");
    refused(&["storage", "import", "nothing"], "nothing can't be read");
    refused(&["storage", "import", "/dev/stdin"], "is no regular file");
    assert!(run(&["storage", "export", "file"]).status.success());
    refused(&["storage", "export", "file"], "file exists already");
    assert_eq!(left(), before + 1, "nothing else is left behind");
    let mode = std::fs::metadata(folder.path().join("file")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "password hashes are in it");
    std::fs::write(folder.path().join("file"), "{\"keyward_export\":1}\n").unwrap();
    refused(&["storage", "import", "file"], "cut off");
}

/// From a SQLite file through a table to another SQLite file, by commands.
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
    let alice = world.admin().user("alice").await.unwrap();
    let stamp = world.admin().call;
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
