//! Cases of housekeeping. A backend need not delete anything; the records it counts are gone, and those that have not
//! expired exist.

use super::sample::{
    NOW, agreed, attempt, call, call_at, client_id, code, each, earlier, full_user, grant, kept_grant,
    kept_session, later, put_consent, put_grant, put_session, put_user, session, token,
};
use crate::{Commit, SWEEP_LIMIT, Store};
use protocol::grant::{Grant, RevocationReason};
use protocol::session::Session;
use protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Sweeps until nothing is left; how many records each call deleted.
async fn sweep(store: &dyn Store) -> Vec<u64> {
    let mut counts = Vec::new();
    while let count @ 1.. = store.sweep(NOW).await.unwrap() {
        counts.push(count);
    }
    counts
}

pub async fn n225_sweeping_takes_only_what_expired(store: Arc<dyn Store>) {
    let (user, client) = (full_user(1), client_id("client-a"));
    put_user(&*store, &user, "alice").await;
    put_consent(&*store, &agreed(1, "client-a", "openid", call(1))).await;
    // A record that expires at that very instant is left to the next time.
    let ends = [(1, earlier(1)), (2, NOW), (3, later(1))];
    for (number, expires_at) in ends {
        put_grant(&*store, &Grant { expires_at, ..grant(number) }).await;
        put_session(&*store, &Session { expires_at, ..session(number) }).await;
        assert!(store.deny_token(&token(number), expires_at, call(1)).await.unwrap().is_done());
        let counted = call_at(1, expires_at.minus(SECOND));
        assert_eq!(store.note_attempt(attempt(number), each(SECOND), counted).await.unwrap(), expires_at);
    }
    let swept: u64 = sweep(&*store).await.iter().sum();
    let mut missing = 0;
    for (number, expires_at) in ends {
        let gone = gone(&*store, number, expires_at).await;
        missing += gone;
        assert!(gone == 0 || expires_at < NOW, "{number}");
    }
    assert_eq!(swept, missing);
    let view = store.load_sign_in(&user.id, None, &client, &[]).await.unwrap();
    assert!(view.user.is_some() && view.consent.is_some(), "they don't expire");
}

/// How many of the four records of a number are gone.
async fn gone(store: &dyn Store, number: u32, debt: Timestamp) -> u64 {
    let is_there = [
        kept_grant(store, &grant(number)).await.is_some(),
        kept_session(store, &session(number)).await.is_some(),
        store.load_token(&token(number), None).await.unwrap().denied,
        store.debts(&[attempt(number)]).await.unwrap() == [debt],
    ];
    is_there.into_iter().map(|is_there| u64::from(!is_there)).sum()
}

/// A grant whose code expired long ago may go, unless it was redeemed.
pub async fn a_grant_is_kept_by_its_redemption(store: Arc<dyn Store>) {
    let all = redeemed_and_unredeemed(&*store).await;
    for each in &all {
        assert_eq!(kept_grant(&*store, each).await.as_ref(), Some(each));
    }
    // Exactly at the millisecond, then after it.
    for (before, may_go) in [(UNREDEEMED_GO, false), (UNREDEEMED_GO.plus(MILLISECOND), true)] {
        let swept = store.sweep(before).await.unwrap();
        let mut missing = 0;
        for each in &all {
            let gone = kept_grant(&*store, each).await.is_none();
            assert!(!gone || (may_go && each.unredeemed_code().is_some()), "{each:?}");
            missing += u64::from(gone);
        }
        assert_eq!(swept, missing);
    }
}

/// The last instant of grants whose codes nobody redeemed.
pub(crate) const UNREDEEMED_GO: Timestamp = Timestamp::from_seconds(NOW.seconds() + 60 + 3600);

/// Grants of one live session: one redeemed, one revoked after that, one never redeemed, one burnt.
pub(crate) async fn redeemed_and_unredeemed(store: &dyn Store) -> [Grant; 4] {
    let all = [1, 2, 3, 4].map(|number| Grant { expires_at: later(604_800_000), ..grant(number) });
    for each in &all {
        put_grant(store, each).await;
    }
    let [redeemed, revoked, unredeemed, burnt] = all;
    for (number, each) in (1..).zip([&redeemed, &revoked]) {
        assert!(store.redeem_code(each.key(), &code(number), None, call(2)).await.unwrap().is_done());
    }
    let reason = RevocationReason::Revoked;
    assert!(store.revoke_grant(revoked.key(), reason, call(3)).await.unwrap().is_done());
    assert!(store.burn_code(burnt.key(), call(3)).await.unwrap().is_done());
    let mut kept = [redeemed, revoked, unredeemed, burnt];
    for each in &mut kept {
        *each = kept_grant(store, each).await.unwrap();
    }
    kept
}

pub async fn sweeping_is_bounded_and_goes_on_until_nothing_is_left(store: Arc<dyn Store>) {
    let numbers = u32::try_from(SWEEP_LIMIT).unwrap() / 4 + 10;
    let expires_at = earlier(1);
    let begin = |number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (session, grant) = (session(number), grant(number));
            // More sessions than a user can start.
            let put = store.restore_session(&Session { expires_at, ..session }, call(1)).await.unwrap();
            assert_eq!(put, Commit::Done);
            let put = store.restore_grant(&Grant { expires_at, ..grant }, call(1)).await.unwrap();
            assert_eq!(put, Commit::Done);
            assert!(store.deny_token(&token(number), expires_at, call(1)).await.unwrap().is_done());
            let counted = call_at(1, expires_at.minus(SECOND));
            assert_eq!(store.note_attempt(attempt(number), each(SECOND), counted).await.unwrap(), expires_at);
        })
    };
    for task in (0..numbers).map(begin).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let counts = sweep(&*store).await;
    assert!(counts.iter().all(|count| *count <= SWEEP_LIMIT), "{counts:?}");
    let mut missing = 0;
    for number in 0..numbers {
        missing += gone(&*store, number, expires_at).await;
    }
    assert_eq!(counts.iter().sum::<u64>(), missing);
}
