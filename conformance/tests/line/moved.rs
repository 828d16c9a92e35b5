//! A store moves from one backend to another and back.

use super::*;
use protocol::grant::RevocationReason;
use protocol::id::{Realm, RequestId};
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use server::admin::transfer::{Contents, export, import};
use server::admin::{Actor, Admin};
use server::clock::Clock as _;
use server::entropy::SeededEntropy;
use server::keys::Ring;
use storage::{Location, RingDocument, Sqlite, Stamp, Store};

/// More than go at once.
const USERS: usize = 50;

fn admin(store: Arc<dyn Store>, like: &World) -> Admin {
    Admin { actor: Actor::Server, store, clock: like.clock.clone(), entropy: Arc::new(SeededEntropy::new(7)) }
}

fn sqlite() -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap())
}

async fn text(admin: &Admin) -> String {
    let contents = export(admin, |_, _| {}).await.unwrap();
    contents.lines().map(|line| line.unwrap() + "\n").collect()
}

fn read(text: &str) -> Result<Contents, String> {
    Contents::read(text.lines().map(|line| Ok(line.to_owned()))).map_err(|error| error.to_string())
}

/// A SQLite store with people, clients, sessions and grants in every state.
async fn lived_in() -> World {
    let world = World::on(sqlite(), Harness::Router, &[]).await;
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
    let template = world.store.load_account(&alice.id).await.unwrap();
    // The rest without the cost of their passwords.
    for number in 0..USERS {
        let mut user = alice.clone();
        user.id = protocol::id::UserId::from_bytes([u8::try_from(number).unwrap(); 16]);
        user.username = format!("user-{number}");
        user.email = Some(format!("user-{number}@example.org"));
        user.email_verified = number % 2 == 0;
        let mut names = vec![protocol::name::Identifier::typed(&user.username).unwrap()];
        names.extend(
            user.email.as_deref().filter(|_| user.email_verified).and_then(protocol::name::Identifier::email),
        );
        assert!(world.store.create_user(&user, &names, world.admin.stamp()).await.unwrap().is_done());
        for grant in &template.grants {
            let mut grant = grant.clone();
            grant.user = user.id;
            assert!(world.store.create_grant(&grant, world.admin.stamp()).await.unwrap().is_done());
        }
    }
    world
}

#[tokio::test]
async fn a_planned_move_there_and_back_changes_nothing() {
    let world = lived_in().await;
    let first = text(&admin(Arc::clone(&world.store), &world)).await;
    let table = admin(local_aws::empty().await, &world);
    let back = admin(sqlite(), &world);
    for (to, name) in [(&table, "DynamoDB"), (&back, "SQLite")] {
        let mut told = Vec::new();
        let done = import(to, read(&first).unwrap(), true, |done, all| told.push((done, all))).await.unwrap();
        assert_eq!(done.not_before, None);
        assert_eq!(done.counts["user"], USERS as u64 + 1);
        assert_eq!(told.last(), Some(&(told.len() as u64, told.len() as u64)));
        assert_eq!(text(to).await, first, "{name}");
        // A second time, as after a stop half-way.
        import(to, read(&first).unwrap(), true, |_, _| {}).await.unwrap();
        assert_eq!(text(to).await, first, "{name}");
    }
    let stamp = Stamp { at: world.clock.now(), request: RequestId::from_bytes([9; 16]) };
    let alice = world.admin.user("alice").await.unwrap();
    let moved = table.store.load_account(&alice.id).await.unwrap();
    assert!(moved.grants.iter().any(|grant| grant.revoked.is_some()));
    assert!(moved.grants.iter().any(|grant| grant.redeemed_at.is_none()));
    for grant in moved.grants {
        let spent = grant.redeemed_at.is_some() || grant.revoked.is_some();
        let again = table.store.redeem_code(grant.key(), &grant.code, None, stamp).await.unwrap();
        assert_eq!(again.is_done(), !spent, "what was spent or revoked stays so");
        let revoked = table.store.revoke_grant(grant.key(), RevocationReason::Revoked, stamp).await.unwrap();
        assert_eq!(revoked.is_done(), grant.revoked.is_none());
    }
    assert_eq!(table.store.denied_tokens().await.unwrap(), world.store.denied_tokens().await.unwrap());
    assert_eq!(world.store.denied_tokens().await.unwrap().len(), 1);
    for number in 0..USERS {
        assert!(table.user(&format!("user-{number}")).await.is_ok(), "names lead to people");
        let address = table.user(&format!("user-{number}@example.org")).await.is_ok();
        assert_eq!(address, number % 2 == 0, "and so do verified addresses only");
    }
}

#[tokio::test]
async fn n226_an_unplanned_import_brings_nothing_back_to_life() {
    let world = lived_in().await;
    let first = text(&admin(Arc::clone(&world.store), &world)).await;
    world.pass(5);
    let table = admin(local_aws::empty().await, &world);
    let done = import(&table, read(&first).unwrap(), false, |_, _| {}).await.unwrap();
    let from = world.clock.now().millis() + 1;
    assert_eq!(done.not_before, Some(Timestamp::from_millis(from)));
    world.pass(5);
    // The second time its instant stays, and a planned one that comes after doesn't take it back.
    let again = import(&table, read(&first).unwrap(), false, |_, _| {}).await.unwrap();
    assert_eq!(again, done);
    assert!(import(&table, read(&first).unwrap(), true, |_, _| {}).await.is_err());
    let ring = table.store.ring(RingDocument::Ring).await.unwrap().unwrap();
    assert_eq!(Ring::parse(&ring.body).unwrap().not_before, Timestamp::from_millis(from));
    // One that comes after a planned one does set it.
    let other = admin(sqlite(), &world);
    import(&other, read(&first).unwrap(), true, |_, _| {}).await.unwrap();
    let late = import(&other, read(&first).unwrap(), false, |_, _| {}).await.unwrap();
    assert_eq!(late.not_before, Some(Timestamp::from_millis(world.clock.now().millis() + 1)));
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
    for (damaged, why) in [
        (joined(&lines[..lines.len() - 1]), "cut off"),
        (joined(&[&lines[..1], &lines[2..]].concat()), "missing"),
        (joined(&lines[1..]), "line 1"),
        (first.replace("\"keyward_export\":1", "\"keyward_export\":2"), "format 2"),
        (joined(&[&lines[..2], &["nonsense"][..], &lines[2..]].concat()), "line 3"),
        (String::new(), "cut off"),
    ] {
        let told = read(&damaged).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
    let busy = World::on(local_aws::empty().await, Harness::DynamoDb, &[]).await;
    let told = import(&busy.admin, read(&first).unwrap(), true, |_, _| {}).await.unwrap_err().to_string();
    assert!(told.contains("another record"), "{told}");
}
