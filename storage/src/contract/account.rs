//! Cases of a person's account: what they change about themselves, and everything of them at once.

use super::sample::{
    END_OF_TIME, NOW, bare_user, call, client_id, earlier, full_grant, full_user, grant, later, lost,
    offline_grant, password, put_grant, put_session, put_user, scope, session, user_id,
};
use crate::{ACCOUNT_GRANTS, AccountView, Commit, Store};
use protocol::consent::Consent;
use protocol::grant::Grant;
#[cfg(test)]
use protocol::grant::{Revocation, RevocationReason};
use protocol::id::Subject;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;

pub async fn a_profile_is_replaced_and_nothing_else(store: Arc<dyn Store>) {
    let (before, other) = (bare_user(1), full_user(2));
    put_user(&*store, &before, "alice").await;
    put_user(&*store, &other, "bob").await;
    // Different in everything, but only these three count.
    let wanted = User {
        subject: Subject::from_text("other"),
        password: Some(password("$argon2id$other")),
        not_before: later(5),
        updated_at: later(1),
        ..full_user(1)
    };
    assert_eq!(store.set_profile(&wanted, NOW, call(2)).await.unwrap(), Commit::Done);
    let User { email, claims, updated_at, .. } = wanted;
    let filled = User { email, claims, updated_at, ..before.clone() };
    assert_eq!(store.user(&filled.id).await.unwrap().as_ref(), Some(&filled));
    // And back to nothing.
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
    // An instant that doesn't move on would let the next one who saw the same record pass.
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
    // Whether it is verified is the record's to say, not the caller's.
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

pub async fn an_account_is_everything_of_one_user(store: Arc<dyn Store>) {
    assert_eq!(store.load_account(&user_id(1)).await.unwrap(), AccountView::default());
    let (user, other) = (full_user(1), full_user(2));
    put_user(&*store, &user, "alice").await;
    put_user(&*store, &other, "bob").await;
    // The oldest first, by id within a millisecond: not in the order of their ids or of their writing.
    let sessions = [
        Session { created_at: earlier(9), ended_at: Some(earlier(1)), ..session(7) },
        Session { created_at: earlier(2), expires_at: earlier(1), ..session(9) },
        session(3),
        session(4),
        Session { created_at: later(1), ..session(1) },
    ];
    let grants = [
        Grant { created_at: earlier(9), expires_at: earlier(1), ..grant(8) },
        Grant { created_at: earlier(1), ..full_grant(9) },
        offline_grant(2),
        Grant { code_expires_at: earlier(1), ..grant(4) },
        Grant { created_at: later(1), ..grant(1) },
    ];
    for session in sessions.iter().rev() {
        put_session(&*store, session).await;
        put_session(&*store, &Session { user: other.id, ..session.clone() }).await;
    }
    for grant in grants.iter().rev() {
        put_grant(&*store, grant).await;
        put_grant(&*store, &Grant { user: other.id, ..grant.clone() }).await;
    }
    let clients = ["B", "a", "b"].map(client_id);
    for client in clients.iter().rev() {
        store.remember_consent(&user.id, client, &scope("openid"), call(1)).await.unwrap();
        store.remember_consent(&other.id, client, &scope("email"), call(1)).await.unwrap();
    }
    let consents =
        clients.map(|client| Consent { user: user.id, client, scope: scope("openid"), granted_at: NOW });
    let all = AccountView {
        user: Some(user),
        sessions: sessions.into(),
        grants: grants.into(),
        consents: consents.into(),
    };
    assert_eq!(store.load_account(&user_id(1)).await.unwrap(), all);
}

/// Longer than a page of any backend: 300 grants of 5 kB.
pub async fn a_long_account_is_whole(store: Arc<dyn Store>) {
    let nonce = Some("x".repeat(5000));
    let grants: Vec<_> = (0..300).map(|n| Grant { nonce: nonce.clone(), ..full_grant(n) }).collect();
    let put = |grant: Grant| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { put_grant(&*store, &grant).await })
    };
    for task in grants.iter().cloned().map(put).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(store.load_account(&user_id(1)).await.unwrap().grants, grants);
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

/// More than a page of the account shows.
pub async fn a_whole_account_leaves_no_grant_out(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    put_session(&*store, &session(1)).await;
    let grants: Vec<_> = (0..=ACCOUNT_GRANTS).map(grant).collect();
    let put = |grant: Grant| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { put_grant(&*store, &grant).await })
    };
    for task in grants.iter().cloned().map(put).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let whole = store.load_whole_account(&user_id(1)).await.unwrap();
    assert_eq!(whole.grants, grants);
    assert_eq!((whole.user, whole.sessions), (Some(bare_user(1)), vec![session(1)]));
}

/// Where a backend leaves grants out of an account.
#[cfg(test)]
pub(crate) async fn shows_what_matters_most(store: &dyn Store) {
    let revoked = Some(Revocation { at: NOW, reason: RevocationReason::Revoked });
    let other = Grant { client: client_id("client-b"), created_at: later(9), ..grant(0) };
    // What matters is the youngest.
    let ended =
        (1..20).map(|n| Grant { created_at: earlier(9), redeemed_at: Some(NOW), revoked, ..grant(n) });
    let idle = (20..20 + ACCOUNT_GRANTS).map(grant);
    let used = (1000..1020).map(|n| Grant { created_at: later(1), redeemed_at: Some(later(1)), ..grant(n) });
    for each in ended.chain(idle.clone()).chain(used.clone()).chain([other.clone()]) {
        put_grant(store, &each).await;
    }
    let shown: Vec<_> = idle.take(ACCOUNT_GRANTS as usize - 20).chain(used).chain([other]).collect();
    assert_eq!(store.load_account(&user_id(1)).await.unwrap().grants, shown);
}
