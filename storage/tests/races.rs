//! The steps that decide a race, on every backend: one winner, whatever the order.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use protocol::grant::{Grant, RequestedClaims, RevocationReason};
use protocol::id::{ClientId, EventId, GrantId, Realm, RequestId, SessionId, Subject, UserId};
use protocol::name::Identifier;
use protocol::pkce::{Challenge, Pkce};
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::session::{ACR_PASSWORD, Authentication};
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;
use std::time::Duration;
use storage::{Commit, Location, Memory, RingDocument, Sqlite, Stamp, Store, StoreErrorKind};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn stamp(call: u8) -> Stamp {
    Stamp { at: NOW, request: RequestId::from_bytes([call; 16]) }
}

fn file(folder: &TempDir) -> Location {
    Location::File(folder.path().join("keyward.db"))
}

/// A backend and what to call it when it fails.
type Named = (&'static str, Arc<dyn Store>);

/// Every backend, empty. The folder lives as long as the file in it.
fn backends() -> (TempDir, Vec<Named>) {
    let folder = TempDir::new().unwrap();
    let on_file = Sqlite::open(&file(&folder), true, Realm::main()).unwrap();
    let in_memory = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    let all: Vec<Named> = vec![
        ("memory", Arc::new(Memory::default())),
        ("sqlite", Arc::new(on_file)),
        ("sqlite memory", Arc::new(in_memory)),
    ];
    (folder, all)
}

/// Runs `step` 64 times at once, each as another call, and counts the winners.
async fn winners<F>(store: &Arc<dyn Store>, step: impl Fn(Arc<dyn Store>, Stamp) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let tasks: Vec<_> = (100..164).map(|call| tokio::spawn(step(Arc::clone(store), stamp(call)))).collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_redemptions_wins() {
    let (_folder, all) = backends();
    for (name, store) in all {
        for round in 0..20 {
            let mut grant = grant();
            grant.id = GrantId::from_bytes([round; 16]);
            let id = grant.id;
            assert_eq!(store.create_grant(&grant, stamp(1)).await.unwrap(), Commit::Done);
            let won = winners(&store, move |store, stamp| async move {
                store.redeem_code(&user().id, &id, &grant_code(), stamp).await.unwrap().is_done()
            });
            assert_eq!(won.await, 1, "{name}");
            let kept = store.load_grant(&user().id, &id).await.unwrap().grant.unwrap();
            assert_eq!((kept.redeemed_at, kept.revoked), (Some(NOW), None), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_wins_a_grant_a_name_and_a_ring() {
    let (_folder, all) = backends();
    for (name, store) in all {
        let granted = winners(&store, |store, stamp| async move {
            let mine = Grant { last_request: stamp.request, ..grant() };
            store.create_grant(&mine, stamp).await.unwrap().is_done()
        });
        assert_eq!(granted.await, 1, "{name}");
        let named = winners(&store, |store, stamp| async move {
            let mine = User { id: UserId::from_bytes(*stamp.request.as_bytes()), ..user() };
            store.create_user(&mine, &[Identifier::typed("alice").unwrap()], stamp).await.unwrap().is_done()
        });
        assert_eq!(named.await, 1, "{name}");
        assert_eq!(store.users().await.unwrap().len(), 1, "{name}: a loser leaves nothing behind");
        let ring = winners(&store, |store, stamp| async move {
            store
                .replace_ring(RingDocument::Ring, None, &stamp.request.to_string(), stamp)
                .await
                .unwrap()
                .is_done()
        });
        assert_eq!(ring.await, 1, "{name}");
        assert_eq!(store.ring(RingDocument::Ring).await.unwrap().unwrap().version, 1, "{name}");
    }
}

#[tokio::test]
async fn a_write_repeated_in_the_same_call_is_recognised() {
    let (_folder, all) = backends();
    for (name, store) in all {
        let redeem = async || store.redeem_code(&user().id, &grant().id, &grant_code(), stamp(2)).await;
        assert_eq!(
            store.create_grant(&Grant { last_request: stamp(1).request, ..grant() }, stamp(1)).await.unwrap(),
            Commit::Done
        );
        assert_eq!(
            (redeem().await.unwrap(), redeem().await.unwrap()),
            (Commit::Done, Commit::Done),
            "{name}"
        );
        let other = store.redeem_code(&user().id, &grant().id, &grant_code(), stamp(3)).await.unwrap();
        let Commit::Lost(Some(kept)) = other else { unreachable!("{name}: {other:?}") };
        assert_eq!(kept.last_request, stamp(2).request, "{name}");
    }
}

#[tokio::test]
async fn n059_a_code_is_lost_at_its_expiry_and_good_a_millisecond_before() {
    let (_folder, all) = backends();
    for (name, store) in all {
        assert!(store.create_grant(&grant(), stamp(1)).await.unwrap().is_done());
        let at = |at: Timestamp| Stamp { at, request: RequestId::from_bytes([9; 16]) };
        let end = grant().code_expires_at;
        let late = store.redeem_code(&user().id, &grant().id, &grant_code(), at(end)).await.unwrap();
        assert!(!late.is_done(), "{name}");
        let right = at(end.minus(Duration::from_millis(1)));
        assert_eq!(
            store.redeem_code(&user().id, &grant().id, &grant_code(), right).await.unwrap(),
            Commit::Done,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_burnt_or_revoked_code_is_spent_and_the_first_reason_stays() {
    let (_folder, all) = backends();
    for (name, store) in all {
        assert!(store.create_grant(&grant(), stamp(1)).await.unwrap().is_done());
        assert_eq!(store.burn_code(&user().id, &grant().id, stamp(2)).await.unwrap(), Commit::Done, "{name}");
        assert!(
            !store.redeem_code(&user().id, &grant().id, &grant_code(), stamp(3)).await.unwrap().is_done(),
            "{name}"
        );
        let again =
            store.revoke_grant(&user().id, &grant().id, RevocationReason::Revoked, stamp(4)).await.unwrap();
        assert!(!again.is_done(), "{name}");
        let kept = store.load_grant(&user().id, &grant().id).await.unwrap().grant.unwrap();
        assert_eq!(kept.revoked.unwrap().reason, RevocationReason::CodeBurnt, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_worth_of_stores_share_one_file() {
    let folder = TempDir::new().unwrap();
    let [one, two] = [(); 2].map(|()| Arc::new(Sqlite::open(&file(&folder), true, Realm::main()).unwrap()));
    assert!(one.create_grant(&grant(), stamp(1)).await.unwrap().is_done());
    let mut won = 0;
    let calls = (10..50).map(|call| {
        let store = if call % 2 == 0 { Arc::clone(&one) } else { Arc::clone(&two) };
        tokio::spawn(
            async move { store.redeem_code(&user().id, &grant().id, &grant_code(), stamp(call)).await },
        )
    });
    for call in calls.collect::<Vec<_>>() {
        won += usize::from(call.await.unwrap().unwrap().is_done());
    }
    assert_eq!(won, 1);
    drop((one, two));
    let reopened = Sqlite::open(&file(&folder), false, Realm::main()).unwrap();
    assert_eq!(
        reopened.load_grant(&user().id, &grant().id).await.unwrap().grant.unwrap().redeemed_at,
        Some(NOW)
    );
}

#[test]
fn a_file_that_is_not_there_is_a_failure_not_an_empty_store() {
    let folder = TempDir::new().unwrap();
    let error = Sqlite::open(&file(&folder), false, Realm::main()).err().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

fn grant_code() -> Digest {
    grant().code
}

fn user() -> User {
    User {
        id: UserId::from_bytes([1; 16]),
        subject: Subject::from_random([2; 16]),
        username: "alice".into(),
        email: None,
        email_verified: false,
        claims: serde_json::Map::new(),
        password: None,
        disabled: false,
        not_before: Timestamp::EPOCH,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

fn grant() -> Grant {
    Grant {
        id: GrantId::from_bytes([3; 16]),
        user: user().id,
        client: ClientId::parse("client-a").unwrap(),
        session: SessionId::from_bytes([4; 16]),
        requested_scope: Scope::parse("openid").unwrap(),
        scope: Scope::parse("openid").unwrap(),
        resource: None,
        redirect_uri: Digest::of(SecretKind::RedirectUri, "https://rp.example/cb".as_bytes()),
        pkce: Pkce::S256(Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap()),
        nonce: None,
        claims: RequestedClaims::default(),
        authentication: Authentication {
            event: EventId::from_bytes([5; 16]),
            at: NOW,
            acr: ACR_PASSWORD.into(),
            amr: vec!["pwd".into()],
        },
        offline: false,
        code: Digest::of(SecretKind::Code, b"code"),
        code_expires_at: NOW.plus(Duration::from_secs(60)),
        redeemed_at: None,
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(660)),
        revoked: None,
        last_request: RequestId::from_bytes([6; 16]),
    }
}
