//! Cases of 64 calls at once, in the same millisecond: one wins, the others find what it left, and that for
//! many rounds.

use super::sample::{
    NOW, authentication, bare_client, bare_user, call, client_id, code, full_client, full_user, grant,
    grant_id, kept_grant, kept_session, lost, name, put_client, put_grant, put_session, put_user, scope,
    session, session_id, session_secret, user_id,
};
use crate::{Commit, Document, RingDocument, Stamp, Store, StoreError};
use protocol::grant::{Grant, RevocationReason};
use protocol::session::Session;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::Barrier;

const CALLS: u32 = 64;
const ROUNDS: u32 = 20;

/// Each round's number begins the numbers of its calls and records.
fn rounds() -> impl Iterator<Item = u32> {
    (1..=ROUNDS).map(|round| round * 1000)
}

/// Makes `step` 64 times at once, each as another call, and returns the answers.
async fn race<T, F>(
    store: &Arc<dyn Store>,
    round: u32,
    step: impl Fn(Arc<dyn Store>, u32) -> F,
) -> Vec<(u32, T)>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(CALLS as usize));
    let begin = |number| {
        let (start, step) = (Arc::clone(&start), step(Arc::clone(store), number));
        tokio::spawn(async move {
            start.wait().await;
            (number, step.await.unwrap())
        })
    };
    let tasks: Vec<_> = (round..round + CALLS).map(begin).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// The call that won; there must be one.
fn winner<T>(answers: &[(u32, Commit<T>)]) -> u32 {
    let winners: Vec<_> =
        answers.iter().filter(|(_, commit)| commit.is_done()).map(|&(call, _)| call).collect();
    let [winner] = winners[..] else { unreachable!("one of {CALLS} wins, not {winners:?}") };
    winner
}

/// The call that won, when all others found `kept` instead.
fn winner_leaving<T: Clone + Debug + PartialEq>(answers: &[(u32, Commit<T>)], kept: &T) -> u32 {
    let losers = answers.iter().filter(|(_, commit)| !commit.is_done());
    losers.for_each(|(call, commit)| assert_eq!(*commit, lost(kept.clone()), "call {call}"));
    winner(answers)
}

pub async fn one_of_64_makes_a_ring(store: Arc<dyn Store>) {
    // A ring is made once in a store's life: two documents, two rounds.
    for (round, document) in rounds().zip([RingDocument::Ring, RingDocument::RetiredKeys]) {
        let answers = race(&store, round, move |store, number| async move {
            store.replace_ring(document, None, &number.to_string(), call(number)).await
        });
        let answers = answers.await;
        let kept = store.ring(document).await.unwrap().unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!(kept, Document { version: 1, body: won.to_string() });
    }
}

pub async fn one_of_64_replaces_a_ring(store: Arc<dyn Store>) {
    let ring = RingDocument::Ring;
    assert!(store.replace_ring(ring, None, "first", call(1)).await.unwrap().is_done());
    for (round, seen) in rounds().zip(1..) {
        let answers = race(&store, round, move |store, number| async move {
            store.replace_ring(ring, Some(seen), &number.to_string(), call(number)).await
        });
        let answers = answers.await;
        let kept = store.ring(ring).await.unwrap().unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!(kept, Document { version: seen + 1, body: won.to_string() });
    }
}

pub async fn one_of_64_creates_a_client(store: Arc<dyn Store>) {
    for round in rounds() {
        let id = format!("client-{round}");
        let named = move |number: u32| {
            let mut client = bare_client(&id);
            client.name = number.to_string();
            client
        };
        let mine = named.clone();
        let answers = race(&store, round, move |store, number| {
            let client = mine(number);
            async move { store.create_client(&client, call(number)).await }
        });
        let answers = answers.await;
        let kept = store.client(&named(0).id).await.unwrap().unwrap();
        assert_eq!(kept, named(winner_leaving(&answers, &kept)));
    }
}

pub async fn one_of_64_deletes_a_client(store: Arc<dyn Store>) {
    for round in rounds() {
        let client = full_client("a");
        put_client(&*store, &client).await;
        let answers = race(&store, round, |store, number| async move {
            store.delete_client(&client_id("a"), call(number)).await
        });
        winner(&answers.await);
        assert_eq!(store.client(&client.id).await.unwrap(), None);
    }
}

pub async fn one_of_64_gets_a_name(store: Arc<dyn Store>) {
    for (round, count) in rounds().zip(1..) {
        let typed = format!("alice-{round}");
        let mine = name(&typed);
        let answers = race(&store, round, move |store, number| {
            let mine = mine.clone();
            async move { store.create_user(&bare_user(number), &[mine], call(number)).await }
        });
        let answers = answers.await;
        let owner = store.find_user(&name(&typed)).await.unwrap().unwrap();
        let kept = store.user(&owner).await.unwrap().unwrap();
        assert_eq!(kept, bare_user(winner_leaving(&answers, &kept)));
        assert_eq!(store.users().await.unwrap().len(), count, "a loser leaves nothing behind");
    }
}

pub async fn one_of_64_gets_two_names_asked_for_in_either_order(store: Arc<dyn Store>) {
    for (round, count) in rounds().zip(1..) {
        let both = [name(&format!("alice-{round}")), name(&format!("alice-{round}@example.org"))];
        let mine = both.clone();
        let answers = race(&store, round, move |store, number| {
            let mut mine = mine.clone();
            if number % 2 == 0 {
                mine.reverse();
            }
            async move { store.create_user(&bare_user(number), &mine, call(number)).await }
        });
        let won = winner(&answers.await);
        for identifier in &both {
            assert_eq!(store.find_user(identifier).await.unwrap(), Some(user_id(won)));
        }
        assert_eq!(store.users().await.unwrap().len(), count);
    }
}

pub async fn one_of_64_deletes_a_user(store: Arc<dyn Store>) {
    for round in rounds() {
        put_user(&*store, &full_user(1), "alice").await;
        put_grant(&*store, &grant(1)).await;
        let answers =
            race(
                &store,
                round,
                |store, number| async move { store.delete_user(&user_id(1), call(number)).await },
            );
        winner(&answers.await);
        assert_eq!(store.users().await.unwrap(), []);
        assert_eq!(kept_grant(&*store, &grant(1)).await, None);
    }
}

pub async fn one_of_64_starts_a_session(store: Arc<dyn Store>) {
    for round in rounds() {
        let mine = move |number| Session { secret: session_secret(number), ..session(round) };
        let answers = race(&store, round, move |store, number| async move {
            store.start_session(&mine(number), call(number)).await
        });
        let answers = answers.await;
        let kept = kept_session(&*store, &session(round)).await.unwrap();
        assert_eq!(kept, mine(winner_leaving(&answers, &kept)));
    }
}

pub async fn one_of_64_reauthenticates(store: Arc<dyn Store>) {
    for round in rounds() {
        put_session(&*store, &session(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            let (id, seen) = (session_id(round), session_secret(round));
            // Not the number of the round: the secret seen must not be the new one.
            let (secret, proof) = (session_secret(number + 500), authentication(number));
            store.reauthenticate(&user_id(1), &id, &seen, &secret, &proof, call(number)).await
        });
        let answers = answers.await;
        let kept = kept_session(&*store, &session(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        let (secret, authentication) = (session_secret(won + 500), authentication(won));
        assert_eq!(kept, Session { secret, authentication, ..session(round) });
    }
}

pub async fn one_of_64_ends_a_session(store: Arc<dyn Store>) {
    for round in rounds() {
        let carried = Grant { session: session_id(round), ..grant(round) };
        put_session(&*store, &session(round)).await;
        put_grant(&*store, &carried).await;
        let answers = race(&store, round, move |store, number| async move {
            let (id, seen) = (session_id(round), session_secret(round));
            store.end_session(&user_id(1), &id, &seen, call(number)).await
        });
        let answers = answers.await;
        let kept = kept_session(&*store, &session(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!(kept, Session { ended_at: Some(NOW), ..session(round) });
        let revoked = kept_grant(&*store, &carried).await.unwrap();
        assert_eq!(revoked.last_request, call(won).request, "revoked by the call that ended the session");
    }
}

pub async fn one_of_64_creates_a_grant(store: Arc<dyn Store>) {
    for round in rounds() {
        let answers = race(&store, round, move |store, number| async move {
            let mine = Grant { code: code(number), ..grant(round) };
            store.create_grant(&mine, call(number)).await
        });
        let answers = answers.await;
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!((kept.code, kept.last_request), (code(won), call(won).request));
    }
}

/// Rounds of a race on a grant's one write; the losers find it as the winner left it.
async fn race_on_grant<F>(
    store: &Arc<dyn Store>,
    step: impl Fn(Arc<dyn Store>, u32, Stamp) -> F + Copy,
    is_done: impl Fn(&Grant) -> bool,
) where
    F: Future<Output = Result<Commit<Grant>, StoreError>> + Send + 'static,
{
    for round in rounds() {
        put_grant(&**store, &grant(round)).await;
        let answers = race(store, round, move |store, number| step(store, round, call(number))).await;
        let kept = kept_grant(&**store, &grant(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert!(is_done(&kept), "{kept:?}");
        assert_eq!(kept.last_request, call(won).request);
    }
}

pub async fn n052_one_of_64_redeems_a_code(store: Arc<dyn Store>) {
    let redeem = |store: Arc<dyn Store>, number, stamp| async move {
        store.redeem_code(&user_id(1), &grant_id(number), &code(number), stamp).await
    };
    race_on_grant(&store, redeem, |kept| kept.redeemed_at == Some(NOW) && kept.revoked.is_none()).await;
}

pub async fn one_of_64_burns_a_code(store: Arc<dyn Store>) {
    let burn = |store: Arc<dyn Store>, number, stamp| async move {
        store.burn_code(&user_id(1), &grant_id(number), stamp).await
    };
    race_on_grant(&store, burn, |kept| kept.redeemed_at.is_none() && kept.revoked.is_some()).await;
}

pub async fn one_of_64_revokes_a_grant(store: Arc<dyn Store>) {
    let revoke = |store: Arc<dyn Store>, number, stamp| async move {
        store.revoke_grant(&user_id(1), &grant_id(number), RevocationReason::Revoked, stamp).await
    };
    race_on_grant(&store, revoke, |kept| kept.revoked.is_some()).await;
}

pub async fn a_code_is_redeemed_or_burnt_never_both(store: Arc<dyn Store>) {
    let either = |store: Arc<dyn Store>, number, stamp: Stamp| async move {
        if stamp.request.as_bytes()[7].is_multiple_of(2) {
            store.burn_code(&user_id(1), &grant_id(number), stamp).await
        } else {
            store.redeem_code(&user_id(1), &grant_id(number), &code(number), stamp).await
        }
    };
    race_on_grant(&store, either, |kept| kept.redeemed_at.is_some() != kept.revoked.is_some()).await;
}

pub async fn a_session_is_reauthenticated_or_ended_never_both(store: Arc<dyn Store>) {
    for round in rounds() {
        put_session(&*store, &session(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            let (user, id, seen) = (user_id(1), session_id(round), session_secret(round));
            if number % 2 == 0 {
                return store.end_session(&user, &id, &seen, call(number)).await;
            }
            let (secret, proof) = (session_secret(number), authentication(number));
            store.reauthenticate(&user, &id, &seen, &secret, &proof, call(number)).await
        });
        let answers = answers.await;
        let kept = kept_session(&*store, &session(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!(
            (kept.ended_at.is_some(), kept.secret != session_secret(round)),
            (won % 2 == 0, won % 2 == 1)
        );
    }
}

/// What a transport that repeats by itself does at its worst.
pub async fn sixty_four_deliveries_of_one_call_are_one_write(store: Arc<dyn Store>) {
    for round in rounds() {
        put_grant(&*store, &grant(round)).await;
        let answers = race(&store, round, move |store, _| async move {
            store.redeem_code(&user_id(1), &grant_id(round), &code(round), call(round)).await
        });
        assert!(answers.await.iter().all(|(_, commit)| commit.is_done()));
        let other = store.redeem_code(&user_id(1), &grant_id(round), &code(round), call(1)).await.unwrap();
        let redeemed = Grant { redeemed_at: Some(NOW), last_request: call(round).request, ..grant(round) };
        assert_eq!(other, lost(redeemed));
    }
}

pub async fn sixty_four_consents_add_up(store: Arc<dyn Store>) {
    for round in rounds() {
        let client = client_id(&format!("client-{round}"));
        let id = client.clone();
        let answers = race(&store, round, move |store, number| {
            let client = id.clone();
            async move {
                let given = scope(&format!("s{number}"));
                store.remember_consent(&user_id(1), &client, &given, call(number)).await
            }
        });
        let given: Vec<_> = answers.await.iter().map(|(number, ())| format!("s{number}")).collect();
        let kept = store.load_sign_in(&user_id(1), None, &client).await.unwrap().consent.unwrap();
        assert!(kept.scope.covers(&scope(&given.join(" "))), "{}", kept.scope);
    }
}
