//! Cases of how many sessions, codes and grants one user can have: the surplus goes when one more is put, and imported
//! records stay.

use super::race::{CALLS, race};
use super::sample::{
    self, bytes, call, earlier, full_grant, grant, kept_grant, kept_session, later, put_grant, put_session,
    session, session_id, user_id,
};
use crate::{Belonging, Commit, Place, Store};
use protocol::grant::{Grant, KEPT_OF_A_CLIENT, MOST_CODES, MOST_OF_A_CLIENT};
use protocol::id::{ClientId, GrantId};
use protocol::session::{MOST_OF_A_USER, Session};
use std::collections::BTreeSet;
use std::sync::Arc;

/// As numbers of records.
const SESSIONS: u32 = MOST_OF_A_USER as u32;
const CODES: u32 = MOST_CODES as u32;
const GRANTS: u32 = MOST_OF_A_CLIENT as u32;

/// The numbers of the sessions that user 1 has.
async fn sessions(store: &dyn Store) -> BTreeSet<u32> {
    let all = store.belongings(&user_id(1), Some(Place::Sessions)).await.unwrap().list;
    let id = |it| match it {
        Belonging::Session(session) => session.id,
        other => unreachable!("{other:?} behind the first session"),
    };
    let ids: BTreeSet<_> = all.into_iter().map(id).collect();
    let numbers: BTreeSet<_> = (0..2000).filter(|number| ids.contains(&session_id(*number))).collect();
    assert_eq!(numbers.len(), ids.len());
    numbers
}

/// A session of user 1 that began after those of lower numbers.
fn begun(number: u32) -> Session {
    Session { created_at: later(u64::from(number)), ..session(number) }
}

/// Puts them all at once, as an import does.
async fn restore_sessions(store: &Arc<dyn Store>, all: impl IntoIterator<Item = Session>) {
    let put = |session: Session| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            assert_eq!(store.restore_session(&session, call(1)).await.unwrap(), Commit::Done);
        })
    };
    for task in all.into_iter().map(put).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn restore_grants(store: &Arc<dyn Store>, all: impl IntoIterator<Item = Grant>) {
    let put = |grant: Grant| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            assert_eq!(store.restore_grant(&grant, call(1)).await.unwrap(), Commit::Done);
        })
    };
    for task in all.into_iter().map(put).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

pub async fn n242_one_session_too_many_ends_the_oldest(store: Arc<dyn Store>) {
    // Neither the ids nor the order of writing are the order of age.
    restore_sessions(&store, (0..SESSIONS).rev().map(|n| Session { id: begun(500 - n).id, ..begun(n) }))
        .await;
    let theirs = Session { user: user_id(2), created_at: earlier(9), ..session(1) };
    put_session(&*store, &theirs).await;
    for n in SESSIONS..SESSIONS + 3 {
        put_session(&*store, &Session { id: begun(500 - n).id, ..begun(n) }).await;
        let left = (n + 1 - SESSIONS..=n).map(|n| 500 - n).collect();
        assert_eq!(sessions(&*store).await, left, "{n}");
    }
    assert_eq!(kept_session(&*store, &theirs).await.as_ref(), Some(&theirs));
}

pub async fn n242_sessions_that_are_over_go_first_and_the_new_one_never(store: Arc<dyn Store>) {
    let all = (0..SESSIONS).map(|n| match n {
        97 => Session { ended_at: Some(earlier(1)), ..begun(n) },
        // Over from that instant on.
        98 => Session { expires_at: call(2).at, ..begun(n) },
        99 => Session { expires_at: later(1), ..begun(n) },
        _ => begun(n),
    });
    restore_sessions(&store, all).await;
    // First those that are over, the older one first, then the oldest; by the request's clock.
    let mut left: BTreeSet<_> = (0..SESSIONS).collect();
    for (number, gone) in [(101, 97), (102, 98), (103, 0), (104, 1)] {
        assert!(store.start_session(&begun(number), call(2)).await.unwrap().is_done());
        left.insert(number);
        left.remove(&gone);
        assert_eq!(sessions(&*store).await, left);
    }
    // By the clock of the server that starts it, it is the oldest of all, or over.
    let slow = Session { created_at: earlier(9), ..session(105) };
    let brief = Session { created_at: earlier(9), expires_at: earlier(1), ..session(106) };
    for new in [slow, brief] {
        put_session(&*store, &new).await;
        assert_eq!(kept_session(&*store, &new).await, Some(new));
    }
}

/// Each request sees some of the others, so a few surplus ones may be left, but none of the newest is lost.
pub async fn n242_sixty_four_sessions_at_once_converge_within_the_bound(store: Arc<dyn Store>) {
    restore_sessions(&store, (0..SESSIONS).map(begun)).await;
    let answers = race(&store, SESSIONS, |store, number| async move {
        store.start_session(&begun(number), call(number)).await
    });
    assert!(answers.await.iter().all(|(_, commit)| commit.is_done()));
    let last = SESSIONS + CALLS;
    let after_race = sessions(&*store).await;
    assert!(after_race.is_superset(&(CALLS..last).collect()), "the newest are there");
    // A backend may delete a bounded number with each.
    for number in last..last + 3 {
        put_session(&*store, &begun(number)).await;
    }
    assert_eq!(sessions(&*store).await, (last + 3 - SESSIONS..last + 3).collect());
}

/// A grant of user 1 with a client, its id as the server makes it; made after those of lower numbers.
fn made(client: &str, number: u32) -> Grant {
    let client = ClientId::parse(client).unwrap();
    Grant {
        id: GrantId::for_client(&client, &unique(number)),
        client,
        created_at: later(u64::from(number)),
        ..grant(number)
    }
}

/// Neither the ids nor the order of writing are the order of age.
fn unique(number: u32) -> [u8; 16] {
    let mut bytes = bytes(number.wrapping_mul(2_654_435_761));
    bytes.rotate_left(4);
    bytes
}

fn redeemed(grant: Grant) -> Grant {
    let at = grant.created_at;
    Grant { expires_at: later(604_800_000), ..sample::redeemed(grant, at) }
}

async fn assert_kept(store: &dyn Store, grants: &[Grant]) {
    for grant in grants {
        assert_eq!(kept_grant(store, grant).await.as_ref(), Some(grant));
    }
}

/// The numbers of the grants that exist.
async fn left_of(store: &dyn Store, client: &str, numbers: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    let mut left = BTreeSet::new();
    for number in numbers {
        if kept_grant(store, &made(client, number)).await.is_some() {
            left.insert(number);
        }
    }
    left
}

pub async fn n242_one_code_too_many_of_a_session_with_a_client_ends_the_oldest(store: Arc<dyn Store>) {
    // All older than the codes, and kept: redeemed, of another session, client or user.
    let old = |client: &str, number| Grant { created_at: earlier(u64::from(number)), ..made(client, number) };
    let spared: Vec<Grant> = (0..5)
        .flat_map(|n| {
            [
                redeemed(old("client-a", 100 + n)),
                Grant { session: session_id(2), ..old("client-a", 200 + n) },
                old("client-b", 300 + n),
                Grant { user: user_id(2), ..old("client-a", 400 + n) },
            ]
        })
        .collect();
    restore_grants(&store, spared.iter().cloned()).await;
    for number in 0..CODES + 5 {
        put_grant(&*store, &made("client-a", number)).await;
        let left = left_of(&*store, "client-a", 0..=number).await;
        assert_eq!(left, ((number + 1).saturating_sub(CODES)..=number).collect());
    }
    // By the clock of the server that makes it, it is the oldest of all, and still good.
    let slow = Grant { created_at: earlier(99), ..made("client-a", 50) };
    put_grant(&*store, &slow).await;
    assert_kept(&*store, &[slow]).await;
    assert_eq!(left_of(&*store, "client-a", 0..50).await, (6..CODES + 5).collect());
    assert_kept(&*store, &spared).await;
}

pub async fn n242_one_grant_too_many_with_a_client_ends_the_oldest_fifth(store: Arc<dyn Store>) {
    // The youngest are over: revoked, or expired.
    let all: Vec<Grant> = (0..GRANTS)
        .map(|n| match n {
            90..95 => Grant { revoked: full_grant(1).revoked, ..redeemed(made("client-a", n)) },
            95.. => Grant { expires_at: earlier(1), ..redeemed(made("client-a", n)) },
            _ => redeemed(made("client-a", n)),
        })
        .collect();
    let old = |client: &str, number| {
        let grant = Grant { created_at: earlier(u64::from(number)), ..made(client, number) };
        Grant { expires_at: earlier(1), ..redeemed(grant) }
    };
    let spared: Vec<Grant> = (200..210)
        .flat_map(|n| [old("client-b", n), Grant { user: user_id(2), ..old("client-a", n) }])
        .collect();
    restore_grants(&store, all.iter().rev().chain(&spared).cloned()).await;
    assert_eq!(
        left_of(&*store, "client-a", 0..GRANTS).await.len(),
        MOST_OF_A_CLIENT,
        "an import has no bound"
    );
    let slow = Grant { created_at: earlier(99), ..redeemed(made("client-a", 150)) };
    put_grant(&*store, &slow).await;
    // The grant itself, and the newest of those that aren't over.
    let left: BTreeSet<u32> = (11..90).chain([150]).collect();
    assert_eq!(left.len(), KEPT_OF_A_CLIENT);
    assert_eq!(left_of(&*store, "client-a", 0..=150).await, left);
    assert_kept(&*store, &spared).await;
    // There is room for the next ones.
    for number in 151..171 {
        put_grant(&*store, &redeemed(made("client-a", number))).await;
    }
    assert_eq!(left_of(&*store, "client-a", 0..171).await.len(), MOST_OF_A_CLIENT);
    put_grant(&*store, &redeemed(made("client-a", 171))).await;
    assert_eq!(left_of(&*store, "client-a", 0..172).await.len(), KEPT_OF_A_CLIENT);
}

pub async fn n242_sixty_four_codes_at_once_converge_within_the_bound(store: Arc<dyn Store>) {
    let answers = race(&store, 0, |store, number| async move {
        store.create_grant(&made("client-a", number), None, call(number)).await
    });
    assert!(answers.await.iter().all(|(_, commit)| commit.is_done()));
    // No request deleted its own code, so the oldest did not always go. A backend may delete a bounded number each time.
    for number in CALLS..CALLS + 2 {
        put_grant(&*store, &made("client-a", number)).await;
    }
    let left = left_of(&*store, "client-a", 0..CALLS + 2).await;
    assert_eq!(left.len(), MOST_CODES);
    assert!(left.contains(&CALLS) && left.contains(&(CALLS + 1)), "{left:?}");
}

/// Everything another store had is moved; and a write that loses deletes nothing.
pub async fn n242_what_is_restored_stays_until_one_more_is_made(store: Arc<dyn Store>) {
    restore_sessions(&store, (0..SESSIONS + 20).map(begun)).await;
    restore_grants(&store, (0..GRANTS + 20).map(|n| made("client-a", n))).await;
    let (there, kept) = (begun(7), made("client-a", 7));
    assert!(!store.start_session(&there, call(2)).await.unwrap().is_done());
    assert!(!store.create_grant(&kept, None, call(2)).await.unwrap().is_done());
    assert!(!store.restore_session(&there, call(2)).await.unwrap().is_done());
    assert!(!store.restore_grant(&kept, call(2)).await.unwrap().is_done());
    assert_eq!(sessions(&*store).await.len(), MOST_OF_A_USER + 20);
    assert_eq!(left_of(&*store, "client-a", 0..GRANTS + 20).await.len(), MOST_OF_A_CLIENT + 20);
}
