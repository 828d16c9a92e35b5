//! Cases of 64 requests at once on one grant: its code and its refresh token are good for one of them.

use super::race::{race, rounds, winner_leaving};
use super::sample::{
    NOW, call, code, first_tip, grant, grant_key, kept_grant, later, lost, offline_grant, put_grant,
    redeemed, rotated_tip, with_code,
};
use crate::{Commit, Stamp, Store, StoreError};
use protocol::grant::{Grant, Refresh, RevocationReason};
use std::sync::Arc;

pub async fn one_of_64_creates_a_grant(store: Arc<dyn Store>) {
    for round in rounds() {
        let answers = race(&store, round, move |store, number| async move {
            let mine = with_code(grant(round), |own| own.digest = code(number));
            store.create_grant(&mine, None, call(number)).await
        });
        let answers = answers.await;
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert_eq!((kept.code().unwrap().digest, kept.last_request), (code(won), call(won).request));
    }
}

/// Rounds of a race for one write of a grant; the losers find the grant as the winner left it.
async fn race_on_grant<F>(
    store: &Arc<dyn Store>,
    step: impl Fn(Arc<dyn Store>, u32, Stamp) -> F + Copy,
    is_done: impl Fn(&Grant) -> bool,
) where
    F: Future<Output = Result<Commit<Grant>, StoreError>> + Send + 'static,
{
    for round in rounds() {
        put_grant(&**store, &grant(round)).await;
        let answers = race(store, round, move |store, number| step(store, round, call(number))).await;
        let kept = kept_grant(&**store, &grant(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        assert!(is_done(&kept), "{kept:?}");
        assert_eq!(kept.last_request, call(won).request);
    }
}

pub async fn n052_one_of_64_redeems_a_code(store: Arc<dyn Store>) {
    for round in rounds() {
        put_grant(&*store, &grant(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            store.redeem_code(grant_key(round), &code(round), Some(first_tip(number)), call(number)).await
        });
        let answers = answers.await;
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        let (refresh, last_request) = (Some(first_tip(won)), call(won).request);
        assert_eq!(kept, Grant { refresh, last_request, ..redeemed(grant(round), NOW) });
    }
}

pub async fn one_of_64_burns_a_code(store: Arc<dyn Store>) {
    let burn =
        |store: Arc<dyn Store>, number, stamp| async move { store.burn_code(grant_key(number), stamp).await };
    race_on_grant(&store, burn, |kept| kept.unredeemed_code().is_some() && kept.revoked.is_some()).await;
}

pub async fn one_of_64_revokes_a_grant(store: Arc<dyn Store>) {
    let revoke = |store: Arc<dyn Store>, number, stamp| async move {
        store.revoke_grant(grant_key(number), RevocationReason::Revoked, stamp).await
    };
    race_on_grant(&store, revoke, |kept| kept.revoked.is_some()).await;
}

pub async fn a_code_is_redeemed_or_burnt_never_both(store: Arc<dyn Store>) {
    let either = |store: Arc<dyn Store>, number, stamp: Stamp| async move {
        if stamp.request.as_bytes()[7].is_multiple_of(2) {
            store.burn_code(grant_key(number), stamp).await
        } else {
            store.redeem_code(grant_key(number), &code(number), None, stamp).await
        }
    };
    race_on_grant(&store, either, |kept| kept.redeemed_at().is_some() != kept.revoked.is_some()).await;
}

/// The worst of a transport that retries on its own.
pub async fn sixty_four_deliveries_of_one_call_are_one_write(store: Arc<dyn Store>) {
    for round in rounds() {
        put_grant(&*store, &grant(round)).await;
        let answers = race(&store, round, move |store, _| async move {
            store.redeem_code(grant_key(round), &code(round), Some(first_tip(round)), call(round)).await
        });
        assert!(answers.await.iter().all(|(_, commit)| commit.is_done()));
        let other =
            store.redeem_code(grant_key(round), &code(round), Some(first_tip(round)), call(1)).await.unwrap();
        let (refresh, last_request) = (Some(first_tip(round)), call(round).request);
        assert_eq!(other, lost(Grant { refresh, last_request, ..redeemed(grant(round), NOW) }));
    }
}

/// The successor of the refresh token of [`offline_grant`], by a request.
fn successor(number: u32) -> Refresh {
    Refresh { generation: 8, rotated_at: Some(NOW), ..rotated_tip(number + 500) }
}

pub async fn n072_one_of_64_rotates_a_refresh_token(store: Arc<dyn Store>) {
    for round in rounds() {
        put_grant(&*store, &offline_grant(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            let seen = rotated_tip(round);
            store.rotate_refresh(grant_key(round), &seen, &successor(number), call(number)).await
        });
        let answers = answers.await;
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let won = winner_leaving(&answers, &kept);
        let (refresh, last_request) = (Some(successor(won)), call(won).request);
        assert_eq!(kept, Grant { refresh, last_request, ..offline_grant(round) });
    }
}

/// The successor is derived from the token, so simultaneous requests bring the same one; still only one of them puts it.
pub async fn n072_one_of_64_rotates_to_the_same_successor(store: Arc<dyn Store>) {
    let rotate = |store: Arc<dyn Store>, number, stamp| async move {
        let (seen, next) = (rotated_tip(number), successor(number));
        store.rotate_refresh(grant_key(number), &seen, &next, stamp).await
    };
    for round in rounds() {
        put_grant(&*store, &offline_grant(round)).await;
        let answers = race(&store, round, move |store, number| rotate(store, round, call(number))).await;
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let (refresh, last_request) = (Some(successor(round)), call(winner_leaving(&answers, &kept)).request);
        assert_eq!(kept, Grant { refresh, last_request, ..offline_grant(round) });
    }
}

pub async fn a_refresh_token_is_prolonged_by_all_but_rotated_once(store: Arc<dyn Store>) {
    for round in rounds() {
        put_grant(&*store, &offline_grant(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            let seen = rotated_tip(round);
            let prolonged = Refresh { idle_expires_at: later(u64::from(number)), ..seen.clone() };
            let next = if number % 2 == 0 { successor(number) } else { prolonged };
            store.rotate_refresh(grant_key(round), &seen, &next, call(number)).await
        });
        let (rotations, prolongings): (Vec<_>, Vec<_>) =
            answers.await.into_iter().partition(|(number, _)| number % 2 == 0);
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let won = winner_leaving(&rotations, &kept);
        // A prolongation before the rotation is done, one after it finds the successor; none undoes the rotation.
        let (refresh, last_request) = (Some(successor(won)), call(won).request);
        assert_eq!(kept, Grant { refresh, last_request, ..offline_grant(round) });
        for (number, commit) in prolongings {
            assert!(commit.is_done() || commit == lost(kept.clone()), "call {number}");
        }
    }
}

pub async fn what_was_revoked_does_not_rotate(store: Arc<dyn Store>) {
    for round in rounds() {
        put_grant(&*store, &offline_grant(round)).await;
        let answers = race(&store, round, move |store, number| async move {
            if number % 2 == 0 {
                return store.revoke_grant(grant_key(round), RevocationReason::Revoked, call(number)).await;
            }
            let seen = rotated_tip(round);
            store.rotate_refresh(grant_key(round), &seen, &successor(number), call(number)).await
        });
        let (revocations, rotations): (Vec<_>, Vec<_>) =
            answers.await.into_iter().partition(|(number, _)| number % 2 == 0);
        let kept = kept_grant(&*store, &grant(round)).await.unwrap();
        let revoked_by = winner_leaving(&revocations, &kept);
        // One rotation may have come before the revocation; none came after it.
        let rotated_by: Vec<_> =
            rotations.iter().filter(|(_, commit)| commit.is_done()).map(|&(call, _)| call).collect();
        let tip = match rotated_by[..] {
            [] => rotated_tip(round),
            [one] => successor(one),
            _ => unreachable!("{rotated_by:?} rotated one tip"),
        };
        let (refresh, last_request) = (Some(tip.clone()), call(revoked_by).request);
        assert_eq!(kept, Grant { refresh, revoked: kept.revoked, last_request, ..offline_grant(round) });
        assert!(kept.revoked.is_some());
        let late = store.rotate_refresh(kept.key(), &tip, &successor(1), call(1)).await.unwrap();
        assert_eq!(late, lost(kept));
    }
}
