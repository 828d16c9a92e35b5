//! Housekeeping: everything expired is deleted, a bounded number of records at a time.

use super::super::column::At;
use super::super::sweep::{ATTEMPTS, DENIED_TOKENS, GRANTS, SESSIONS, UNREDEEMED};
use super::*;
use crate::SWEEP_LIMIT;
use crate::contract::sweep::{UNREDEEMED_GO, redeemed_and_unredeemed};
use rusqlite::params;

/// Puts a session, even if the user has more than one can start.
async fn restore(store: &Sqlite, session: &Session) {
    assert!(store.restore_session(session, call(1)).await.unwrap().is_done());
}

#[tokio::test]
async fn n225_all_that_expired_goes_in_steps_of_the_limit() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    let sessions = SWEEP_LIMIT as u32 * 2 + 20;
    for number in 0..sessions {
        // The newest first, so that the order of rows is not the order of expiry.
        restore(&store, &Session { expires_at: earlier(u64::from(number) + 1), ..session(number) }).await;
    }
    restore(&store, &Session { expires_at: NOW, ..session(sessions) }).await;
    let oldest_left = |db: &Connection, _: &Realm| {
        db.query_row("SELECT min(expires_at) FROM sessions", [], |row| Ok(row.get::<_, At>(0)?.0))
    };
    let mut counts = Vec::new();
    for left in [SWEEP_LIMIT + 20, 20, 0, 0] {
        counts.push(store.sweep(NOW).await.unwrap());
        let oldest = store.read(None, "oldest", oldest_left).await.unwrap();
        assert_eq!(oldest, earlier(left), "the oldest go first");
    }
    assert_eq!(counts, [SWEEP_LIMIT, SWEEP_LIMIT, 20, 0]);
}

#[tokio::test]
async fn n225_the_limit_holds_for_all_kinds_together() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    let (numbers, expires_at) = (SWEEP_LIMIT as u32 / 4 + 10, earlier(1));
    for number in 0..numbers {
        restore(&store, &Session { expires_at, ..session(number) }).await;
        let grant = Grant { expires_at, ..grant(number) };
        assert!(store.restore_grant(&grant, call(1)).await.unwrap().is_done());
        assert!(store.deny_token(&token(number), expires_at, call(1)).await.unwrap().is_done());
        store.note_attempt(attempt(number), each(Duration::ZERO), call_at(1, expires_at)).await.unwrap();
    }
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(store.sweep(NOW).await.unwrap());
    }
    assert_eq!(counts, [SWEEP_LIMIT, 40, 0]);
}

#[tokio::test]
async fn grants_whose_codes_nobody_redeemed_go_before_their_session() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    let [redeemed, revoked, unredeemed, burnt] = redeemed_and_unredeemed(&store).await;
    assert_eq!(store.sweep(UNREDEEMED_GO.plus(Duration::from_millis(1))).await.unwrap(), 2);
    for (each, is_kept) in [(redeemed, true), (revoked, true), (unredeemed, false), (burnt, false)] {
        assert_eq!(kept_grant(&store, &each).await.is_some(), is_kept, "{each:?}");
    }
}

/// A bound on work instead of time: only the deleted rows are read.
#[tokio::test]
async fn sweeping_reads_the_index_by_expiry_alone() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    for text in [GRANTS, UNREDEEMED, SESSIONS, DENIED_TOKENS, ATTEMPTS] {
        let plan = move |db: &Connection, realm: &Realm| {
            db.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?
                .query_map(params![realm.as_str(), 0, 1], |row| row.get::<_, String>("detail"))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let plan = store.read(None, "plan", plan).await.unwrap();
        assert!(plan.iter().any(|step| step.contains("USING COVERING INDEX")), "{plan:?}");
        assert!(
            plan.iter().all(|step| !step.contains("TEMP B-TREE") && !step.starts_with("SCAN")),
            "{plan:?}"
        );
    }
}
