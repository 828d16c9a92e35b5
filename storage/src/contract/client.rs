//! Cases of clients.

use super::sample::{
    NOW, bare_client, call, call_at, client_id, earlier, full_client, later, lost, put_client,
};
use crate::{Commit, Store};
use protocol::client::{AuthMethod, Client};
use protocol::jwk::Algorithm;
use std::sync::Arc;

pub async fn a_client_comes_back_whole(store: Arc<dyn Store>) {
    let longest = "z".repeat(128);
    let mut all = vec![bare_client("A.first"), full_client(&longest)];
    all.extend(
        AuthMethod::ALL.map(|auth_method| Client { auth_method, ..full_client(auth_method.as_str()) }),
    );
    all.extend(Algorithm::ALL.map(|alg| Client { signing_alg: Some(alg), ..full_client(alg.as_str()) }));
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

pub async fn disabling_a_client_voids_its_grants_for_good(store: Arc<dyn Store>) {
    let (client, other) = (bare_client("a"), bare_client("b"));
    put_client(&*store, &client).await;
    put_client(&*store, &other).await;
    assert!(store.set_client_disabled(&client.id, true, call(2)).await.unwrap().is_done());
    // What was granted in this very millisecond is void, too.
    let voided = Client { disabled: true, not_before: later(1), ..client };
    assert_eq!(store.client(&voided.id).await.unwrap().as_ref(), Some(&voided));
    let after = call_at(3, later(60_000));
    assert!(store.set_client_disabled(&voided.id, false, after).await.unwrap().is_done());
    let enabled = Client { disabled: false, ..voided };
    assert_eq!(store.client(&enabled.id).await.unwrap(), Some(enabled), "nothing revives");
    assert_eq!(store.client(&other.id).await.unwrap(), Some(other));
    let nobody = client_id("nobody");
    for disabled in [true, false] {
        let missed = store.set_client_disabled(&nobody, disabled, call(4)).await.unwrap();
        assert_eq!(missed, Commit::Lost(None));
    }
    assert_eq!(store.client(&nobody).await.unwrap(), None);
}

pub async fn a_clients_not_before_never_goes_back(store: Arc<dyn Store>) {
    let client = bare_client("a");
    put_client(&*store, &client).await;
    // The second call's clock is behind; the third's is ahead.
    for (at, not_before) in [(NOW, later(1)), (earlier(5000), later(1)), (later(10), later(11))] {
        assert!(store.set_client_disabled(&client.id, true, call_at(2, at)).await.unwrap().is_done());
        assert_eq!(store.client(&client.id).await.unwrap().unwrap().not_before, not_before);
    }
}

pub async fn a_deleted_client_is_gone(store: Arc<dyn Store>) {
    let (client, other) = (full_client("a"), full_client("b"));
    put_client(&*store, &client).await;
    put_client(&*store, &other).await;
    assert_eq!(store.delete_client(&client.id, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.client(&client.id).await.unwrap(), None);
    assert_eq!(store.clients().await.unwrap(), [other]);
    assert_eq!(store.delete_client(&client.id, call(3)).await.unwrap(), Commit::Lost(None));
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
