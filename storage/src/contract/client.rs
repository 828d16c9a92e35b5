//! Cases of clients.

use super::sample::{bare_client, call, client_id, earlier, full_client, later, lost, put_client};
use crate::{Commit, Store};
use protocol::client::{AuthMethod, Client};
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::jwk::Algorithm;
use std::sync::Arc;

pub async fn a_client_comes_back_whole(store: Arc<dyn Store>) {
    let longest = "z".repeat(ClientId::MAX_LENGTH);
    let mut all = vec![bare_client("A.first"), full_client(&longest)];
    let odd = [
        "urn:billing:worker",
        "https://a.example/b",
        "api://1",
        "#",
        "%23",
        "%2523",
        "##%%",
        "a b",
        " ",
        "\"';--\\",
    ];
    all.extend(odd.map(bare_client));
    all.extend(
        AuthMethod::ALL.map(|auth_method| Client { auth_method, ..full_client(auth_method.as_str()) }),
    );
    all.push(Client { revision: i64::MAX.cast_unsigned(), ..full_client("often-written") });
    all.extend(Algorithm::ALL.map(|alg| Client { signing_alg: Some(alg), ..full_client(alg.as_str()) }));
    // A client that an older program ended, and one that this program registered.
    let ended = Generation { id: None, not_before: later(4) };
    for (generation, id) in [(ended, "ended"), (Generation::first(call(5).request), "registered")] {
        all.push(Client { generation, ..bare_client(id) });
    }
    for client in &all {
        put_client(&*store, client).await;
        assert_eq!(store.client(&client.id).await.unwrap().as_ref(), Some(client));
    }
    all.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(store.clients().await.unwrap(), all, "by id");
    assert_eq!(store.client(&client_id("a.first")).await.unwrap(), None, "ids are case-sensitive");
}

pub async fn a_taken_client_id_is_lost(store: Arc<dyn Store>) {
    let (first, second) = (full_client("a"), bare_client("a"));
    put_client(&*store, &first).await;
    assert_eq!(store.create_client(&second, call(2)).await.unwrap(), lost(first.clone()));
    assert_eq!(store.client(&first.id).await.unwrap(), Some(first));
}

pub async fn a_client_is_replaced_by_its_next_revision(store: Arc<dyn Store>) {
    let (bare, other) = (bare_client("a"), full_client("b"));
    put_client(&*store, &bare).await;
    put_client(&*store, &other).await;
    let full = Client { revision: 2, created_at: bare.created_at, ..full_client("a") };
    let bare_again = Client { revision: 3, ..bare };
    for next in [full, bare_again] {
        assert_eq!(store.replace_client(&next, call(2)).await.unwrap(), Commit::Done);
        assert_eq!(store.client(&next.id).await.unwrap().as_ref(), Some(&next), "all of it");
        assert_eq!(store.clients().await.unwrap(), [next, other.clone()]);
    }
}

pub async fn replacing_a_client_is_lost_unless_the_revision_before_is_there(store: Arc<dyn Store>) {
    let there = full_client("a");
    put_client(&*store, &there).await;
    for revision in [0, 1, 8, 9, 11, u64::MAX] {
        let next = Client { revision, created_at: there.created_at, ..bare_client("a") };
        let missed = store.replace_client(&next, call(2)).await.unwrap();
        assert_eq!(missed, lost(there.clone()), "{revision} after {}", there.revision);
    }
    assert_eq!(store.client(&there.id).await.unwrap(), Some(there));
    for revision in [0, 1, 2] {
        let nobody = Client { revision, ..bare_client("nobody") };
        assert_eq!(store.replace_client(&nobody, call(3)).await.unwrap(), Commit::Lost(None));
        assert_eq!(store.client(&nobody.id).await.unwrap(), None);
    }
}

pub async fn a_disabled_client_is_not_enabled_by_who_saw_it_before(store: Arc<dyn Store>) {
    let seen = bare_client("a");
    put_client(&*store, &seen).await;
    let disabled = Client { disabled: true, revision: 2, ..seen.clone() };
    let renamed = Client { name: "Renamed".into(), revision: 2, ..seen };
    assert_eq!(store.replace_client(&disabled, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.replace_client(&renamed, call(3)).await.unwrap(), lost(disabled.clone()));
    assert_eq!(store.client(&disabled.id).await.unwrap(), Some(disabled));
}

pub async fn a_deleted_client_is_not_brought_back(store: Arc<dyn Store>) {
    let seen = full_client("a");
    put_client(&*store, &seen).await;
    assert_eq!(store.delete_client(&seen, call(2)).await.unwrap(), Commit::Done);
    let next = Client { revision: seen.revision + 1, ..seen };
    assert_eq!(store.replace_client(&next, call(3)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.clients().await.unwrap(), []);
    // A request that saw the former client doesn't change the one that has its id now.
    let successor = bare_client("a");
    put_client(&*store, &successor).await;
    assert_eq!(store.replace_client(&next, call(4)).await.unwrap(), lost(successor.clone()));
    assert_eq!(store.clients().await.unwrap(), [successor]);
}

pub async fn a_client_made_anew_is_not_replaced_by_who_saw_the_former(store: Arc<dyn Store>) {
    let former = bare_client("a");
    put_client(&*store, &former).await;
    assert_eq!(store.delete_client(&former, call(2)).await.unwrap(), Commit::Done);
    // Its revisions start from 1 again, so they don't distinguish the two.
    let successor = Client { created_at: later(1), ..bare_client("a") };
    put_client(&*store, &successor).await;
    for created_at in [former.created_at, earlier(1), later(2)] {
        let next = Client { revision: 2, created_at, ..former.clone() };
        assert_eq!(store.replace_client(&next, call(3)).await.unwrap(), lost(successor.clone()));
    }
    assert_eq!(store.client(&successor.id).await.unwrap().as_ref(), Some(&successor));
    let next = Client { revision: 2, ..successor };
    assert_eq!(store.replace_client(&next, call(4)).await.unwrap(), Commit::Done);
}

pub async fn n254_a_client_that_changed_meanwhile_is_not_deleted(store: Arc<dyn Store>) {
    let seen = bare_client("a");
    put_client(&*store, &seen).await;
    let next = Client { revision: 2, ..seen.clone() };
    assert_eq!(store.replace_client(&next, call(2)).await.unwrap(), Commit::Done);
    for other in [seen, Client { created_at: earlier(1), ..next.clone() }] {
        assert_eq!(store.delete_client(&other, call(3)).await.unwrap(), lost(next.clone()));
    }
    assert_eq!(store.delete_client(&next, call(4)).await.unwrap(), Commit::Done);
    assert_eq!(store.client(&next.id).await.unwrap(), None);
}

pub async fn a_deleted_client_is_gone(store: Arc<dyn Store>) {
    let (client, other) = (full_client("a"), full_client("b"));
    put_client(&*store, &client).await;
    put_client(&*store, &other).await;
    assert_eq!(store.delete_client(&client, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.client(&client.id).await.unwrap(), None);
    assert_eq!(store.clients().await.unwrap(), [other]);
    assert_eq!(store.delete_client(&client, call(3)).await.unwrap(), Commit::Lost(None));
}

/// Longer than a page of any backend: 300 records of 5 kB.
pub async fn a_long_list_of_clients_is_whole(store: Arc<dyn Store>) {
    let all: Vec<_> = (0..300)
        .map(|n| Client {
            redirect_uris: vec![format!("https://rp.example/{}", "x".repeat(5000))],
            ..bare_client(&format!("client-{n:03}"))
        })
        .collect();
    let tasks: Vec<_> = (all.iter().cloned())
        .map(|client| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { put_client(&*store, &client).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.clients().await.unwrap(), all);
}
