//! Cases of what a user has: all of it, page by page, and its deletion.

use super::sample::{
    agreed, authority, bare_user, call, earlier, full_grant, full_user, grant, grant_at, grant_id,
    kept_grant, kept_session, name, offline_grant, owner, put_consent, put_grant, put_session, put_user,
    session, session_id, user_id, with_code,
};
use crate::{BELONGINGS_LIMIT, Belonging, Belongings, Place, Store};
use protocol::consent::Consent;
use protocol::grant::Grant;
use protocol::session::Session;
use std::sync::Arc;

/// Everything that user 1 has behind a place. No page exceeds the limit, and only the last one may be empty.
async fn walk(store: &dyn Store, mut behind: Option<Place>) -> Vec<Belonging> {
    let mut all = Vec::new();
    loop {
        let Belongings { list, next } = store.belongings(&user_id(1), behind).await.unwrap();
        assert!(list.len() <= BELONGINGS_LIMIT as usize, "{}", list.len());
        assert!(next.is_none() || !list.is_empty());
        all.extend(list);
        behind = next;
        if behind.is_none() {
            return all;
        }
    }
}

/// Everything in the test's own order; within a kind each backend has another one.
fn sorted(mut all: Vec<Belonging>) -> Vec<Belonging> {
    all.sort_by_key(|it| match it {
        Belonging::Consent(consent) => (0, consent.client.to_string()),
        Belonging::Grant(grant) => (1, format!("{:?}", grant.id.as_bytes())),
        Belonging::Session(session) => (2, format!("{:?}", session.id.as_bytes())),
    });
    all
}

async fn put(store: &dyn Store, it: &Belonging) {
    match it {
        Belonging::Consent(consent) => put_consent(store, consent).await,
        Belonging::Grant(grant) => {
            assert!(store.restore_grant(grant, call(1)).await.unwrap().is_done());
        }
        Belonging::Session(session) => {
            assert!(store.restore_session(session, call(1)).await.unwrap().is_done());
        }
    }
}

/// Puts this many consents, grants and sessions of user 1.
async fn filled(store: &Arc<dyn Store>, [consents, grants, sessions]: [u32; 3]) -> Vec<Belonging> {
    let agreed = |n: u32| agreed(1, &format!("client-{n}"), "openid", call(1));
    let consents = (0..consents).map(|n| Belonging::Consent(agreed(n)));
    let grants = (0..grants).map(|n| Belonging::Grant(Box::new(grant(n))));
    let sessions = (0..sessions).map(|n| Belonging::Session(session(n)));
    let all: Vec<Belonging> = consents.chain(grants).chain(sessions).collect();
    let begin = |it: Belonging| {
        let store = Arc::clone(store);
        tokio::spawn(async move { put(&*store, &it).await })
    };
    for task in all.iter().cloned().map(begin).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    all
}

/// One of each kind of user 2.
async fn put_theirs(store: &dyn Store) -> [Belonging; 3] {
    let (grant, session) =
        (Grant { user: user_id(2), ..grant(1) }, Session { user: user_id(2), ..session(1) });
    let consent = agreed(2, "client-1", "openid", call(1));
    let theirs =
        [Belonging::Consent(consent), Belonging::Grant(Box::new(grant)), Belonging::Session(session)];
    for it in &theirs {
        put(store, it).await;
    }
    theirs
}

pub async fn belongings_are_everything_of_one_user(store: Arc<dyn Store>) {
    assert_eq!(store.belongings(&user_id(1), None).await.unwrap(), Belongings::default());
    put_user(&*store, &full_user(1), "alice").await;
    let theirs = put_theirs(&*store).await;
    assert_eq!(store.belongings(&user_id(1), None).await.unwrap(), Belongings::default());
    let sessions = [
        Session { ended_at: Some(earlier(1)), ..session(7) },
        Session { expires_at: earlier(1), authority: None, ..session(9) },
        session(3),
    ];
    let grants = [
        Grant { expires_at: earlier(1), ..grant(8) },
        full_grant(9),
        offline_grant(2),
        Grant { authority: Some(authority(4)), ..with_code(grant(4), |code| code.expires_at = earlier(1)) },
    ];
    let consents = ["B", "a", "b"].map(|client| agreed(1, client, "openid email", call(1)));
    let old = Consent { authority: None, ..agreed(1, "old", "openid", call(1)) };
    let consents = consents.into_iter().chain([old]).map(Belonging::Consent);
    let grants = grants.into_iter().map(|grant| Belonging::Grant(Box::new(grant)));
    let all: Vec<_> = consents.chain(grants).chain(sessions.map(Belonging::Session)).collect();
    for it in all.iter().rev() {
        put(&*store, it).await;
    }
    let Belongings { list, next } = store.belongings(&user_id(1), None).await.unwrap();
    assert_eq!(next, None);
    assert_eq!(sorted(list), sorted(all));
    assert_eq!(store.belongings(&user_id(2), None).await.unwrap().list, theirs, "consents, grants, sessions");
}

pub async fn n242_belongings_come_in_pages_each_of_them_once(store: Arc<dyn Store>) {
    let put = filled(&store, [250, 270, 280]).await;
    put_theirs(&*store).await;
    let all = walk(&*store, None).await;
    assert_eq!(sorted(all.clone()), sorted(put));
    let kind = |it: &Belonging| match it {
        Belonging::Consent(_) => 0,
        Belonging::Grant(_) => 1,
        Belonging::Session(_) => 2,
    };
    assert!(all.is_sorted_by_key(kind));
    // From everywhere: behind the first and the last of each kind, and where exactly a page is left.
    let limit = BELONGINGS_LIMIT as usize;
    let left = all.len() - limit;
    for from in [1, left - 1, left, left + 1, 249, 250, 251, 519, 520, 521, 799, 800] {
        let behind = all.get(from - 1).map(Belonging::place);
        let Belongings { list, next } = store.belongings(&user_id(1), behind).await.unwrap();
        let (page, rest) = all.get(from..).unwrap().split_at(limit.min(all.len() - from));
        assert_eq!(list, page, "from {from}");
        assert_eq!(next, page.last().filter(|_| !rest.is_empty()).map(Belonging::place), "from {from}");
    }
    assert_eq!(walk(&*store, Some(Place::Sessions)).await, all.get(520..).unwrap());
}

/// A place stays valid when its record is gone. All backends order these ids alike.
pub async fn n242_a_page_begins_behind_what_is_gone(store: Arc<dyn Store>) {
    let [consent, grant, session] = [
        Belonging::Consent(agreed(1, "b", "openid", call(1))),
        Belonging::Grant(Box::new(grant(5))),
        Belonging::Session(session(5)),
    ];
    for it in [&consent, &grant, &session] {
        put(&*store, it).await;
    }
    let client = |id| agreed(1, id, "", call(1)).client;
    for (behind, left) in [
        (Place::Consent(client("a")), &[&consent, &grant, &session][..]),
        (Place::Consent(client("b")), &[&grant, &session]),
        (Place::Consent(client("c")), &[&grant, &session]),
        (Place::Grant(grant_id(4)), &[&grant, &session]),
        (Place::Grant(grant_id(6)), &[&session]),
        (Place::Sessions, &[&session]),
        (Place::Session(session_id(4)), &[&session]),
        (Place::Session(session_id(6)), &[]),
    ] {
        let page = store.belongings(&user_id(1), Some(behind.clone())).await.unwrap();
        assert_eq!(page.list.iter().collect::<Vec<_>>(), left, "{behind:?}");
        assert_eq!(page.next, None);
    }
}

/// Longer than a page of any database: 300 grants of 5 kB.
pub async fn long_belongings_are_whole(store: Arc<dyn Store>) {
    let long = |n| with_code(full_grant(n), |code| code.nonce = Some("x".repeat(5000)));
    let grant = |n| Belonging::Grant(Box::new(long(n)));
    let all: Vec<_> = (0..300).map(grant).collect();
    for it in &all {
        put(&*store, it).await;
    }
    assert_eq!(sorted(walk(&*store, None).await), sorted(all));
}

pub async fn n242_belongings_are_deleted_some_at_a_time_and_nobody_elses(store: Arc<dyn Store>) {
    for (user, typed) in [(full_user(1), "alice"), (full_user(2), "bob")] {
        put_user(&*store, &user, typed).await;
    }
    let all = filled(&store, [210, 220, 230]).await;
    let theirs = put_theirs(&*store).await;
    let mut counts = Vec::new();
    while let count @ 1.. = store.delete_belongings(&user_id(1)).await.unwrap() {
        counts.push(count);
        let left = walk(&*store, None).await.len() as u64;
        assert_eq!(left + counts.iter().sum::<u64>(), all.len() as u64, "as many as it said");
    }
    assert!(
        counts.len() > 1 && counts.iter().all(|count| *count <= u64::from(BELONGINGS_LIMIT)),
        "{counts:?}"
    );
    assert_eq!(walk(&*store, None).await, []);
    assert_eq!(store.delete_belongings(&user_id(1)).await.unwrap(), 0);
    assert_eq!(store.delete_belongings(&user_id(9)).await.unwrap(), 0, "of nobody");
    assert_eq!(store.belongings(&user_id(2), None).await.unwrap().list, theirs);
    assert_eq!(store.users().await.unwrap().len(), 2, "the users themselves stay");
    for (typed, number) in [("alice", 1), ("bob", 2)] {
        assert_eq!(owner(&*store, &name(typed)).await, Some(user_id(number)));
    }
}

/// Deleting a user ends what the user has, because nothing is alive without its user. The records go afterwards.
pub async fn n242_what_a_deleted_user_had_goes_afterwards(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    put_session(&*store, &session(1)).await;
    put_grant(&*store, &grant(1)).await;
    put_consent(&*store, &agreed(1, "client-a", "openid", call(1))).await;
    let theirs = put_theirs(&*store).await;
    assert!(store.delete_user(&user_id(1), call(2)).await.unwrap().is_done());
    assert_eq!(store.load_grant(grant_at(1)).await.unwrap().user, None);
    let mut deleted = 0;
    while let count @ 1.. = store.delete_belongings(&user_id(1)).await.unwrap() {
        deleted += count;
    }
    assert_eq!(deleted, 3);
    assert_eq!(store.belongings(&user_id(1), None).await.unwrap(), Belongings::default());
    assert_eq!(kept_grant(&*store, &grant(1)).await, None);
    assert_eq!(kept_session(&*store, &session(1)).await, None);
    // A later user with the same id has nothing.
    put_user(&*store, &bare_user(1), "alice").await;
    assert_eq!(store.belongings(&user_id(1), None).await.unwrap(), Belongings::default());
    assert_eq!(store.belongings(&user_id(2), None).await.unwrap().list, theirs);
}
