//! Cases of 64 requests at once, in the same millisecond: one wins, and the others find what it left. Each case runs
//! many rounds.

use super::sample::{
    NOW, agreed, attempt, bare_client, bare_user, call, each, full_client, full_user, kept_consent,
    kept_session, later, lost, name, owner, password, put_client, put_session, put_user, reproven, scope,
    session, session_id, session_secret, token, user_id, voided,
};
use crate::{Commit, Document, RingDocument, Store, StoreError};
use protocol::client::Client;
use protocol::name::Identifier;
use protocol::session::Session;
use protocol::user::User;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

pub(super) const CALLS: u32 = 64;

tokio::task_local! {
    static ROUNDS: u32;
}

/// Runs a case with this many rounds of each race, instead of 20.
pub async fn with_rounds(rounds: u32, case: impl Future<Output = ()>) {
    ROUNDS.scope(rounds, case).await;
}

/// The numbers of the rounds; a round's requests and records are numbered from it.
pub(super) fn rounds() -> impl Iterator<Item = u32> {
    let rounds = ROUNDS.try_with(|rounds| *rounds).unwrap_or(20);
    (1..=rounds).map(|round| round * 1000)
}

/// Makes `step` 64 times at once, each as another request, and returns the answers.
pub(super) async fn race<T, F>(
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

/// The request that won; there must be one.
pub(super) fn winner<T>(answers: &[(u32, Commit<T>)]) -> u32 {
    let winners: Vec<_> =
        answers.iter().filter(|(_, commit)| commit.is_done()).map(|&(call, _)| call).collect();
    let [winner] = winners[..] else { unreachable!("one of {CALLS} wins, not {winners:?}") };
    winner
}

/// The request that won, if all others found `kept` instead.
pub(super) fn winner_leaving<T: Clone + Debug + PartialEq>(answers: &[(u32, Commit<T>)], kept: &T) -> u32 {
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

pub async fn one_of_64_replaces_a_client(store: Arc<dyn Store>) {
    let mut seen = bare_client("a");
    put_client(&*store, &seen).await;
    for round in rounds() {
        let before = seen.clone();
        let next = move |number: u32| {
            let (name, revision) = (number.to_string(), before.revision + 1);
            Client { name, revision, ..before.clone() }
        };
        let mine = next.clone();
        let answers = race(&store, round, move |store, number| {
            let client = mine(number);
            async move { store.replace_client(&client, call(number)).await }
        });
        let answers = answers.await;
        let kept = store.client(&seen.id).await.unwrap().unwrap();
        assert_eq!(kept, next(winner_leaving(&answers, &kept)));
        seen = kept;
    }
}

pub async fn a_client_is_either_deleted_or_replaced(store: Arc<dyn Store>) {
    for round in rounds() {
        let seen = bare_client("a");
        put_client(&*store, &seen).await;
        let answers = race(&store, round, move |store, number| {
            let next = Client { name: number.to_string(), revision: 2, ..bare_client("a") };
            async move {
                if number % 2 == 0 {
                    store.delete_client(&bare_client("a"), call(number)).await
                } else {
                    store.replace_client(&next, call(number)).await
                }
            }
        });
        let won = winner(&answers.await);
        let there = store.client(&seen.id).await.unwrap();
        assert_eq!(there.is_none(), won % 2 == 0);
        if let Some(there) = there {
            assert_eq!(store.delete_client(&there, call(1)).await.unwrap(), Commit::Done);
        }
    }
}

pub async fn one_of_64_deletes_a_client(store: Arc<dyn Store>) {
    for round in rounds() {
        let client = full_client("a");
        put_client(&*store, &client).await;
        let answers = race(&store, round, |store, number| async move {
            store.delete_client(&full_client("a"), call(number)).await
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
        let owner = owner(&*store, &name(&typed)).await.unwrap();
        let kept = store.user(&owner).await.unwrap().unwrap();
        assert_eq!(kept, bare_user(winner_leaving(&answers, &kept)));
        assert_eq!(store.users().await.unwrap().len(), count, "a loser leaves nothing behind");
    }
}

pub async fn one_of_64_gets_an_identifier_added(store: Arc<dyn Store>) {
    for number in 0..64 {
        put_user(&*store, &bare_user(number), &format!("user-{number}")).await;
    }
    for round in rounds() {
        let skeleton = Identifier::skeleton(&format!("alice-{round}"));
        let mine = skeleton.clone();
        let answers = race(&store, 0, move |store, number| {
            let mine = mine.clone();
            async move { store.add_identifier(&user_id(number), &mine, call(number)).await }
        });
        let won = winner_leaving(&answers.await, &owner(&*store, &skeleton).await.unwrap());
        assert_eq!(owner(&*store, &skeleton).await, Some(user_id(won)));
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
            assert_eq!(owner(&*store, identifier).await, Some(user_id(won)));
        }
        assert_eq!(store.users().await.unwrap().len(), count);
    }
}

pub async fn one_of_64_sets_a_password_over_the_one_seen(store: Arc<dyn Store>) {
    let mut seen = User { password: Some(password("first")), ..bare_user(1) };
    put_user(&*store, &seen, "alice").await;
    for round in rounds() {
        let before = seen.generation;
        let answers = race(&store, round, move |store, number| {
            let (seen, new) = (Some(before), password(&number.to_string()));
            async move { store.set_password(&user_id(1), seen, &new, call(number)).await }
        });
        let answers = answers.await;
        let kept = store.user(&seen.id).await.unwrap().unwrap();
        let won = winner_leaving(&answers, &kept);
        let password = Some(password(&won.to_string()));
        assert_eq!(kept, User { password, ..voided(&seen, call(won)) });
        seen = kept;
    }
}

pub async fn one_of_64_changes_a_profile(store: Arc<dyn Store>) {
    let mut seen = bare_user(1);
    put_user(&*store, &seen, "alice").await;
    for round in rounds() {
        let before = seen.clone();
        let next = move |number: u32| {
            let email = Some(format!("{number}@example.org"));
            User { email, updated_at: before.updated_at.plus(Duration::from_millis(1)), ..before.clone() }
        };
        let (mine, at) = (next.clone(), seen.updated_at);
        let answers = race(&store, round, move |store, number| {
            let user = mine(number);
            async move { store.set_profile(&user, at, call(number)).await }
        });
        let answers = answers.await;
        let kept = store.user(&seen.id).await.unwrap().unwrap();
        assert_eq!(kept, next(winner_leaving(&answers, &kept)));
        seen = kept;
    }
}

pub async fn one_of_64_deletes_a_user(store: Arc<dyn Store>) {
    for round in rounds() {
        put_user(&*store, &full_user(1), "alice").await;
        let answers =
            race(
                &store,
                round,
                |store, number| async move { store.delete_user(&user_id(1), call(number)).await },
            );
        winner(&answers.await);
        assert_eq!(store.users().await.unwrap(), []);
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
            // Not the number of the round: the new secret must differ from the one seen.
            let wanted = reproven(&session(round), number + 500);
            store.reauthenticate(&wanted, &session_secret(round), call(number)).await
        });
        let answers = answers.await;
        let kept = kept_session(&*store, &session(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!(kept, reproven(&session(round), won + 500));
    }
}

pub async fn one_of_64_ends_a_session(store: Arc<dyn Store>) {
    for round in rounds() {
        put_session(&*store, &session(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            let (id, seen) = (session_id(round), session_secret(round));
            store.end_session(&user_id(1), &id, &seen, call(number)).await
        });
        let answers = answers.await;
        let kept = kept_session(&*store, &session(round)).await.unwrap();
        winner_leaving(&answers, &kept);
        assert_eq!(kept, Session { ended_at: Some(NOW), ..session(round) });
    }
}

pub async fn a_session_is_reauthenticated_or_ended_never_both(store: Arc<dyn Store>) {
    for round in rounds() {
        put_session(&*store, &session(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            let (user, id, seen) = (user_id(1), session_id(round), session_secret(round));
            if number % 2 == 0 {
                return store.end_session(&user, &id, &seen, call(number)).await;
            }
            store.reauthenticate(&reproven(&session(round), number), &seen, call(number)).await
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

pub async fn sixty_four_consents_add_up(store: Arc<dyn Store>) {
    for round in rounds() {
        let client = format!("client-{round}");
        let mine = client.clone();
        let answers = race(&store, round, move |store, number| {
            let given = agreed(1, &mine, &format!("s{number}"), call(number));
            async move { store.remember_consent(&given, call(number)).await }
        });
        let given: Vec<_> = answers.await.iter().map(|(number, ())| format!("s{number}")).collect();
        let kept = kept_consent(&*store, &agreed(1, &client, "", call(1))).await.unwrap();
        assert!(kept.scope.covers(&scope(&given.join(" "))), "{}", kept.scope);
    }
}

pub async fn n126_one_of_64_denies_a_token(store: Arc<dyn Store>) {
    for round in rounds() {
        let answers = race(&store, round, move |store, number| async move {
            store.deny_token(&token(round), later(u64::from(number)), call(number)).await
        });
        let answers = answers.await;
        let won = winner(&answers);
        winner_leaving(&answers, &later(u64::from(won)));
        assert!(store.load_token(&token(round), None).await.unwrap().denied);
    }
}

pub async fn n150_sixty_four_attempts_add_up(store: Arc<dyn Store>) {
    for round in rounds() {
        let interval = Duration::from_millis(7);
        let answers = race(&store, round, move |store, number| async move {
            store.note_attempt(attempt(round), each(interval), call(number)).await
        });
        // Each gets another debt: no failure is lost in another one.
        let mut debts: Vec<_> = answers.await.into_iter().map(|(_, debt)| debt).collect();
        debts.sort_unstable();
        let expected: Vec<_> = (1..=u64::from(CALLS)).map(|nth| later(nth * 7)).collect();
        assert_eq!(debts, expected);
        assert_eq!(store.debts(&[attempt(round)]).await.unwrap().last(), debts.last());
    }
}
