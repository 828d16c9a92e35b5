//! Cases of remembered consent.

use super::race::{race, rounds};
use super::sample::{
    NOW, agreed, authority, bare_client, bare_user, call, call_at, client_id, kept_consent, later,
    put_client, put_consent, scope, user_id,
};
use crate::{Commit, Store};
use protocol::authority::{Authority, Generations};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::generation::Generation;
use std::sync::Arc;

/// What is remembered of user 1 and `client-a`, and when it last grew.
async fn kept(store: &dyn Store) -> Option<(String, u64)> {
    let consent = kept_consent(store, &agreed(1, "client-a", "", call(1))).await;
    consent.map(|consent| (consent.scope.to_string(), consent.granted_at.since(NOW).as_millis() as u64))
}

pub async fn a_consent_grows(store: Arc<dyn Store>) {
    assert_eq!(kept(&*store).await, None);
    for (millis, given, remembered, grew) in [
        (0, "", "", 0),
        (1, "openid email", "openid email", 1),
        // A consent that adds nothing changes nothing.
        (2, "email", "openid email", 1),
        (3, "", "openid email", 1),
        (4, "profile openid", "openid email profile", 4),
    ] {
        put_consent(&*store, &agreed(1, "client-a", given, call_at(5, later(millis)))).await;
        assert_eq!(kept(&*store).await, Some((remembered.into(), grew)), "{given}");
    }
}

pub async fn a_consent_is_of_one_user_with_one_client(store: Arc<dyn Store>) {
    let all = [
        (1, "a", "openid"),
        (1, "b", "email"),
        (2, "a", "phone"),
        (1, "urn:a#b", "profile"),
        (1, "b#", "address"),
        (1, "%23b", "openid phone"),
    ];
    let all = all.map(|(user, client, given)| agreed(user, client, given, call(1)));
    for consent in &all {
        put_consent(&*store, consent).await;
    }
    for consent in all {
        assert_eq!(kept_consent(&*store, &consent).await, Some(consent));
    }
    assert_eq!(kept_consent(&*store, &agreed(2, "b", "", call(1))).await, None);
}

/// A consent under one authority says nothing about another: a former client of that id, a former password.
pub async fn n241_a_consent_of_another_authority_is_replaced(store: Arc<dyn Store>) {
    let (first, second) = (Some(authority(1)), Some(authority(2)));
    for (millis, by, given, remembered, grew) in [
        (1, None, "openid email", "openid email", 1),
        (2, None, "phone", "openid email phone", 2),
        (3, first, "openid", "openid", 3),
        (4, first, "email", "openid email", 4),
        (5, second, "email", "email", 5),
        (6, second, "email", "email", 5),
        // And not back to the former one.
        (7, first, "phone", "phone", 7),
        (8, None, "openid", "openid", 8),
    ] {
        let stamp = call_at(5, later(millis));
        let consent = Consent { authority: by, ..agreed(1, "client-a", given, stamp) };
        put_consent(&*store, &consent).await;
        let there = kept_consent(&*store, &consent).await.unwrap();
        assert_eq!(there, Consent { scope: scope(remembered), granted_at: later(grew), ..consent });
    }
}

/// In whatever order they come, the remaining consent is of one authority.
pub async fn n241_sixty_four_consents_of_two_authorities_are_not_mixed(store: Arc<dyn Store>) {
    let by = |number: u32| authority(number % 2);
    for round in rounds() {
        let client = format!("client-{round}");
        let mine = client.clone();
        let answers = race(&store, round, move |store, number| {
            let given = agreed(1, &mine, &format!("s{number}"), call(number));
            let consent = Consent { authority: Some(by(number)), ..given };
            async move { store.remember_consent(&consent, call(number)).await }
        });
        answers.await;
        let kept = kept_consent(&*store, &agreed(1, &client, "", call(1))).await.unwrap();
        let number = |token: &str| token.strip_prefix('s').unwrap().parse().unwrap();
        let numbers: Vec<u32> = kept.scope.tokens().map(number).collect();
        assert!(!numbers.is_empty());
        for number in numbers {
            assert_eq!(kept.authority, Some(by(number)), "{number} of {}", kept.scope);
        }
    }
}

pub async fn a_consent_is_forgotten(store: Arc<dyn Store>) {
    let all = [(1, "client-a"), (1, "client-b"), (2, "client-a")];
    let all = all.map(|(user, client)| agreed(user, client, "openid", call(1)));
    for consent in &all {
        put_consent(&*store, consent).await;
    }
    // The second time there is nothing to forget, which is no error.
    for number in [2, 3] {
        store.forget_consent(&user_id(1), &client_id("client-a"), call(number)).await.unwrap();
        let mut left = Vec::new();
        for consent in &all {
            left.push(kept_consent(&*store, consent).await.is_some());
        }
        assert_eq!(left, [false, true, true]);
    }
    // A later consent doesn't bring back the forgotten one.
    put_consent(&*store, &agreed(1, "client-a", "email", call_at(4, later(9)))).await;
    assert_eq!(kept(&*store).await, Some(("email".into(), 9)));
}

/// A backend may leave the consents of a former client, but they don't count, whenever it was registered.
pub async fn n241_a_client_made_again_under_an_old_id_is_agreed_to_again(store: Arc<dyn Store>) {
    let registered =
        |number| Client { generation: Generation::first(call(number).request), ..bare_client("client-a") };
    let realm = Generation::default();
    let by = |client: &Client, user| -> Authority {
        Generations::of_grant(realm, &bare_user(user), client).authority()
    };
    let (former, client) = (registered(1), registered(3));
    put_client(&*store, &former).await;
    let given = [(1, "client-a"), (2, "client-a"), (1, "client-b")].map(|(user, id)| Consent {
        authority: Some(by(&former, user)),
        ..agreed(user, id, "openid email", call_at(1, later(1)))
    });
    for consent in &given {
        put_consent(&*store, consent).await;
    }
    let [first, second, others] = &given;
    assert!(kept_consent(&*store, second).await.unwrap().counts(&bare_user(2), &former, realm));
    assert_eq!(store.delete_client(&former, call_at(2, later(2))).await.unwrap(), Commit::Done);
    put_client(&*store, &client).await;
    for (user, consent) in [(1, first), (2, second)] {
        let left = kept_consent(&*store, consent).await;
        assert!(left.is_none_or(|left| !left.counts(&bare_user(user), &client, realm)), "{user}");
    }
    assert!(kept_consent(&*store, others).await.is_some(), "another's stays");
    let again = agreed(1, "client-a", "phone", call_at(3, later(4)));
    let again = Consent { authority: Some(by(&client, 1)), ..again };
    put_consent(&*store, &again).await;
    let kept = kept_consent(&*store, &again).await.unwrap();
    assert!(kept.counts(&bare_user(1), &client, realm));
    assert_eq!(kept, again, "nothing of what the former was agreed to");
}

/// More scopes than one request may ask for.
pub async fn a_consent_outgrows_a_request(store: Arc<dyn Store>) {
    let tokens: Vec<String> = (0..30).map(|n| format!("https://api.example/scope/{n}")).collect();
    for token in &tokens {
        put_consent(&*store, &agreed(1, "client-a", token, call(1))).await;
    }
    let all = tokens.join(" ");
    assert!(all.len() > protocol::scope::MAX_BYTES);
    assert_eq!(kept(&*store).await, Some((all, 0)));
}
