//! Cases of refresh tokens: the newest one of a grant, from the first on.

use super::sample::{
    END_OF_TIME, NOW, call, call_at, code, earlier, first_tip, full_grant, grant, grant_key, kept_grant,
    later, lost, offline_grant, put_grant, redeemed, rotated_tip, user_id,
};
use crate::{Commit, Stamp, Store};
use protocol::grant::{Grant, GrantKey, Refresh};
use protocol::time::Timestamp;
use std::sync::Arc;

/// Refresh tokens with extreme values in every field, which a backend could confuse.
fn tips() -> [Refresh; 4] {
    let (epoch, end) = (Timestamp::EPOCH, END_OF_TIME);
    [
        first_tip(1),
        rotated_tip(2),
        Refresh { rotated_at: Some(epoch), idle_expires_at: epoch, expires_at: epoch, ..first_tip(3) },
        Refresh {
            generation: u32::MAX,
            rotated_at: Some(end),
            master: u16::MAX,
            idle_expires_at: end,
            expires_at: end,
            ..first_tip(4)
        },
    ]
}

/// The grant, its refresh token replaced by a request.
fn turned(grant: Grant, tip: Refresh, stamp: Stamp) -> Grant {
    Grant { refresh: Some(tip), last_request: stamp.request, ..grant }
}

pub async fn a_tip_comes_back_whole(store: Arc<dyn Store>) {
    for (number, tip) in (1..).zip(tips()) {
        let kept = Grant { refresh: Some(tip), ..offline_grant(number) };
        put_grant(&*store, &kept).await;
        assert_eq!(kept_grant(&*store, &kept).await, Some(kept));
    }
}

pub async fn redemption_puts_the_first_tip(store: Arc<dyn Store>) {
    for (number, tip) in (1..).zip(tips()) {
        put_grant(&*store, &grant(number)).await;
        let code = code(number);
        let done = store.redeem_code(grant_key(number), &code, Some(tip.clone()), call(2)).await.unwrap();
        assert_eq!(done, Commit::Done);
        let after = turned(redeemed(grant(number), NOW), tip, call(2));
        assert_eq!(kept_grant(&*store, &after).await, Some(after));
    }
}

pub async fn a_tip_is_replaced_and_nothing_else(store: Arc<dyn Store>) {
    let mut kept = Grant { revoked: None, ..full_grant(1) };
    let other = offline_grant(2);
    put_grant(&*store, &kept).await;
    put_grant(&*store, &other).await;
    for (number, next) in (2..).zip(tips()) {
        let seen = kept.refresh.clone().unwrap();
        // The request's time doesn't matter: the caller decides about expiry.
        let stamp = call_at(number, if number % 2 == 0 { END_OF_TIME } else { Timestamp::EPOCH });
        assert_eq!(store.rotate_refresh(kept.key(), &seen, &next, stamp).await.unwrap(), Commit::Done);
        kept = turned(kept, next, stamp);
        assert_eq!(kept_grant(&*store, &kept).await.as_ref(), Some(&kept));
    }
    assert_eq!(kept_grant(&*store, &other).await, Some(other));
}

pub async fn rotation_is_lost_unless_its_condition_holds(store: Arc<dyn Store>) {
    let there = offline_grant(1);
    let ended = Grant { revoked: full_grant(2).revoked, ..offline_grant(2) };
    let spent_without = Grant { refresh: None, ..offline_grant(3) };
    let unspent = grant(4);
    for each in [&there, &ended, &spent_without, &unspent] {
        put_grant(&*store, each).await;
    }
    let tip = rotated_tip(1);
    let generation = |generation| Refresh { generation, ..tip.clone() };
    let not_theirs = GrantKey { user: user_id(2), ..there.key() };
    for (key, seen, found) in [
        (there.key(), Refresh { digest: first_tip(9).digest, ..tip.clone() }, lost(there.clone())),
        (there.key(), generation(tip.generation - 1), lost(there.clone())),
        (there.key(), generation(tip.generation + 1), lost(there.clone())),
        (there.key(), generation(0), lost(there.clone())),
        (ended.key(), rotated_tip(2), lost(ended.clone())),
        (spent_without.key(), rotated_tip(3), lost(spent_without.clone())),
        (unspent.key(), first_tip(4), lost(unspent.clone())),
        (grant_key(5), tip.clone(), Commit::Lost(None)),
        (not_theirs, tip.clone(), Commit::Lost(None)),
    ] {
        let missed = store.rotate_refresh(key, &seen, &first_tip(8), call(2)).await.unwrap();
        assert_eq!(missed, found, "{seen:?}");
    }
    for same in [there, ended, spent_without, unspent] {
        assert_eq!(kept_grant(&*store, &same).await, Some(same));
    }
}

pub async fn a_tip_that_was_rotated_away_does_not_rotate_again(store: Arc<dyn Store>) {
    let before = offline_grant(1);
    put_grant(&*store, &before).await;
    let [first, second, third] = [7, 8, 9].map(|n| Refresh { generation: n, ..rotated_tip(n) });
    let first = Refresh { digest: rotated_tip(1).digest, ..first };
    for (number, seen, next) in [(2, &first, &second), (3, &second, &third)] {
        let done = store.rotate_refresh(before.key(), seen, next, call(number)).await.unwrap();
        assert_eq!(done, Commit::Done);
    }
    let kept = turned(before, third.clone(), call(3));
    for seen in [&first, &second] {
        let missed = store.rotate_refresh(kept.key(), seen, &first_tip(5), call(4)).await.unwrap();
        assert_eq!(missed, lost(kept.clone()), "{seen:?}");
    }
    // Half of an older token combined with half of the current one.
    for seen in [
        Refresh { digest: second.digest, ..third.clone() },
        Refresh { generation: second.generation, ..third },
    ] {
        let missed = store.rotate_refresh(kept.key(), &seen, &first_tip(5), call(4)).await.unwrap();
        assert_eq!(missed, lost(kept.clone()));
    }
    assert_eq!(kept_grant(&*store, &kept).await, Some(kept));
}

pub async fn digest_and_generation_name_the_tip(store: Arc<dyn Store>) {
    let mut kept = offline_grant(1);
    put_grant(&*store, &kept).await;
    // Prolonging leaves both as they are, so a request that saw the token before may rotate it afterwards.
    let seen = rotated_tip(1);
    let prolonged = |millis| Refresh { idle_expires_at: later(millis), ..seen.clone() };
    let rotated = Refresh { generation: 8, rotated_at: Some(later(9)), ..rotated_tip(5) };
    for (number, next) in (2..).zip([prolonged(1), prolonged(2), rotated]) {
        let done = store.rotate_refresh(kept.key(), &seen, &next, call(number)).await.unwrap();
        assert_eq!(done, Commit::Done);
        kept = turned(kept, next, call(number));
        assert_eq!(kept_grant(&*store, &kept).await.as_ref(), Some(&kept));
    }
    let late = store.rotate_refresh(kept.key(), &seen, &prolonged(3), call(5)).await.unwrap();
    assert_eq!(late, lost(kept.clone()), "what was rotated away is not prolonged");
    // The other fields of the token that the caller saw don't matter.
    let vague = Refresh {
        rotated_at: None,
        master: 9,
        idle_expires_at: earlier(1),
        expires_at: earlier(1),
        ..kept.refresh.clone().unwrap()
    };
    assert_eq!(store.rotate_refresh(kept.key(), &vague, &first_tip(6), call(6)).await.unwrap(), Commit::Done);
}
