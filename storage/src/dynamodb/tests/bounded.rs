//! Operations that read more than one record: how many calls they make at most, whatever there is.

use super::*;
use crate::contract::sample::*;
use crate::{BELONGINGS_LIMIT, Place};
use protocol::grant::MOST_OF_A_CLIENT;
use protocol::id::GrantId;
use protocol::session::MOST_OF_A_USER;

/// How many surplus records one operation deletes at most: see `MOST_DELETED`.
const MOST_DELETED: usize = 25;

/// The calls that were sent, sorted, as some are made at once.
fn sent(wire: &Wire) -> Vec<String> {
    let mut operations: Vec<_> = wire.take().into_iter().map(|sent| sent.operation).collect();
    operations.sort_unstable();
    operations
}

/// A put and a query at once, and `count` deletions, sorted.
fn with_deletions(count: usize) -> Vec<&'static str> {
    std::iter::repeat_n("DeleteItem", count).chain(["PutItem", "Query"]).collect()
}

/// A redeemed grant for a client, its id as a server makes it.
fn made(client: &str, number: u32) -> Grant {
    let client = client_id(client);
    Grant { id: GrantId::for_client(&client, &bytes(number)), client, ..redeemed(grant(number), NOW) }
}

async fn restore(store: &DynamoDb, grant: &Grant) {
    assert!(store.restore_grant(grant, call(1)).await.unwrap().is_done());
}

#[tokio::test]
async fn n239_the_end_of_a_session_is_one_write_whatever_it_carries() {
    let (store, wire) = store_on_a_wire().await;
    put_session(&store, &session(1)).await;
    let carried: Vec<_> = (0..120).map(|n| unredeemed(made("client-a", n))).collect();
    for grant in &carried {
        restore(&store, grant).await;
    }
    wire.take();
    let (user, id, seen) = (user_id(1), session_id(1), session_secret(1));
    assert_eq!(store.end_session(&user, &id, &seen, call(2)).await.unwrap(), Commit::Done);
    let calls = wire.take();
    assert_eq!(calls.iter().map(|sent| sent.operation.as_str()).collect::<Vec<_>>(), ["UpdateItem"]);
    assert_eq!(calls[0].units, 1.0);
    // Nothing had to find them: each shows the end of the session it needs.
    for grant in carried {
        let at = GrantLocator { key: grant.key(), session: Some(grant.session) };
        let view = store.load_grant(at).await.unwrap();
        assert_eq!((view.session.unwrap().ended_at, view.grant), (Some(NOW), Some(grant)));
    }
}

#[tokio::test]
async fn n242_a_session_begins_with_a_put_and_one_question() {
    let (store, wire) = store_on_a_wire().await;
    put_session(&store, &session(1)).await;
    assert_eq!(sent(&wire), with_deletions(0));
    for number in 2..=400 {
        assert!(store.restore_session(&session(number), call(1)).await.unwrap().is_done());
    }
    // Far too many, as older programs let them grow: deleted some at a time.
    wire.take();
    for number in 401..=413 {
        let new = Session { created_at: later(u64::from(number)), ..session(number) };
        put_session(&store, &new).await;
        assert_eq!(sent(&wire), with_deletions(if number < 413 { MOST_DELETED } else { 13 }), "{number}");
        assert_eq!(kept_session(&store, &new).await, Some(new));
        wire.take();
    }
    let left = store.belongings(&user_id(1), Some(Place::Sessions)).await.unwrap();
    assert_eq!(left.list.len(), MOST_OF_A_USER);
    // A write that loses deletes none.
    wire.take();
    assert!(!store.start_session(&session(413), call(9)).await.unwrap().is_done());
    assert_eq!(sent(&wire), with_deletions(0));
}

#[tokio::test]
async fn n242_a_grant_is_made_with_a_put_and_one_question() {
    let (store, wire) = store_on_a_wire().await;
    put_grant(&store, &made("client-a", 1)).await;
    assert_eq!(sent(&wire), with_deletions(0));
    // Grants of other clients, and those whose ids an older program made, are not read.
    for number in 0..300 {
        restore(&store, &made("client-b", number)).await;
        restore(&store, &redeemed(grant(number), NOW)).await;
    }
    wire.take();
    put_grant(&store, &made("client-a", 2)).await;
    let calls = wire.take();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.units <= 1.0), "{calls:?}");
    for number in 3..=MOST_OF_A_CLIENT as u32 {
        restore(&store, &made("client-a", number)).await;
    }
    wire.take();
    for (number, deleted) in [(500, 21), (501, 0)] {
        put_grant(&store, &made("client-a", number)).await;
        assert_eq!(sent(&wire), with_deletions(deleted));
    }
    for number in 600..1000 {
        restore(&store, &made("client-a", number)).await;
    }
    wire.take();
    put_grant(&store, &made("client-a", 1000)).await;
    assert_eq!(sent(&wire), with_deletions(MOST_DELETED));
    assert!(!store.create_grant(&made("client-a", 1000), None, call(9)).await.unwrap().is_done());
    assert_eq!(sent(&wire), with_deletions(0), "one that loses ends none");
}

#[tokio::test]
async fn n242_a_page_of_belongings_is_one_question() {
    let (store, wire) = store_on_a_wire().await;
    put_user(&store, &bare_user(1), "alice").await;
    for number in 0..BELONGINGS_LIMIT + 10 {
        assert!(store.restore_session(&session(number), call(1)).await.unwrap().is_done());
    }
    wire.take();
    let page = store.belongings(&user_id(1), None).await.unwrap();
    assert_eq!(page.list.len(), BELONGINGS_LIMIT as usize);
    assert_eq!(sent(&wire), ["Query"]);
    assert_eq!(store.belongings(&user_id(1), page.next).await.unwrap().list.len(), 10);
    assert_eq!(sent(&wire), ["Query"]);
    for count in [BELONGINGS_LIMIT as usize, 10, 0] {
        assert_eq!(store.delete_belongings(&user_id(1)).await.unwrap(), count as u64);
        let deleted = std::iter::repeat_n("DeleteItem", count).chain(["Query"]);
        assert_eq!(sent(&wire), deleted.collect::<Vec<_>>());
    }
}
