//! Cases of a write that took effect but whose answer was lost: repeated by the same request it recognises its
//! effect; made by another request it has lost.

use super::sample::{
    agreed, attempt, bare_client, bare_user, call, call_at, client_id, code, each, first_tip, full_client,
    full_user, grant, kept_consent, kept_grant, kept_session, later, lost, name, offline_grant, owner,
    password, put_client, put_consent, put_grant, put_session, put_user, redeemed, reproven, rotated_tip,
    session, session_secret, token, voided, with_code,
};
use crate::tap::{Faults, Tap, When};
use crate::{Commit, Document, RingDocument, Store, StoreError, StoreErrorKind};
use protocol::client::Client;
use protocol::generation::Generation;
use protocol::grant::{Grant, Refresh, Revocation, RevocationReason};
use protocol::group::GroupName;
use protocol::session::Session;
use protocol::user::User;
use std::sync::Arc;
use std::time::Duration;

/// Makes a write whose answer is lost, repeats it, and returns the second answer.
async fn repeated<T>(
    store: &Arc<dyn Store>,
    method: &'static str,
    write: impl AsyncFn(&dyn Store) -> Result<T, StoreError>,
) -> T {
    let faults = Arc::new(Faults::default());
    let line = Tap::new(Arc::clone(store), Arc::clone(&faults));
    faults.fail(method, 1, When::After, StoreErrorKind::Unavailable);
    let unanswered = write(&line).await.err().map(|error| error.kind());
    assert_eq!(unanswered, Some(StoreErrorKind::Unavailable), "{method}");
    write(&line).await.unwrap()
}

pub async fn an_unanswered_ring_is_recognised(store: Arc<dyn Store>) {
    let ring = RingDocument::Ring;
    for (seen, body, version) in [(None, "a", 1), (Some(1), "b", 2)] {
        let replace = async |store: &dyn Store| store.replace_ring(ring, seen, body, call(2)).await;
        assert_eq!(repeated(&store, "replace_ring", replace).await, Commit::Done);
        let there = Document { version, body: body.into() };
        assert_eq!(store.ring(ring).await.unwrap().as_ref(), Some(&there));
        let other = store.replace_ring(ring, seen, body, call(3)).await.unwrap();
        assert_eq!(other, lost(there.clone()), "another process that made the same");
        let same_call = store.replace_ring(ring, seen, "c", call(2)).await.unwrap();
        assert_eq!(same_call, lost(there), "the same call, but not its work");
    }
    // The same text again, in the same request: an earlier version of it no longer exists.
    assert!(store.replace_ring(ring, Some(2), "b", call(2)).await.unwrap().is_done());
    let second = store.replace_ring(ring, Some(1), "b", call(2)).await.unwrap();
    assert_eq!(second, lost(Document { version: 3, body: "b".into() }));
}

pub async fn an_unanswered_client_is_recognised(store: Arc<dyn Store>) {
    let client = full_client("a");
    let create = async |store: &dyn Store| store.create_client(&client, call(2)).await;
    assert_eq!(repeated(&store, "create_client", create).await, Commit::Done);
    assert_eq!(store.clients().await.unwrap(), std::slice::from_ref(&client));
    assert_eq!(store.create_client(&client, call(3)).await.unwrap(), lost(client.clone()));
    // The same request with other secrets, or another time.
    let other_secrets = Client { secrets: vec![], ..client.clone() };
    let other_time = Client { created_at: later(1), ..client.clone() };
    for other in [other_secrets, other_time] {
        assert_eq!(store.create_client(&other, call(2)).await.unwrap(), lost(client.clone()));
    }
}

pub async fn an_unanswered_replacement_of_a_client_is_recognised(store: Arc<dyn Store>) {
    let bare = bare_client("a");
    put_client(&*store, &bare).await;
    let next = Client { revision: 2, created_at: bare.created_at, ..full_client("a") };
    let replace = async |store: &dyn Store| store.replace_client(&next, call(2)).await;
    assert_eq!(repeated(&store, "replace_client", replace).await, Commit::Done);
    assert_eq!(store.clients().await.unwrap(), std::slice::from_ref(&next));
    let other = store.replace_client(&next, call(3)).await.unwrap();
    assert_eq!(other, lost(next.clone()), "somebody else who made the same");
    // The same request with any other content, however small the difference.
    for other in [Client { native: false, ..next.clone() }, Client { revision: 1, ..next.clone() }] {
        assert_eq!(store.replace_client(&other, call(2)).await.unwrap(), lost(next.clone()));
    }
    // A session that was put and replaced in the same request, its secrets unchanged.
    let made = full_client("b");
    assert_eq!(store.create_client(&made, call(2)).await.unwrap(), Commit::Done);
    let renamed = Client { name: "Renamed".into(), revision: made.revision + 1, ..made.clone() };
    assert_eq!(store.replace_client(&renamed, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.create_client(&made, call(2)).await.unwrap(), lost(renamed));
}

pub async fn an_unanswered_disabling_ends_once_more(store: Arc<dyn Store>) {
    let user = bare_user(1);
    put_user(&*store, &user, "alice").await;
    let disable = async |store: &dyn Store| store.set_user_disabled(&user.id, true, call(3)).await;
    assert_eq!(repeated(&store, "set_user_disabled", disable).await, Commit::Done);
    let voided = User { disabled: true, ..voided(&voided(&user, call(3)), call(3)) };
    assert_eq!(store.user(&voided.id).await.unwrap(), Some(voided));
}

pub async fn an_unanswered_voiding_ends_once_more(store: Arc<dyn Store>) {
    let user = bare_user(1);
    put_user(&*store, &user, "alice").await;
    let void = async |store: &dyn Store| store.void_user(&user.id, call(2)).await;
    assert_eq!(repeated(&store, "void_user", void).await, Commit::Done);
    let voided = voided(&voided(&user, call(2)), call(2));
    assert_eq!(store.user(&voided.id).await.unwrap(), Some(voided));
}

pub async fn an_unanswered_deletion_finds_nothing(store: Arc<dyn Store>) {
    let (client, user) = (full_client("a"), full_user(1));
    put_client(&*store, &client).await;
    put_user(&*store, &user, "alice").await;
    let delete = async |store: &dyn Store| store.delete_client(&client, call(2)).await;
    assert_eq!(repeated(&store, "delete_client", delete).await, Commit::Lost(None));
    let delete = async |store: &dyn Store| store.delete_user(&user.id, call(2)).await;
    assert_eq!(repeated(&store, "delete_user", delete).await, Commit::Lost(None));
    assert_eq!(owner(&*store, &name("alice")).await, None);
}

pub async fn an_unanswered_user_is_recognised(store: Arc<dyn Store>) {
    let user = full_user(1);
    let names = [name("alice"), name("alice@example.org")];
    let create = async |store: &dyn Store| store.create_user(&user, &names, call(2)).await;
    assert_eq!(repeated(&store, "create_user", create).await, Commit::Done);
    assert_eq!(store.users().await.unwrap(), std::slice::from_ref(&user));
    for identifier in &names {
        assert_eq!(owner(&*store, identifier).await, Some(user.id));
    }
    assert_eq!(store.create_user(&user, &names, call(3)).await.unwrap(), lost(user.clone()));
    // The same request with another user of the same name, or another address.
    for other in [full_user(2), User { email: None, ..user.clone() }] {
        assert_eq!(store.create_user(&other, &names, call(2)).await.unwrap(), lost(user.clone()));
    }
}

pub async fn an_unanswered_password_ends_once_more(store: Arc<dyn Store>) {
    let user = full_user(1);
    put_user(&*store, &user, "alice").await;
    let new = password("$argon2id$new");
    let stamp = call_at(2, later(10));
    let set = async |store: &dyn Store| store.set_password(&user.id, None, &new, stamp).await;
    assert_eq!(repeated(&store, "set_password", set).await, Commit::Done);
    let changed = User { password: Some(new), ..voided(&voided(&user, stamp), stamp) };
    assert_eq!(store.user(&changed.id).await.unwrap(), Some(changed));
}

pub async fn an_unanswered_password_over_the_one_seen_is_recognised(store: Arc<dyn Store>) {
    let user = full_user(1);
    put_user(&*store, &user, "alice").await;
    let (seen, new, third) = (Some(user.generation), password("$argon2id$new"), password("$argon2id$3"));
    let stamp = call_at(2, later(10));
    let set = async |store: &dyn Store| store.set_password(&user.id, seen, &new, stamp).await;
    assert_eq!(repeated(&store, "set_password", set).await, Commit::Done);
    let changed = User { password: Some(new.clone()), ..voided(&user, stamp) };
    assert_eq!(store.user(&changed.id).await.unwrap().as_ref(), Some(&changed));
    for (password, by) in [(&new, call_at(3, later(10))), (&third, stamp)] {
        let missed = store.set_password(&user.id, seen, password, by).await.unwrap();
        assert_eq!(missed, lost(changed.clone()), "another call, or the same with another password");
    }
    // A user created with this password in the same request: nothing was voided, so this write had no effect yet.
    let made = User { password: Some(new.clone()), ..bare_user(2) };
    assert_eq!(store.create_user(&made, &[], stamp).await.unwrap(), Commit::Done);
    let other = Generation::first(call(9).request);
    let missed = store.set_password(&made.id, Some(other), &new, stamp).await.unwrap();
    assert_eq!(missed, lost(made));
}

pub async fn an_unanswered_profile_is_recognised(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    let full = full_user(1);
    let wanted = User { email: full.email, claims: full.claims, updated_at: later(1), ..bare_user(1) };
    let change = async |store: &dyn Store| store.set_profile(&wanted, call(2).at, call(2)).await;
    assert_eq!(repeated(&store, "set_profile", change).await, Commit::Done);
    assert_eq!(store.user(&wanted.id).await.unwrap().as_ref(), Some(&wanted));
    let other = store.set_profile(&wanted, call(2).at, call(3)).await.unwrap();
    assert_eq!(other, lost(wanted.clone()), "another call that wants the same");
    // The same request with other content.
    let other_email = User { email: None, ..wanted.clone() };
    let other_claims = User { claims: serde_json::Map::new(), ..wanted.clone() };
    let other_time = User { updated_at: later(2), ..wanted.clone() };
    for other in [other_email, other_claims, other_time] {
        let missed = store.set_profile(&other, call(2).at, call(2)).await.unwrap();
        assert_eq!(missed, lost(wanted.clone()));
    }
}

pub async fn an_unanswered_replacement_of_a_user_is_recognised(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    let wanted =
        User { username: "carol".into(), email_verified: true, updated_at: later(1), ..bare_user(1) };
    let names = [name("carol")];
    let change =
        async |store: &dyn Store| store.replace_user(&wanted, &names, &[], call(2).at, call(2)).await;
    assert_eq!(repeated(&store, "replace_user", change).await, Commit::Done);
    assert_eq!(store.user(&wanted.id).await.unwrap().as_ref(), Some(&wanted));
    let other = store.replace_user(&wanted, &names, &[], call(2).at, call(3)).await.unwrap();
    assert_eq!(other, lost(wanted.clone()), "another call that wants the same");
    // The same request with other content.
    let other_name = User { username: "alice".into(), ..wanted.clone() };
    let other_email = User { email: Some("a@example.org".into()), ..wanted.clone() };
    let unverified = User { email_verified: false, ..wanted.clone() };
    let member = User { groups: [GroupName::parse("a").unwrap()].into(), ..wanted.clone() };
    for other in [other_name, other_email, unverified, member] {
        let missed = store.replace_user(&other, &names, &[], call(2).at, call(2)).await.unwrap();
        assert_eq!(missed, lost(wanted.clone()));
    }
}

pub async fn an_unanswered_session_is_recognised(store: Arc<dyn Store>) {
    let session = session(1);
    let start = async |store: &dyn Store| store.start_session(&session, call(2)).await;
    assert_eq!(repeated(&store, "start_session", start).await, Commit::Done);
    assert_eq!(kept_session(&*store, &session).await.as_ref(), Some(&session));
    assert_eq!(store.start_session(&session, call(3)).await.unwrap(), lost(session.clone()));
    // The same request with another secret, or another expiry.
    let other_secret = Session { secret: session_secret(9), ..session.clone() };
    let other_end = Session { expires_at: later(1), ..session.clone() };
    for other in [other_secret, other_end] {
        assert_eq!(store.start_session(&other, call(2)).await.unwrap(), lost(session.clone()));
    }
}

pub async fn an_unanswered_reauthentication_is_recognised(store: Arc<dyn Store>) {
    let before = session(1);
    put_session(&*store, &before).await;
    let (seen, after) = (before.secret, reproven(&before, 7));
    let prove = async |store: &dyn Store| store.reauthenticate(&after, &seen, call(2)).await;
    assert_eq!(repeated(&store, "reauthenticate", prove).await, Commit::Done);
    assert_eq!(kept_session(&*store, &after).await.as_ref(), Some(&after));
    let other = store.reauthenticate(&after, &seen, call(3)).await.unwrap();
    assert_eq!(other, lost(after.clone()));
    let third = Session { secret: session_secret(8), ..after.clone() };
    let same_call = store.reauthenticate(&third, &seen, call(2)).await.unwrap();
    assert_eq!(same_call, lost(after), "the same call, but not its secret");
}

pub async fn an_unanswered_end_of_a_session_is_recognised(store: Arc<dyn Store>) {
    let before = session(1);
    put_session(&*store, &before).await;
    let (user, id, seen) = (before.user, before.id, before.secret);
    let end = async |store: &dyn Store| store.end_session(&user, &id, &seen, call(2)).await;
    assert_eq!(repeated(&store, "end_session", end).await, Commit::Done);
    let after = Session { ended_at: Some(call(2).at), ..before };
    assert_eq!(kept_session(&*store, &after).await.as_ref(), Some(&after));
    assert_eq!(store.end_session(&user, &id, &seen, call(3)).await.unwrap(), lost(after));
}

pub async fn an_unanswered_consent_has_no_second_effect(store: Arc<dyn Store>) {
    let given = agreed(1, "client-a", "openid email", call(2));
    let remember = async |store: &dyn Store| store.remember_consent(&given, call(2)).await;
    repeated(&store, "remember_consent", remember).await;
    assert_eq!(kept_consent(&*store, &given).await, Some(given));
}

pub async fn an_unanswered_forgetting_has_no_second_effect(store: Arc<dyn Store>) {
    let given = agreed(1, "client-a", "openid", call(1));
    put_consent(&*store, &given).await;
    let forget = async |store: &dyn Store| store.forget_consent(&given.user, &given.client, call(2)).await;
    repeated(&store, "forget_consent", forget).await;
    assert_eq!(kept_consent(&*store, &given).await, None);
}

pub async fn an_unanswered_grant_is_recognised(store: Arc<dyn Store>) {
    let grant = grant(1);
    let create = async |store: &dyn Store| store.create_grant(&grant, None, call(2)).await;
    assert_eq!(repeated(&store, "create_grant", create).await, Commit::Done);
    let kept = Grant { last_request: call(2).request, ..grant.clone() };
    assert_eq!(kept_grant(&*store, &grant).await.as_ref(), Some(&kept));
    assert_eq!(store.create_grant(&grant, None, call(3)).await.unwrap(), lost(kept.clone()));
    // The same request with another code, or for another client.
    let other_code = with_code(grant.clone(), |own| own.digest = code(9));
    let other_client = Grant { client: client_id("client-b"), ..grant };
    for other in [other_code, other_client] {
        assert_eq!(store.create_grant(&other, None, call(2)).await.unwrap(), lost(kept.clone()));
    }
}

pub async fn an_unanswered_redemption_is_recognised(store: Arc<dyn Store>) {
    for (number, tip) in [(1, None), (2, Some(first_tip(2)))] {
        let grant = grant(number);
        put_grant(&*store, &grant).await;
        let (key, code) = (grant.key(), code(number));
        let redeem = async |store: &dyn Store| store.redeem_code(key, &code, tip.clone(), call(2)).await;
        assert_eq!(repeated(&store, "redeem_code", redeem).await, Commit::Done);
        let spent = redeemed(grant, call(2).at);
        let kept = Grant { refresh: tip.clone(), last_request: call(2).request, ..spent };
        assert_eq!(kept_grant(&*store, &kept).await.as_ref(), Some(&kept));
        // Another request in the same millisecond is a replay.
        let other = store.redeem_code(key, &code, tip, call(3)).await.unwrap();
        assert_eq!(other, lost(kept));
    }
}

pub async fn an_unanswered_rotation_is_recognised(store: Arc<dyn Store>) {
    let seen = rotated_tip(1);
    let rotated = Refresh { generation: 8, rotated_at: Some(later(9)), ..rotated_tip(5) };
    let prolonged = Refresh { idle_expires_at: later(9), ..seen.clone() };
    for (number, next) in [(1, &rotated), (2, &prolonged)] {
        let before = Grant { refresh: Some(seen.clone()), ..offline_grant(number) };
        put_grant(&*store, &before).await;
        let rotate = async |store: &dyn Store| store.rotate_refresh(before.key(), &seen, next, call(2)).await;
        assert_eq!(repeated(&store, "rotate_refresh", rotate).await, Commit::Done);
        let kept = Grant { refresh: Some(next.clone()), last_request: call(2).request, ..before };
        assert_eq!(kept_grant(&*store, &kept).await, Some(kept));
    }
    let kept = Grant { refresh: Some(rotated.clone()), last_request: call(2).request, ..offline_grant(1) };
    // Two tabs derive the same successor: one rotates, the other finds it.
    let other = store.rotate_refresh(kept.key(), &seen, &rotated, call(3)).await.unwrap();
    assert_eq!(other, lost(kept.clone()));
    let other_tip = Refresh { rotated_at: Some(later(10)), ..rotated };
    let same_call = store.rotate_refresh(kept.key(), &seen, &other_tip, call(2)).await.unwrap();
    assert_eq!(same_call, lost(kept), "the same call, but not its tip");
}

pub async fn an_unanswered_burning_is_recognised(store: Arc<dyn Store>) {
    let grant = grant(1);
    put_grant(&*store, &grant).await;
    let burn = async |store: &dyn Store| store.burn_code(grant.key(), call(2)).await;
    assert_eq!(repeated(&store, "burn_code", burn).await, Commit::Done);
    let revoked = Some(Revocation { at: call(2).at, reason: RevocationReason::CodeBurnt });
    let kept = Grant { revoked, last_request: call(2).request, ..grant.clone() };
    assert_eq!(kept_grant(&*store, &grant).await.as_ref(), Some(&kept));
    assert_eq!(store.burn_code(grant.key(), call(3)).await.unwrap(), lost(kept));
}

pub async fn an_unanswered_revocation_is_recognised(store: Arc<dyn Store>) {
    let (grant, reason) = (grant(1), RevocationReason::Revoked);
    put_grant(&*store, &grant).await;
    let revoke = async |store: &dyn Store| store.revoke_grant(grant.key(), reason, call(2)).await;
    assert_eq!(repeated(&store, "revoke_grant", revoke).await, Commit::Done);
    let revoked = Some(Revocation { at: call(2).at, reason });
    let kept = Grant { revoked, last_request: call(2).request, ..grant.clone() };
    assert_eq!(kept_grant(&*store, &grant).await.as_ref(), Some(&kept));
    assert_eq!(store.revoke_grant(grant.key(), reason, call(3)).await.unwrap(), lost(kept));
}

pub async fn an_unanswered_denial_is_recognised(store: Arc<dyn Store>) {
    let deny = async |store: &dyn Store| store.deny_token(&token(1), later(5), call(2)).await;
    assert_eq!(repeated(&store, "deny_token", deny).await, Commit::Done);
    assert!(store.load_token(&token(1), None).await.unwrap().denied);
    assert_eq!(store.deny_token(&token(1), later(5), call(3)).await.unwrap(), lost(later(5)));
    let same_call = store.deny_token(&token(1), later(6), call(2)).await.unwrap();
    assert_eq!(same_call, lost(later(5)), "the same call, but not its expiry");
}

/// Counting twice does no harm, and a counter is not worth a record of the requests that counted.
pub async fn an_unanswered_attempt_counts_once_or_twice(store: Arc<dyn Store>) {
    let interval = Duration::from_secs(20);
    let note = async |store: &dyn Store| store.note_attempt(attempt(1), each(interval), call(2)).await;
    let debt = repeated(&store, "note_attempt", note).await;
    assert!([later(20_000), later(40_000)].contains(&debt), "{debt:?}");
    assert_eq!(store.debts(&[attempt(1)]).await.unwrap(), [debt]);
}
