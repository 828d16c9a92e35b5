//! Cases of sessions.

use super::sample::{
    agreed, attempt, call, call_at, client_id, each, earlier, full_user, grant, grant_at, kept_grant,
    kept_session, later, lost, offline_grant, put_consent, put_grant, put_session, put_user, redeemed,
    reproven, session, session_id, session_secret, user_id,
};
use crate::{Commit, SignInView, Store};
use protocol::grant::{Grant, Revocation, RevocationReason};
use protocol::id::{ClientId, SessionId, UserId};
use protocol::session::Session;
use protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A session that was ended.
fn ended(number: u32) -> Session {
    Session { ended_at: Some(earlier(1)), ..session(number) }
}

pub async fn a_session_comes_back_whole(store: Arc<dyn Store>) {
    // One of an older program, too.
    for kept in [session(1), ended(2), Session { authority: None, ..session(3) }] {
        put_session(&*store, &kept).await;
        assert_eq!(kept_session(&*store, &kept).await, Some(kept));
    }
}

pub async fn sign_in_loads_user_session_consent_and_debts_together(store: Arc<dyn Store>) {
    let (user, session, client) = (full_user(1), session(1), client_id("client-a"));
    let counters = [attempt(2), attempt(1)];
    let load = async |user: UserId, session: Option<SessionId>, client: &ClientId| {
        store.load_sign_in(&user, session, client, &counters).await.unwrap()
    };
    let mut nothing = SignInView { debts: vec![Timestamp::EPOCH; 2], ..SignInView::default() };
    assert_eq!(load(user.id, Some(session.id), &client).await, nothing);
    put_user(&*store, &user, "alice").await;
    put_session(&*store, &session).await;
    let consent = agreed(1, "client-a", "openid", call(1));
    put_consent(&*store, &consent).await;
    store.note_attempt(attempt(1), each(Duration::from_millis(5)), call(1)).await.unwrap();
    let debts = vec![Timestamp::EPOCH, later(5)];
    nothing.debts.clone_from(&debts);
    let all = SignInView { user: Some(user), session: Some(session.clone()), consent: Some(consent), debts };
    assert_eq!(load(user_id(1), Some(session.id), &client).await, all);
    let without_session = SignInView { session: None, ..all.clone() };
    assert_eq!(load(user_id(1), None, &client).await, without_session);
    assert_eq!(load(user_id(1), Some(session_id(2)), &client).await, without_session);
    let uncounted = store.load_sign_in(&user_id(1), Some(session.id), &client, &[]).await.unwrap();
    assert_eq!(uncounted, SignInView { debts: vec![], ..all.clone() });
    let other_client = client_id("client-b");
    assert_eq!(load(user_id(1), Some(session.id), &other_client).await, SignInView { consent: None, ..all });
    // A session's id with another user finds nothing.
    assert_eq!(load(user_id(2), Some(session.id), &client).await, nothing);
}

pub async fn a_taken_session_id_is_lost(store: Arc<dyn Store>) {
    let first = session(1);
    put_session(&*store, &first).await;
    let second = Session { secret: session_secret(2), ..first.clone() };
    assert_eq!(store.start_session(&second, call(2)).await.unwrap(), lost(first.clone()));
    assert_eq!(kept_session(&*store, &first).await, Some(first));
}

pub async fn reauthentication_replaces_secret_authentication_and_authority_only(store: Arc<dyn Store>) {
    let before = session(1);
    put_session(&*store, &before).await;
    put_session(&*store, &session(2)).await;
    // By another authority, by none as in an older program, and by one again.
    let (second, third, fourth) = (reproven(&before, 7), reproven(&before, 8), reproven(&before, 9));
    let third = Session { authority: None, ..third };
    for (seen, after) in [(&before, &second), (&second, &third), (&third, &fourth)] {
        // Different in more fields, but only these three are replaced.
        let wanted =
            Session { created_at: later(1), expires_at: later(2), ended_at: Some(later(3)), ..after.clone() };
        assert_eq!(store.reauthenticate(&wanted, &seen.secret, call(2)).await.unwrap(), Commit::Done);
        assert_eq!(kept_session(&*store, after).await.as_ref(), Some(after));
    }
    assert_eq!(kept_session(&*store, &session(2)).await, Some(session(2)));
}

pub async fn reauthentication_is_lost_unless_its_condition_holds(store: Arc<dyn Store>) {
    let (live, over) = (session(1), ended(2));
    put_session(&*store, &live).await;
    put_session(&*store, &over).await;
    for (user, id, seen, found) in [
        (live.user, live.id, session_secret(9), lost(live.clone())),
        (live.user, over.id, over.secret, lost(over.clone())),
        (live.user, session_id(3), live.secret, Commit::Lost(None)),
        (user_id(2), live.id, live.secret, Commit::Lost(None)),
    ] {
        let wanted = reproven(&Session { user, id, ..live.clone() }, 7);
        assert_eq!(store.reauthenticate(&wanted, &seen, call(2)).await.unwrap(), found);
    }
    for same in [live, over] {
        assert_eq!(kept_session(&*store, &same).await, Some(same));
    }
}

/// The grants that need the session are not written: whoever uses one finds that its session has ended.
pub async fn n239_ending_a_session_writes_the_session_alone(store: Arc<dyn Store>) {
    let session = session(1);
    put_session(&*store, &session).await;
    let revoked = Some(Revocation { at: earlier(9), reason: RevocationReason::CodeReplayed });
    let grants = [
        grant(1),
        redeemed(grant(2), earlier(5)),
        offline_grant(3),
        Grant { session: session_id(2), ..grant(4) },
        Grant { user: user_id(2), ..grant(5) },
        Grant { revoked, ..grant(6) },
    ];
    for each in &grants {
        put_grant(&*store, each).await;
    }
    let end = call_at(2, later(3));
    let commit = store.end_session(&session.user, &session.id, &session.secret, end).await.unwrap();
    assert_eq!(commit, Commit::Done);
    let over = Session { ended_at: Some(end.at), ..session };
    assert_eq!(kept_session(&*store, &over).await.as_ref(), Some(&over));
    for each in grants {
        assert_eq!(kept_grant(&*store, &each).await, Some(each));
    }
    for (number, shown) in [(1, Some(&over)), (2, Some(&over)), (3, None), (6, Some(&over))] {
        let view = store.load_grant(grant_at(number)).await.unwrap();
        assert_eq!(view.session.as_ref(), shown, "{number}");
    }
}

pub async fn ending_is_lost_unless_its_condition_holds(store: Arc<dyn Store>) {
    let (live, over) = (session(1), ended(2));
    put_session(&*store, &live).await;
    put_session(&*store, &over).await;
    for (user, id, seen, found) in [
        (live.user, live.id, session_secret(9), lost(live.clone())),
        (live.user, over.id, over.secret, lost(over.clone())),
        (live.user, session_id(3), live.secret, Commit::Lost(None)),
        (user_id(2), live.id, live.secret, Commit::Lost(None)),
    ] {
        assert_eq!(store.end_session(&user, &id, &seen, call(2)).await.unwrap(), found);
    }
    for same in [live, over] {
        assert_eq!(kept_session(&*store, &same).await, Some(same));
    }
}

pub async fn session_writes_of_one_call_are_not_confused(store: Arc<dyn Store>) {
    let (begun, stamp) = (session(1), call(2));
    let (user, id, proven) = (begun.user, begun.id, reproven(&begun, 7));
    let start = async || store.start_session(&begun, stamp).await.unwrap();
    let prove = async || store.reauthenticate(&proven, &begun.secret, stamp).await.unwrap();
    let end = async |seen| store.end_session(&user, &id, &seen, stamp).await.unwrap();

    assert_eq!(start().await, Commit::Done);
    assert_eq!(end(session_secret(7)).await, lost(begun.clone()), "not ended by having been started");
    assert_eq!(prove().await, Commit::Done);
    assert_eq!(start().await, lost(proven.clone()));
    assert_eq!(end(session_secret(7)).await, Commit::Done);
    let over = Session { ended_at: Some(stamp.at), ..proven.clone() };
    assert_eq!(prove().await, lost(over.clone()));
    assert_eq!(kept_session(&*store, &begun).await, Some(over));
    // A session that was started and ended, its secret unchanged.
    let brief = session(2);
    assert_eq!(store.start_session(&brief, stamp).await.unwrap(), Commit::Done);
    assert_eq!(store.end_session(&user, &brief.id, &brief.secret, stamp).await.unwrap(), Commit::Done);
    let over = Session { ended_at: Some(stamp.at), ..brief.clone() };
    assert_eq!(store.start_session(&brief, stamp).await.unwrap(), lost(over));
}
