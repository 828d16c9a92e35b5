//! Cases of remembered consent.

use super::sample::{NOW, bare_client, call, call_at, client_id, later, put_client, scope, user_id};
use crate::{Commit, Store};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::id::{ClientId, UserId};
use std::sync::Arc;

/// What is remembered of user 1 and `client-a`, and when it last grew.
async fn kept(store: &dyn Store) -> Option<(String, u64)> {
    let consent = kept_of(store, user_id(1), &client_id("client-a")).await;
    consent.map(|consent| (consent.scope.to_string(), consent.granted_at.since(NOW).as_millis() as u64))
}

async fn kept_of(store: &dyn Store, user: UserId, client: &ClientId) -> Option<Consent> {
    store.load_sign_in(&user, None, client, &[]).await.unwrap().consent
}

pub async fn a_consent_grows(store: Arc<dyn Store>) {
    assert_eq!(kept(&*store).await, None);
    for (millis, given, remembered, grew) in [
        (0, "", "", 0),
        (1, "openid email", "openid email", 1),
        // What adds nothing changes nothing.
        (2, "email", "openid email", 1),
        (3, "", "openid email", 1),
        (4, "profile openid", "openid email profile", 4),
    ] {
        let stamp = call_at(5, later(millis));
        store.remember_consent(&user_id(1), &client_id("client-a"), &scope(given), stamp).await.unwrap();
        assert_eq!(kept(&*store).await, Some((remembered.into(), grew)), "{given}");
    }
}

pub async fn a_consent_is_of_one_user_with_one_client(store: Arc<dyn Store>) {
    for (user, client, given) in [(1, "a", "openid"), (1, "b", "email"), (2, "a", "phone")] {
        store.remember_consent(&user_id(user), &client_id(client), &scope(given), call(1)).await.unwrap();
    }
    for (user, client, given) in [(1, "a", "openid"), (1, "b", "email"), (2, "a", "phone")] {
        let consent =
            Consent { user: user_id(user), client: client_id(client), scope: scope(given), granted_at: NOW };
        assert_eq!(kept_of(&*store, consent.user, &consent.client).await, Some(consent));
    }
    assert_eq!(kept_of(&*store, user_id(2), &client_id("b")).await, None);
}

pub async fn a_consent_is_forgotten(store: Arc<dyn Store>) {
    let kinds = [(1, "client-a"), (1, "client-b"), (2, "client-a")];
    for (user, client) in kinds {
        store.remember_consent(&user_id(user), &client_id(client), &scope("openid"), call(1)).await.unwrap();
    }
    // The second time there is nothing left, and that is fine.
    for number in [2, 3] {
        store.forget_consent(&user_id(1), &client_id("client-a"), call(number)).await.unwrap();
        let mut left = Vec::new();
        for (user, client) in kinds {
            left.push(kept_of(&*store, user_id(user), &client_id(client)).await.is_some());
        }
        assert_eq!(left, [false, true, true]);
    }
    // What is agreed to afterwards doesn't bring back what was forgotten.
    store
        .remember_consent(&user_id(1), &client_id("client-a"), &scope("email"), call_at(4, later(9)))
        .await
        .unwrap();
    assert_eq!(kept(&*store).await, Some(("email".into(), 9)));
}

/// A backend may leave the records of a former client, but they don't count.
pub async fn a_client_made_anew_under_an_old_id_is_agreed_to_anew(store: Arc<dyn Store>) {
    let former = bare_client("client-a");
    put_client(&*store, &former).await;
    for (user, client) in [(1, "client-a"), (2, "client-a"), (1, "client-b")] {
        let stamp = call_at(1, later(1));
        let given = scope("openid email");
        store.remember_consent(&user_id(user), &client_id(client), &given, stamp).await.unwrap();
    }
    assert!(former.honours(&kept_of(&*store, user_id(2), &former.id).await.unwrap()));
    assert_eq!(store.delete_client(&former.id, call_at(2, later(2))).await.unwrap(), Commit::Done);
    let client = Client { created_at: later(3), ..former };
    put_client(&*store, &client).await;
    for user in [1, 2] {
        let left = kept_of(&*store, user_id(user), &client.id).await;
        assert!(left.is_none_or(|consent| !client.honours(&consent)), "{user}");
    }
    assert!(kept_of(&*store, user_id(1), &client_id("client-b")).await.is_some(), "another's stays");
    // What is outdated is forgotten before anything is remembered.
    store.forget_consent(&user_id(1), &client.id, call_at(3, later(4))).await.unwrap();
    store.remember_consent(&user_id(1), &client.id, &scope("phone"), call_at(3, later(4))).await.unwrap();
    assert_eq!(kept(&*store).await, Some(("phone".into(), 4)));
    assert!(client.honours(&kept_of(&*store, user_id(1), &client.id).await.unwrap()));
}

/// More than one request may ask for.
pub async fn a_consent_outgrows_a_request(store: Arc<dyn Store>) {
    let tokens: Vec<String> = (0..30).map(|n| format!("https://api.example/scope/{n}")).collect();
    for token in &tokens {
        let client = client_id("client-a");
        store.remember_consent(&user_id(1), &client, &scope(token), call(1)).await.unwrap();
    }
    let all = tokens.join(" ");
    assert!(all.len() > protocol::scope::MAX_BYTES);
    assert_eq!(kept(&*store).await, Some((all, 0)));
}
