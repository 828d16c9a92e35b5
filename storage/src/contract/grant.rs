//! Cases of grants: the life of a code, and the end of a grant.

use super::sample::{
    self, END_OF_TIME, NOW, agreed, authority, call, call_at, code, earlier, first_tip, full_grant,
    full_user, grant, grant_at, grant_key, kept_grant, later, lost, put_consent, put_grant, put_user,
    rotated_tip, scope, unredeemed, user_id, with_code,
};
use crate::{Commit, GrantLocator, GrantView, Stamp, Store};
use protocol::consent::Consent;
use protocol::grant::{Grant, GrantKey, Revocation, RevocationReason};
use protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const REASONS: [RevocationReason; 5] = [
    RevocationReason::CodeBurnt,
    RevocationReason::CodeReplayed,
    RevocationReason::RefreshReused,
    RevocationReason::SessionEnded,
    RevocationReason::Revoked,
];

/// The grant, redeemed by a request.
fn redeemed(grant: Grant, stamp: Stamp) -> Grant {
    Grant { last_request: stamp.request, ..sample::redeemed(grant, stamp.at) }
}

/// The grant, revoked by a request.
fn revoked(grant: Grant, reason: RevocationReason, stamp: Stamp) -> Grant {
    Grant { revoked: Some(Revocation { at: stamp.at, reason }), last_request: stamp.request, ..grant }
}

pub async fn a_grant_comes_back_whole(store: Arc<dyn Store>) {
    put_user(&*store, &full_user(1), "alice").await;
    let ended = |(number, reason)| revoked(full_grant(number), reason, call(1));
    let decided = Grant { authority: Some(authority(9)), ..grant(9) };
    for kept in [grant(1), full_grant(2), decided].into_iter().chain((3..).zip(REASONS).map(ended)) {
        put_grant(&*store, &kept).await;
        let view = store.load_grant(GrantLocator { key: kept.key(), session: None }).await.unwrap();
        assert_eq!(view, GrantView { grant: Some(kept), user: Some(full_user(1)), session: None });
    }
    let none = store.load_grant(grant_at(99)).await.unwrap();
    assert_eq!(none, GrantView { user: Some(full_user(1)), ..GrantView::default() });
}

pub async fn a_grant_is_of_one_user(store: Arc<dyn Store>) {
    // The id is derived from the request, too, so two users may share one.
    let theirs = Grant { user: user_id(2), ..full_grant(1) };
    put_grant(&*store, &grant(1)).await;
    put_grant(&*store, &theirs).await;
    let commit = store.revoke_grant(theirs.key(), RevocationReason::Revoked, call(2)).await.unwrap();
    assert_eq!(commit, lost(theirs.clone()), "revoked from the start");
    assert!(store.redeem_code(grant_key(1), &code(1), None, call(3)).await.unwrap().is_done());
    assert_eq!(kept_grant(&*store, &theirs).await, Some(theirs));
    let stranger = GrantLocator { key: GrantKey { user: user_id(3), ..grant_key(1) }, session: None };
    assert_eq!(store.load_grant(stranger).await.unwrap(), GrantView::default());
}

pub async fn a_taken_grant_id_is_lost(store: Arc<dyn Store>) {
    let first = full_grant(1);
    put_grant(&*store, &first).await;
    assert_eq!(store.create_grant(&grant(1), None, call(2)).await.unwrap(), lost(first.clone()));
    assert_eq!(kept_grant(&*store, &first).await, Some(first));
}

pub async fn redemption_sets_its_time_only(store: Arc<dyn Store>) {
    let before = Grant { refresh: None, revoked: None, ..unredeemed(full_grant(1)) };
    put_grant(&*store, &before).await;
    let stamp = call_at(2, later(59_999));
    let done = store.redeem_code(before.key(), &code(1), None, stamp).await.unwrap();
    assert_eq!(done, Commit::Done);
    let after = redeemed(before, stamp);
    assert_eq!(kept_grant(&*store, &after).await, Some(after));
}

pub async fn n059_a_code_works_until_the_millisecond_before_its_expiry(store: Arc<dyn Store>) {
    let (grant, end) = (grant(1), later(60_000));
    put_grant(&*store, &grant).await;
    let redeem = async |at| store.redeem_code(grant.key(), &code(1), None, call_at(2, at)).await.unwrap();
    for at in [end, later(60_001), later(10_000_000), END_OF_TIME] {
        assert_eq!(redeem(at).await, lost(grant.clone()), "expired, whether deleted or not");
    }
    assert_eq!(redeem(end.minus(Duration::from_millis(1))).await, Commit::Done);
}

pub async fn n059_codes_at_the_edges_of_time(store: Arc<dyn Store>) {
    let ms = Duration::from_millis(1);
    for (number, end, at, good) in [
        (1, Timestamp::EPOCH, Timestamp::EPOCH, false),
        (2, Timestamp::EPOCH.plus(ms), Timestamp::EPOCH, true),
        // A clock that jumped back by centuries invalidates no code.
        (3, NOW, Timestamp::EPOCH, true),
        (4, END_OF_TIME, END_OF_TIME.minus(ms), true),
        (5, END_OF_TIME, END_OF_TIME, false),
        (6, NOW, END_OF_TIME, false),
    ] {
        let grant = with_code(grant(number), |code| code.expires_at = end);
        put_grant(&*store, &grant).await;
        let stamp = call_at(9, at);
        let commit = store.redeem_code(grant.key(), &code(number), None, stamp).await.unwrap();
        assert_eq!(commit.is_done(), good, "{number}");
        let kept = if good { redeemed(grant, stamp) } else { grant };
        assert_eq!(kept_grant(&*store, &kept).await, Some(kept), "{number}");
    }
}

pub async fn redemption_is_lost_unless_its_condition_holds(store: Arc<dyn Store>) {
    let spent = sample::redeemed(grant(2), earlier(1));
    let ended = Grant { revoked: full_grant(3).revoked, ..grant(3) };
    let all = [grant(1), spent, ended];
    for each in &all {
        put_grant(&*store, each).await;
    }
    let [live, spent, ended] = &all;
    let not_theirs = GrantKey { user: user_id(2), ..live.key() };
    for (key, code, found) in [
        (live.key(), code(9), lost(live.clone())),
        (spent.key(), code(2), lost(spent.clone())),
        (ended.key(), code(3), lost(ended.clone())),
        (grant_key(4), code(1), Commit::Lost(None)),
        (not_theirs, code(1), Commit::Lost(None)),
    ] {
        let missed = store.redeem_code(key, &code, Some(first_tip(1)), call(2)).await.unwrap();
        assert_eq!(missed, found);
    }
    for same in all {
        assert_eq!(kept_grant(&*store, &same).await, Some(same));
    }
}

pub async fn a_code_is_burnt_only_before_its_redemption(store: Arc<dyn Store>) {
    let spent = sample::redeemed(grant(2), earlier(1));
    let ended = Grant { revoked: full_grant(3).revoked, ..grant(3) };
    for each in [&grant(1), &spent, &ended] {
        put_grant(&*store, each).await;
    }
    let burn = async |key, number| store.burn_code(key, call(number)).await.unwrap();
    for (key, found) in [
        (spent.key(), lost(spent.clone())),
        (ended.key(), lost(ended.clone())),
        (grant_key(4), Commit::Lost(None)),
        (GrantKey { user: user_id(2), ..grant_key(1) }, Commit::Lost(None)),
    ] {
        assert_eq!(burn(key, 2).await, found);
    }
    for same in [grant(1), spent, ended] {
        assert_eq!(kept_grant(&*store, &same).await, Some(same));
    }
    assert_eq!(burn(grant_key(1), 3).await, Commit::Done);
    let burnt = revoked(grant(1), RevocationReason::CodeBurnt, call(3));
    assert_eq!(kept_grant(&*store, &burnt).await.as_ref(), Some(&burnt));
    let late = store.redeem_code(burnt.key(), &code(1), None, call(4)).await.unwrap();
    assert_eq!(late, lost(burnt.clone()));
    assert_eq!(burn(grant_key(1), 5).await, lost(burnt));
}

pub async fn a_grant_is_revoked_once_and_the_first_reason_stays(store: Arc<dyn Store>) {
    for (number, reason) in (1..).zip(REASONS) {
        // A grant can be revoked before its redemption and after it.
        let before =
            with_code(grant(number), |code| code.redeemed_at = (number % 2 == 0).then_some(earlier(1)));
        put_grant(&*store, &before).await;
        let revoke = async |reason, stamp| store.revoke_grant(before.key(), reason, stamp).await.unwrap();
        let first = call_at(2, later(1));
        assert_eq!(revoke(reason, first).await, Commit::Done);
        let after = revoked(before.clone(), reason, first);
        for again in REASONS {
            assert_eq!(revoke(again, call_at(3, later(2))).await, lost(after.clone()));
        }
        assert_eq!(kept_grant(&*store, &after).await, Some(after));
    }
    for key in [grant_key(99), GrantKey { user: user_id(2), ..grant_key(1) }] {
        let missed = store.revoke_grant(key, RevocationReason::Revoked, call(4)).await.unwrap();
        assert_eq!(missed, Commit::Lost(None));
    }
}

pub async fn grant_writes_of_one_call_are_not_confused(store: Arc<dyn Store>) {
    // One request has one id, but each step recognises its own effect, not just any write of the request.
    let (grant, stamp) = (grant(1), call(2));
    let (first, next, other_next) = (first_tip(1), rotated_tip(2), rotated_tip(3));
    let create = async || store.create_grant(&grant, None, stamp).await.unwrap();
    let redeem = async |code, tip| store.redeem_code(grant.key(), &code, tip, stamp).await.unwrap();
    let rotate = async |seen, next| store.rotate_refresh(grant.key(), seen, next, stamp).await.unwrap();
    let burn = async || store.burn_code(grant.key(), stamp).await.unwrap();
    let revoke = async |reason| store.revoke_grant(grant.key(), reason, stamp).await.unwrap();

    assert_eq!(create().await, Commit::Done);
    let created = Grant { last_request: stamp.request, ..grant.clone() };
    assert_eq!(redeem(code(9), None).await, lost(created.clone()), "not its code");
    assert_eq!(rotate(&first, &next).await, lost(created.clone()), "nothing to rotate yet");
    let late = Stamp { at: later(60_000), ..stamp };
    let expired = store.redeem_code(grant.key(), &code(1), None, late).await.unwrap();
    assert_eq!(expired, lost(created.clone()));
    assert_eq!(redeem(code(1), Some(first.clone())).await, Commit::Done);
    let spent = Grant { refresh: Some(first.clone()), ..redeemed(created, stamp) };
    assert_eq!(redeem(code(9), Some(first.clone())).await, lost(spent.clone()));
    for other in [None, Some(next.clone())] {
        assert_eq!(redeem(code(1), other).await, lost(spent.clone()), "not its refresh token");
    }
    assert_eq!(create().await, lost(spent.clone()));
    assert_eq!(burn().await, lost(spent.clone()));
    assert_eq!(rotate(&first, &next).await, Commit::Done);
    let turned = Grant { refresh: Some(next.clone()), ..spent };
    assert_eq!(redeem(code(1), Some(first.clone())).await, lost(turned.clone()));
    assert_eq!(rotate(&first, &other_next).await, lost(turned.clone()), "not its successor");
    assert_eq!(revoke(RevocationReason::CodeReplayed).await, Commit::Done);
    let ended = revoked(turned, RevocationReason::CodeReplayed, stamp);
    assert_eq!(redeem(code(1), Some(next.clone())).await, lost(ended.clone()));
    assert_eq!(rotate(&first, &next).await, lost(ended.clone()));
    assert_eq!(burn().await, lost(ended.clone()));
    assert_eq!(revoke(RevocationReason::Revoked).await, lost(ended.clone()));
    assert_eq!(kept_grant(&*store, &grant).await, Some(ended));
    // A grant that was put and burnt, its code never redeemed.
    let brief = Grant { last_request: stamp.request, ..sample::grant(2) };
    assert_eq!(store.create_grant(&brief, None, stamp).await.unwrap(), Commit::Done);
    assert_eq!(store.burn_code(brief.key(), stamp).await.unwrap(), Commit::Done);
    let burnt = revoked(brief.clone(), RevocationReason::CodeBurnt, stamp);
    assert_eq!(store.create_grant(&brief, None, stamp).await.unwrap(), lost(burnt));
}

/// Whoever forgets the consent and then lists the grants finds them all.
pub async fn a_grant_is_made_only_while_the_consent_it_needs_is_remembered(store: Arc<dyn Store>) {
    let grant = grant(1);
    let consent = |given: &str| Consent {
        user: grant.user,
        client: grant.client.clone(),
        ..agreed(1, "a", given, call(1))
    };
    let create = async || store.create_grant(&grant, Some(scope("openid email")), call(2)).await.unwrap();
    assert_eq!(create().await, Commit::Lost(None));
    put_consent(&*store, &consent("openid")).await;
    assert_eq!(create().await, Commit::Lost(None), "it covers less");
    assert_eq!(kept_grant(&*store, &grant).await, None);
    put_consent(&*store, &consent("email")).await;
    assert_eq!(create().await, Commit::Done);
    store.forget_consent(&grant.user, &grant.client, call(3)).await.unwrap();
    assert_eq!(create().await, Commit::Lost(None));
}
