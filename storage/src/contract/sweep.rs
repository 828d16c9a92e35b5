//! Cases of housekeeping. A backend need not delete anything; what it counts is gone, and what has not
//! expired is there.

use super::sample::{
    NOW, call, client_id, earlier, full_user, grant, kept_grant, kept_session, later, put_grant, put_session,
    put_user, scope, session,
};
use crate::{SWEEP_LIMIT, Store};
use protocol::grant::Grant;
use protocol::session::Session;
use std::sync::Arc;

/// Sweeps until nothing is left; how many records went with each call.
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
    store.remember_consent(&user.id, &client, &scope("openid"), call(1)).await.unwrap();
    // What expires at the instant itself is left to the next time.
    let ends = [(1, earlier(1)), (2, NOW), (3, later(1))];
    for (number, expires_at) in ends {
        put_grant(&*store, &Grant { expires_at, ..grant(number) }).await;
        put_session(&*store, &Session { expires_at, ..session(number) }).await;
    }
    let swept: u64 = sweep(&*store).await.iter().sum();
    let mut missing = 0;
    for (number, expires_at) in ends {
        let has_grant = kept_grant(&*store, &grant(number)).await.is_some();
        let has_session = kept_session(&*store, &session(number)).await.is_some();
        missing += u64::from(!has_grant) + u64::from(!has_session);
        assert!((has_grant && has_session) || expires_at < NOW, "{number}");
    }
    assert_eq!(swept, missing);
    let view = store.load_sign_in(&user.id, None, &client).await.unwrap();
    assert!(view.user.is_some() && view.consent.is_some(), "they don't expire");
}

pub async fn sweeping_is_bounded_and_goes_on_until_nothing_is_left(store: Arc<dyn Store>) {
    let sessions = u32::try_from(SWEEP_LIMIT).unwrap() + 10;
    let begin = |number| {
        let store = Arc::clone(&store);
        let expired = Session { expires_at: earlier(1), ..session(number) };
        tokio::spawn(async move { put_session(&*store, &expired).await })
    };
    for task in (0..sessions).map(begin).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for number in 0..10 {
        put_grant(&*store, &Grant { expires_at: earlier(1), ..grant(number) }).await;
    }
    let counts = sweep(&*store).await;
    assert!(counts.iter().all(|count| *count <= SWEEP_LIMIT), "{counts:?}");
    let mut missing = 0;
    for number in 0..sessions {
        missing += u64::from(kept_session(&*store, &session(number)).await.is_none());
    }
    for number in 0..10 {
        missing += u64::from(kept_grant(&*store, &grant(number)).await.is_none());
    }
    assert_eq!(counts.iter().sum::<u64>(), missing);
}
