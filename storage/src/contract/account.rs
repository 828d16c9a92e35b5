//! Cases of an account: what users change about themselves.

use super::sample::{
    END_OF_TIME, NOW, bare_user, call, earlier, full_user, later, lost, password, put_session, put_user,
    session, user_id,
};
use crate::{Commit, Store};
use protocol::id::Subject;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;

pub async fn a_profile_is_replaced_and_nothing_else(store: Arc<dyn Store>) {
    let (before, other) = (bare_user(1), full_user(2));
    put_user(&*store, &before, "alice").await;
    put_user(&*store, &other, "bob").await;
    // Different in everything, but only these three fields are replaced.
    let wanted = User {
        subject: Subject::from_text("other"),
        password: Some(password("$argon2id$other")),
        generation: full_user(5).generation.next(call(5).request, later(5)),
        updated_at: later(1),
        ..full_user(1)
    };
    assert_eq!(store.set_profile(&wanted, NOW, call(2)).await.unwrap(), Commit::Done);
    let User { email, claims, updated_at, .. } = wanted;
    let filled = User { email, claims, updated_at, ..before.clone() };
    assert_eq!(store.user(&filled.id).await.unwrap().as_ref(), Some(&filled));
    // And back to no values.
    let emptied = User { updated_at: later(2), ..before };
    assert_eq!(store.set_profile(&emptied, later(1), call(3)).await.unwrap(), Commit::Done);
    assert_eq!(store.user(&emptied.id).await.unwrap(), Some(emptied));
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
}

pub async fn a_profile_is_lost_unless_it_is_the_one_seen(store: Arc<dyn Store>) {
    let there = User { updated_at: NOW, ..bare_user(1) };
    put_user(&*store, &there, "alice").await;
    let wanted = |updated_at| User { email: Some("a@example.org".into()), updated_at, ..there.clone() };
    for seen in [earlier(1), later(1), Timestamp::EPOCH, END_OF_TIME] {
        let missed = store.set_profile(&wanted(later(9)), seen, call(2)).await.unwrap();
        assert_eq!(missed, lost(there.clone()), "seen at {seen:?}");
    }
    // Without a later instant, another request that saw the same record would also succeed.
    for updated_at in [NOW, earlier(1), Timestamp::EPOCH] {
        let missed = store.set_profile(&wanted(updated_at), NOW, call(2)).await.unwrap();
        assert_eq!(missed, lost(there.clone()), "updated at {updated_at:?}");
    }
    assert_eq!(store.user(&there.id).await.unwrap().as_ref(), Some(&there));
    let nobody = User { updated_at: later(1), ..bare_user(2) };
    assert_eq!(store.set_profile(&nobody, NOW, call(2)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.users().await.unwrap(), [there]);
}

pub async fn a_verified_address_stays(store: Arc<dyn Store>) {
    let mut there = User { email: Some("alice@example.org".into()), updated_at: NOW, ..full_user(1) };
    put_user(&*store, &there, "alice").await;
    for email in [None, Some(""), Some("mallory@example.org"), Some("Alice@example.org")] {
        let wanted = User { email: email.map(Into::into), updated_at: later(1), ..there.clone() };
        let missed = store.set_profile(&wanted, NOW, call(2)).await.unwrap();
        assert_eq!(missed, lost(there.clone()), "{email:?}");
    }
    // The record says whether the address is verified, not the caller.
    let claim = User { email: None, email_verified: false, updated_at: later(1), ..there.clone() };
    assert_eq!(store.set_profile(&claim, NOW, call(2)).await.unwrap(), lost(there.clone()));
    there = User { claims: serde_json::Map::new(), updated_at: later(1), ..there };
    assert_eq!(store.set_profile(&there, NOW, call(3)).await.unwrap(), Commit::Done, "the same address");
    assert_eq!(store.user(&there.id).await.unwrap(), Some(there));
}

pub async fn an_unverified_address_comes_changes_and_goes(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    let addresses = [Some("a@example.org"), Some("b@example.org"), None, Some("c@example.org")];
    for (step, email) in (0..).zip(addresses) {
        let wanted = User { email: email.map(Into::into), updated_at: later(step + 1), ..bare_user(1) };
        assert_eq!(store.set_profile(&wanted, later(step), call(2)).await.unwrap(), Commit::Done);
        assert_eq!(store.user(&wanted.id).await.unwrap(), Some(wanted));
    }
}

pub async fn every_user_is_listed_by_id(store: Arc<dyn Store>) {
    assert_eq!(store.user_ids().await.unwrap(), []);
    for (number, name) in [(200, "carol"), (1, "alice"), (90, "bob")] {
        put_user(&*store, &bare_user(number), name).await;
        put_session(&*store, &Session { user: user_id(number), ..session(number) }).await;
    }
    let mut ids = store.user_ids().await.unwrap();
    ids.sort_unstable();
    assert_eq!(ids, [1, 90, 200].map(user_id));
}
