//! What goes over the line, and what happens when it doesn't.

use super::*;
use crate::contract::sample::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A store with alice, her session and two grants, one with a refresh token.
async fn peopled() -> (DynamoDb, Wire) {
    let (store, wire) = store_on_a_wire().await;
    put_user(&store, &bare_user(1), "alice").await;
    put_session(&store, &session(1)).await;
    put_grant(&store, &grant(1)).await;
    put_grant(&store, &offline_grant(2)).await;
    wire.take();
    (store, wire)
}

fn operations(wire: &Wire) -> Vec<String> {
    wire.take().into_iter().map(|sent| sent.operation).collect()
}

#[tokio::test]
async fn a_step_is_one_call() {
    let (store, wire) = peopled().await;
    let (user, client) = (user_id(1), client_id("client-a"));
    store.load_sign_in(&user, Some(session_id(1)), &client, &[attempt(1)]).await.unwrap();
    store.load_grant(grant_key(1)).await.unwrap();
    store.load_token(&token(1), Some(grant_key(1))).await.unwrap();
    store.find_user(&name("alice"), &[attempt(1)]).await.unwrap();
    assert_eq!(operations(&wire), ["BatchGetItem"; 4]);
    store.client(&client).await.unwrap();
    store.ring(RingDocument::Ring).await.unwrap();
    assert_eq!(operations(&wire), ["GetItem"; 2]);
    assert!(store.redeem_code(grant_key(1), &code(1), None, call(2)).await.unwrap().is_done());
    let rotated = store.rotate_refresh(grant_key(2), &rotated_tip(2), &first_tip(9), call(2)).await;
    assert!(rotated.unwrap().is_done());
    assert!(!store.burn_code(grant_key(1), call(3)).await.unwrap().is_done(), "a lost one, too");
    assert!(store.revoke_grant(grant_key(1), RevocationReason::Revoked, call(3)).await.unwrap().is_done());
    assert_eq!(operations(&wire), ["UpdateItem"; 4]);
    assert!(store.deny_token(&token(1), later(1), call(2)).await.unwrap().is_done());
    assert_eq!(operations(&wire), ["PutItem"]);
    store.load_account(&user).await.unwrap();
    assert_eq!(operations(&wire), ["Query"]);
    assert!(store.end_session(&user, &session_id(1), &session_secret(1), call(2)).await.unwrap().is_done());
    assert_eq!(operations(&wire), ["Query", "TransactWriteItems"]);
}

#[tokio::test]
async fn n218_what_goes_wrong_is_busy_or_unavailable() {
    let (store, wire) = peopled().await;
    let (busy, unavailable) = (Some(StoreErrorKind::Busy), Some(StoreErrorKind::Unavailable));
    for (mishap, kind, tries) in [
        (Mishap::Throttled, busy, 3),
        (Mishap::Late, busy, 3),
        (Mishap::ServerError, unavailable, 3),
        (Mishap::Unreachable, unavailable, 3),
        (Mishap::NoTable, unavailable, 1),
    ] {
        // An attempt of each kind that passes within its tries is not noticed by anybody.
        for times in 1..tries {
            wire.plan(1, times, mishap);
            assert!(store.user(&user_id(1)).await.unwrap().is_some(), "{mishap:?}");
        }
        wire.plan(1, tries, mishap);
        assert_eq!(kind_of(store.user(&user_id(1)).await), kind, "{mishap:?}");
        wire.plan(1, tries, mishap);
        assert_eq!(kind_of(store.revoke_grant(grant_key(2), RevocationReason::Revoked, call(2)).await), kind);
        wire.plan(1, tries, mishap);
        let ended = store.end_session(&user_id(1), &session_id(1), &session_secret(1), call(2)).await;
        assert_eq!(kind_of(ended), kind, "{mishap:?}");
        wire.clear();
    }
    let account = store.load_account(&user_id(1)).await.unwrap();
    assert!(account.grants.iter().all(|grant| grant.revoked.is_none()), "nothing was done");
}

#[tokio::test]
async fn keys_left_unprocessed_are_asked_for_again_and_never_taken_for_absent() {
    let (store, wire) = peopled().await;
    wire.plan(1, 2, Mishap::Unprocessed);
    assert!(store.load_grant(grant_key(1)).await.unwrap().grant.is_some());
    assert_eq!(operations(&wire), ["BatchGetItem"; 3]);
    wire.plan(1, 100, Mishap::Unprocessed);
    assert_eq!(kind_of(store.load_grant(grant_key(1)).await), Some(StoreErrorKind::Busy));
}

#[tokio::test]
async fn a_transaction_that_meets_another_is_tried_again() {
    let (store, wire) = peopled().await;
    wire.plan(1, 2, Mishap::Conflict);
    put_user(&store, &bare_user(2), "bob").await;
    assert_eq!(operations(&wire), ["TransactWriteItems"; 3]);
    wire.plan(1, 100, Mishap::Conflict);
    let busy = store.create_user(&bare_user(3), &[name("carol")], call(1)).await;
    assert_eq!(kind_of(busy), Some(StoreErrorKind::Busy));
    wire.clear();
    assert_eq!(store.user(&user_id(3)).await.unwrap(), None);
}

/// The SDK repeats what wasn't answered: such a write finds itself done.
#[tokio::test]
async fn n220_a_write_whose_answer_was_lost_on_the_line_is_done_once() {
    let (store, wire) = peopled().await;
    let user = user_id(1);
    let lose = || wire.plan(1, 1, Mishap::Unanswered);
    lose();
    assert!(store.create_grant(&grant(3), call(9)).await.unwrap().is_done());
    lose();
    let first = Some(first_tip(3));
    assert!(store.redeem_code(grant_key(3), &code(3), first.clone(), call(10)).await.unwrap().is_done());
    lose();
    let (seen, next) = (first_tip(3), rotated_tip(3));
    assert!(store.rotate_refresh(grant_key(3), &seen, &next, call(11)).await.unwrap().is_done());
    lose();
    assert!(store.revoke_grant(grant_key(2), RevocationReason::Revoked, call(12)).await.unwrap().is_done());
    lose();
    assert!(store.burn_code(grant_key(1), call(13)).await.unwrap().is_done());
    lose();
    assert!(store.deny_token(&token(1), later(1), call(14)).await.unwrap().is_done());
    lose();
    assert!(store.start_session(&session(2), call(15)).await.unwrap().is_done());
    lose();
    assert!(store.create_user(&bare_user(2), &[name("bob")], call(16)).await.unwrap().is_done());
    lose();
    assert!(store.create_client(&bare_client("b"), call(17)).await.unwrap().is_done());
    lose();
    assert!(store.set_password(&user, None, &password("new"), call(18)).await.unwrap().is_done());
    assert_eq!(wire.take().len(), 20, "each was sent twice");
    // The first call of the two that end a session is the question what it carries.
    wire.plan(2, 1, Mishap::Unanswered);
    assert!(store.end_session(&user, &session_id(2), &session_secret(2), call(19)).await.unwrap().is_done());
    assert!(wire.clear());
    let kept = kept_grant(&store, &grant(3)).await.unwrap();
    assert_eq!((kept.refresh, kept.revoked), (Some(rotated_tip(3)), None));
    wire.plan(2, 1, Mishap::Unanswered);
    let debt = store.note_attempt(attempt(1), each(Duration::from_secs(1)), call(20)).await.unwrap();
    assert!([later(1000), later(2000)].contains(&debt), "an attempt counts once or twice");
}

#[tokio::test]
async fn a_write_that_meets_a_transaction_is_sent_again() {
    let (store, wire) = peopled().await;
    let conflict = Mishap::Refused("TransactionConflictException");
    wire.plan(1, 2, conflict);
    assert!(store.redeem_code(grant_key(1), &code(1), None, call(2)).await.unwrap().is_done());
    wire.plan(1, 2, conflict);
    assert!(store.start_session(&session(2), call(3)).await.unwrap().is_done());
    wire.plan(1, 2, conflict);
    store.forget_consent(&user_id(1), &client_id("client-a"), call(4)).await.unwrap();
    let sent: Vec<_> = ["UpdateItem", "PutItem", "DeleteItem"].into_iter().flat_map(|one| [one; 3]).collect();
    assert_eq!(operations(&wire), sent);
    wire.plan(1, 100, conflict);
    let busy = store.revoke_grant(grant_key(2), RevocationReason::Revoked, call(5)).await;
    assert_eq!(kind_of(busy), Some(StoreErrorKind::Busy));
}

#[tokio::test]
async fn n224_every_read_is_of_what_is_there_now() {
    let (store, wire) = peopled().await;
    let (user, client) = (user_id(1), client_id("client-a"));
    store.issuer().await.unwrap();
    store.ring(RingDocument::Ring).await.unwrap();
    store.client(&client).await.unwrap();
    store.clients().await.unwrap();
    store.find_user(&name("alice"), &[attempt(1)]).await.unwrap();
    store.user(&user).await.unwrap();
    store.users().await.unwrap();
    store.user_ids().await.unwrap();
    store.load_account(&user).await.unwrap();
    store.load_whole_account(&user).await.unwrap();
    store.load_sign_in(&user, Some(session_id(1)), &client, &[attempt(1)]).await.unwrap();
    store.load_grant(grant_key(1)).await.unwrap();
    store.load_token(&token(1), Some(grant_key(1))).await.unwrap();
    store.denied_tokens().await.unwrap();
    store.debts(&[attempt(1)]).await.unwrap();
    assert_eq!(wire.take().iter().filter(|sent| sent.is_stale).count(), 0);
    // And those that a write begins with.
    store.remember_consent(&user, &client, &scope("openid"), call(2)).await.unwrap();
    store.remember_consent(&user, &client, &scope("email"), call(3)).await.unwrap();
    store.note_attempt(attempt(1), each(Duration::from_secs(1)), call(4)).await.unwrap();
    assert!(store.end_session(&user, &session_id(1), &session_secret(1), call(5)).await.unwrap().is_done());
    assert!(store.delete_user(&user, call(6)).await.unwrap().is_done());
    assert_eq!(wire.take().iter().filter(|sent| sent.is_stale).count(), 0);
}

/// More than a transaction holds. The line breaks at each call in turn; whoever asks again ends it all.
#[tokio::test]
async fn a_session_with_very_many_grants_ends_with_all_of_them() {
    const MANY: u32 = 120;
    let (store, wire) = store_on_a_wire().await;
    for nth in [1, 2, 3, 10, 22, 23, 24] {
        let (one, first) = (session(nth), nth * 1000);
        put_session(&store, &one).await;
        for number in first..first + MANY {
            put_grant(&store, &Grant { session: one.id, ..grant(number) }).await;
        }
        wire.plan(nth.into(), 3, Mishap::Unreachable);
        let cut = store.end_session(&one.user, &one.id, &one.secret, call(nth)).await;
        assert!(wire.clear());
        if cut.is_err() {
            let again = store.end_session(&one.user, &one.id, &one.secret, call(nth + 500)).await;
            assert!(again.unwrap().is_done(), "call {nth}");
        }
        let left = store.0.carried(&one.user, &one.id).await.unwrap();
        assert_eq!(left, [], "call {nth}");
    }
    // Who doesn't have the secret ends nothing.
    put_session(&store, &session(30)).await;
    for number in 0..MANY {
        put_grant(&store, &Grant { session: session_id(30), ..grant(number) }).await;
    }
    let lost = store.end_session(&user_id(1), &session_id(30), &session_secret(31), call(900)).await.unwrap();
    assert_eq!(lost, Commit::Lost(Some(Box::new(session(30)))));
    assert_eq!(store.0.carried(&user_id(1), &session_id(30)).await.unwrap().len(), MANY as usize);
}

/// Grants whose codes nobody redeems are gone soon; the others live as long as their tokens can.
#[tokio::test]
async fn a_grant_expires_anew_when_its_code_is_redeemed() {
    let store = store().await;
    let ttl = async || {
        let item = store.0.get(&item::Key::grant(&Realm::main(), &grant_key(1))).await.unwrap().unwrap();
        (item.get(item::TTL).cloned(), item.get(item::TTL_REDEEMED).cloned())
    };
    let one = Grant { expires_at: later(1_000_000_000), ..grant(1) };
    put_grant(&store, &one).await;
    let long = Some(item::ttl(one.expires_at));
    assert_eq!(ttl().await, (Some(item::ttl(one.kept_until())), long.clone()));
    assert_ne!(one.kept_until(), one.expires_at);
    assert!(store.redeem_code(grant_key(1), &code(1), None, call(2)).await.unwrap().is_done());
    assert_eq!(ttl().await, (long, None));
}

/// A table that takes the connection and then says nothing.
#[tokio::test]
async fn n218_a_table_that_never_answers_is_busy() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&count);
    let silence = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    let settings = local_aws::client(None).config().to_builder().endpoint_url(endpoint);
    let settings = connect::within(settings, Patience::Request, Duration::from_millis(1));
    let client = aws_sdk_dynamodb::Client::from_conf(settings.build());
    let store = DynamoDb::over(client, "keyward", Realm::main(), Patience::Request);
    assert_eq!(kind_of(store.user(&user_id(1)).await), Some(StoreErrorKind::Busy));
    let tries = count.load(Ordering::SeqCst);
    assert!((2..=3).contains(&tries), "each try has a deadline: {tries}");
    assert_eq!(kind_of(store.start_session(&session(1), call(1)).await), Some(StoreErrorKind::Busy));
    assert_eq!(kind_of(store.probe().await), Some(StoreErrorKind::Busy));
    silence.abort();
}

#[tokio::test(start_paused = true)]
async fn a_step_has_a_deadline_and_an_operator_none() {
    let of = |patience| DynamoDb::over(local_aws::client(None), "keyward", Realm::main(), patience);
    let late = async || {
        tokio::time::sleep(Duration::from_secs(4)).await;
        Ok(())
    };
    assert_eq!(kind_of(of(Patience::Request).0.in_time("user", late()).await), Some(StoreErrorKind::Busy));
    assert_eq!(kind_of(of(Patience::Operator).0.in_time("user", late()).await), None);
    // As many pages as there are.
    assert_eq!(kind_of(of(Patience::Request).0.in_time("load_account", late()).await), None);
}

#[tokio::test]
async fn a_page_of_a_list_is_asked_for_until_it_comes() {
    let (store, wire) = peopled().await;
    wire.plan(1, 10, Mishap::Throttled);
    assert_eq!(store.user_ids().await.unwrap(), [user_id(1)]);
    assert_eq!(operations(&wire).len(), 11);
}
