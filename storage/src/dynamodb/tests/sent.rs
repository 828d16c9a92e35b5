//! The calls that operations send, and what happens when they fail.

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

/// The locator of grant 1 with its session, as a server's tokens name it.
fn named() -> GrantLocator {
    GrantLocator { session: Some(session_id(1)), ..grant_at(1) }
}

#[tokio::test]
async fn a_step_is_one_call() {
    let (store, wire) = peopled().await;
    let (user, client) = (user_id(1), client_id("client-a"));
    store.load_sign_in(&user, Some(session_id(1)), &client, &[attempt(1)]).await.unwrap();
    store.load_grant(named()).await.unwrap();
    store.load_token(&token(1), Some(named())).await.unwrap();
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
    store.belongings(&user, None).await.unwrap();
    assert_eq!(operations(&wire), ["Query"]);
    assert!(
        store.reauthenticate(&reproven(&session(1), 2), &session_secret(1), call(2)).await.unwrap().is_done()
    );
    assert!(store.end_session(&user, &session_id(1), &session_secret(2), call(2)).await.unwrap().is_done());
    let seen = Some(bare_user(1).generation);
    assert!(store.set_password(&user, seen, &password("new"), call(3)).await.unwrap().is_done());
    assert_eq!(operations(&wire), ["UpdateItem"; 3]);
    // Operators' changes begin with a read.
    assert!(store.void_user(&user, call(4)).await.unwrap().is_done());
    assert_eq!(operations(&wire), ["GetItem", "UpdateItem"]);
}

/// Tokens of older programs don't name the session.
#[tokio::test]
async fn a_session_that_is_not_named_is_a_second_call_if_the_grant_needs_it() {
    let (store, wire) = peopled().await;
    let wrong = GrantLocator { session: Some(session_id(2)), ..grant_at(1) };
    for at in [grant_at(1), wrong] {
        assert_eq!(store.load_grant(at).await.unwrap().session, Some(session(1)));
        assert_eq!(store.load_token(&token(1), Some(at)).await.unwrap().session, Some(session(1)));
        assert_eq!(operations(&wire), ["BatchGetItem", "GetItem", "BatchGetItem", "GetItem"]);
    }
    for at in [grant_at(2), grant_at(3)] {
        assert_eq!(store.load_grant(at).await.unwrap().session, None);
        assert_eq!(operations(&wire), ["BatchGetItem"], "it lives by itself, or there is none");
    }
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
        // A failure of any kind that passes within the retries is not noticed.
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
    assert_eq!(kept_grant(&store, &grant(2)).await, Some(offline_grant(2)), "nothing was done");
    assert_eq!(kept_session(&store, &session(1)).await, Some(session(1)));
}

#[tokio::test]
async fn keys_left_unprocessed_are_asked_for_again_and_never_taken_for_absent() {
    let (store, wire) = peopled().await;
    wire.plan(1, 2, Mishap::Unprocessed);
    let view = store.load_grant(named()).await.unwrap();
    assert!(view.grant.is_some() && view.session.is_some());
    assert_eq!(operations(&wire), ["BatchGetItem"; 3]);
    wire.plan(1, 100, Mishap::Unprocessed);
    assert_eq!(kind_of(store.load_grant(named()).await), Some(StoreErrorKind::Busy));
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

/// The SDK repeats calls without an answer: such a write recognises its effect.
#[tokio::test]
async fn n220_a_write_whose_answer_was_lost_on_the_line_is_done_once() {
    let (store, wire) = peopled().await;
    let user = user_id(1);
    let lose = || wire.plan(1, 1, Mishap::Unanswered);
    lose();
    assert!(store.restore_grant(&grant(3), call(9)).await.unwrap().is_done());
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
    assert!(store.restore_session(&session(2), call(15)).await.unwrap().is_done());
    lose();
    let again = reproven(&session(2), 3);
    assert!(store.reauthenticate(&again, &session_secret(2), call(16)).await.unwrap().is_done());
    lose();
    assert!(store.end_session(&user, &session_id(2), &session_secret(3), call(17)).await.unwrap().is_done());
    lose();
    assert!(store.create_user(&bare_user(2), &[name("bob")], call(16)).await.unwrap().is_done());
    lose();
    assert!(store.create_client(&bare_client("b"), call(17)).await.unwrap().is_done());
    assert_eq!(wire.take().len(), 22, "each was sent twice");
    // A read comes before the write.
    wire.plan(2, 1, Mishap::Unanswered);
    assert!(store.set_password(&user, None, &password("new"), call(18)).await.unwrap().is_done());
    assert_eq!(wire.take().len(), 3);
    // Two calls at once: the write, and the query for the others.
    wire.plan(1, 2, Mishap::Unanswered);
    assert!(store.start_session(&session(4), call(21)).await.unwrap().is_done());
    wire.plan(1, 2, Mishap::Unanswered);
    assert!(store.create_grant(&grant(4), None, call(22)).await.unwrap().is_done());
    assert_eq!(wire.take().len(), 8);
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
    assert!(store.restore_session(&session(2), call(3)).await.unwrap().is_done());
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
    store.belongings(&user, None).await.unwrap();
    store.load_sign_in(&user, Some(session_id(1)), &client, &[attempt(1)]).await.unwrap();
    for at in [grant_at(1), named()] {
        store.load_grant(at).await.unwrap();
        store.load_token(&token(1), Some(at)).await.unwrap();
    }
    store.denied_tokens().await.unwrap();
    store.debts(&[attempt(1)]).await.unwrap();
    assert_eq!(wire.take().iter().filter(|sent| sent.is_stale).count(), 0);
    // And the reads that a write begins with.
    put_consent(&store, &agreed(1, "client-a", "openid", call(2))).await;
    put_consent(&store, &agreed(1, "client-a", "email", call(3))).await;
    store.note_attempt(attempt(1), each(Duration::from_secs(1)), call(4)).await.unwrap();
    put_session(&store, &session(2)).await;
    put_grant(&store, &grant(3)).await;
    assert!(store.delete_user(&user, call(6)).await.unwrap().is_done());
    store.delete_belongings(&user).await.unwrap();
    assert_eq!(wire.take().iter().filter(|sent| sent.is_stale).count(), 0);
}

/// Grants whose codes are never redeemed go soon; the others live as long as their tokens can.
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

/// A server that accepts the connection and never answers.
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
    // As many calls as there are pages.
    for step in ["belongings", "delete_belongings"] {
        assert_eq!(kind_of(of(Patience::Request).0.in_time(step, late()).await), None);
    }
}

#[tokio::test]
async fn a_page_of_a_list_is_asked_for_until_it_comes() {
    let (store, wire) = peopled().await;
    wire.plan(1, 10, Mishap::Throttled);
    assert_eq!(store.user_ids().await.unwrap(), [user_id(1)]);
    assert_eq!(operations(&wire).len(), 11);
}
