//! Cases of users, and of the identifiers that lead to them.

use super::sample::{
    NOW, bare_user, call, call_at, client_id, earlier, full_user, grant, kept_grant, kept_session, later,
    lost, name, put_grant, put_session, put_user, scope, session, user_id,
};
use crate::{Commit, SignInView, Store};
use protocol::grant::Grant;
use protocol::name::Identifier;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use std::sync::Arc;

pub async fn a_user_comes_back_whole(store: Arc<dyn Store>) {
    let (bare, full) = (bare_user(1), full_user(2));
    let names = [name("Ålice"), name("Alice+tag#1@Example.org")];
    assert_eq!(store.create_user(&bare, &[], call(1)).await.unwrap(), Commit::Done);
    assert_eq!(store.create_user(&full, &names, call(2)).await.unwrap(), Commit::Done);
    for user in [bare, full] {
        assert_eq!(store.user(&user.id).await.unwrap(), Some(user));
    }
    for identifier in &names {
        assert_eq!(store.find_user(identifier).await.unwrap(), Some(user_id(2)), "{identifier:?}");
    }
    assert_eq!(store.find_user(&name("alice")).await.unwrap(), None, "only identifiers lead to a user");
    assert_eq!(store.user(&user_id(3)).await.unwrap(), None);
}

pub async fn users_are_listed_by_creation_and_id(store: Arc<dyn Store>) {
    let made = |number, created_at| User { created_at, ..full_user(number) };
    let all = [made(9, earlier(2)), made(3, NOW), made(4, NOW), made(1, later(1))];
    assert_eq!(store.users().await.unwrap(), []);
    for user in all.iter().rev() {
        assert_eq!(store.create_user(user, &[], call(1)).await.unwrap(), Commit::Done);
    }
    assert_eq!(store.users().await.unwrap(), all);
}

pub async fn an_identifier_is_unique_in_its_kind(store: Arc<dyn Store>) {
    // One text in two kinds: neither reaches the other's user.
    let Identifier::Username(canonical) = name("alice") else { unreachable!("`alice` is a user name") };
    let kinds = [Identifier::Email(canonical.as_str().into()), Identifier::Username(canonical)];
    for (number, identifier) in (1..).zip(kinds.clone()) {
        let done = store.create_user(&bare_user(number), &[identifier], call(number)).await.unwrap();
        assert_eq!(done, Commit::Done);
    }
    for (number, identifier) in (1..).zip(&kinds) {
        assert_eq!(store.find_user(identifier).await.unwrap(), Some(user_id(number)));
    }
}

pub async fn a_taken_identifier_is_lost_and_leaves_nothing(store: Arc<dyn Store>) {
    let first = full_user(1);
    put_user(&*store, &first, "alice").await;
    for names in [[name("bob"), name("alice")], [name("alice"), name("bob")]] {
        let second = store.create_user(&bare_user(2), &names, call(2)).await.unwrap();
        assert_eq!(second, lost(first.clone()), "with whom the name leads to");
    }
    assert_eq!(store.find_user(&name("bob")).await.unwrap(), None);
    assert_eq!(store.find_user(&name("alice")).await.unwrap(), Some(first.id));
    assert_eq!(store.user(&user_id(2)).await.unwrap(), None);
    assert_eq!(store.users().await.unwrap(), [first]);
}

pub async fn a_taken_user_id_is_lost_and_leaves_nothing(store: Arc<dyn Store>) {
    let first = full_user(1);
    put_user(&*store, &first, "alice").await;
    let second = store.create_user(&bare_user(1), &[name("bob")], call(2)).await.unwrap();
    assert_eq!(second, lost(first.clone()));
    assert_eq!(store.find_user(&name("bob")).await.unwrap(), None);
    assert_eq!(store.user(&first.id).await.unwrap(), Some(first));
}

pub async fn disabling_a_user_voids_what_began_for_good(store: Arc<dyn Store>) {
    let (user, other) = (bare_user(1), bare_user(2));
    put_user(&*store, &user, "alice").await;
    put_user(&*store, &other, "bob").await;
    assert!(store.set_user_disabled(&user.id, true, call(2)).await.unwrap().is_done());
    let voided = User { disabled: true, not_before: later(1), ..user };
    assert_eq!(store.user(&voided.id).await.unwrap().as_ref(), Some(&voided));
    let after = call_at(3, later(60_000));
    assert!(store.set_user_disabled(&voided.id, false, after).await.unwrap().is_done());
    let enabled = User { disabled: false, ..voided };
    assert_eq!(store.user(&enabled.id).await.unwrap().as_ref(), Some(&enabled), "nothing revives");
    // The millisecond of the call itself may have seen a session begin: void. The next one counts.
    assert_eq!((enabled.honours(NOW), enabled.honours(later(1))), (false, true));
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
    assert_eq!(store.find_user(&name("alice")).await.unwrap(), Some(enabled.id));
}

pub async fn a_new_password_voids_what_began(store: Arc<dyn Store>) {
    let (user, other) = (bare_user(1), full_user(2));
    put_user(&*store, &user, "alice").await;
    put_user(&*store, &other, "bob").await;
    let password = PasswordHash("$argon2id$new".into());
    assert!(store.set_password(&user.id, &password, call(2)).await.unwrap().is_done());
    let changed = User { password: Some(password), not_before: later(1), ..user };
    assert_eq!(store.user(&changed.id).await.unwrap().as_ref(), Some(&changed), "and nothing else changes");
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
}

pub async fn a_users_not_before_never_goes_back(store: Arc<dyn Store>) {
    let user = bare_user(1);
    put_user(&*store, &user, "alice").await;
    let kept = async || store.user(&user.id).await.unwrap().unwrap().not_before;
    let password = PasswordHash("$argon2id$new".into());
    for (at, not_before) in [(NOW, later(1)), (earlier(5000), later(1)), (later(10), later(11))] {
        assert!(store.set_password(&user.id, &password, call_at(2, at)).await.unwrap().is_done());
        assert_eq!(kept().await, not_before);
        assert!(store.set_user_disabled(&user.id, true, call_at(3, at)).await.unwrap().is_done());
        assert_eq!(kept().await, not_before);
    }
    // A clock that stands at the end: the instant after it is not the beginning of time.
    let last = call_at(4, Timestamp::from_millis(u64::MAX));
    assert!(store.set_password(&user.id, &password, last).await.unwrap().is_done());
    assert!(kept().await >= super::sample::END_OF_TIME);
}

pub async fn a_deleted_user_takes_everything_along(store: Arc<dyn Store>) {
    let client = client_id("client-a");
    let (session, grant) = (session(1), grant(1));
    let theirs =
        (Session { user: user_id(2), ..session.clone() }, Grant { user: user_id(2), ..grant.clone() });
    for (user, typed, session, grant) in
        [(full_user(1), "alice", &session, &grant), (full_user(2), "bob", &theirs.0, &theirs.1)]
    {
        put_user(&*store, &user, typed).await;
        put_session(&*store, session).await;
        put_grant(&*store, grant).await;
        store.remember_consent(&user.id, &client, &scope("openid"), call(1)).await.unwrap();
    }
    assert_eq!(store.delete_user(&user_id(1), call(2)).await.unwrap(), Commit::Done);

    let nothing = store.load_sign_in(&user_id(1), Some(&session.id), &client).await.unwrap();
    assert_eq!(nothing, SignInView::default());
    assert_eq!(kept_grant(&*store, &grant).await, None);
    assert_eq!(store.user(&user_id(1)).await.unwrap(), None);
    assert_eq!(store.find_user(&name("alice")).await.unwrap(), None);
    assert_eq!(store.delete_user(&user_id(1), call(3)).await.unwrap(), Commit::Lost(None));

    assert_eq!(store.users().await.unwrap(), [full_user(2)]);
    assert_eq!(kept_session(&*store, &theirs.0).await.as_ref(), Some(&theirs.0));
    assert_eq!(kept_grant(&*store, &theirs.1).await.as_ref(), Some(&theirs.1));
    let view = store.load_sign_in(&user_id(2), None, &client).await.unwrap();
    assert_eq!(view.consent.map(|consent| consent.scope), Some(scope("openid")));
    // The name is free again.
    put_user(&*store, &bare_user(3), "alice").await;
    assert_eq!(store.find_user(&name("alice")).await.unwrap(), Some(user_id(3)));
}

pub async fn nobody_cannot_be_changed(store: Arc<dyn Store>) {
    let nobody = user_id(1);
    for disabled in [true, false] {
        let missed = store.set_user_disabled(&nobody, disabled, call(1)).await.unwrap();
        assert_eq!(missed, Commit::Lost(None));
    }
    let password = PasswordHash("$argon2id$new".into());
    assert_eq!(store.set_password(&nobody, &password, call(2)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.delete_user(&nobody, call(3)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.users().await.unwrap(), []);
}
