//! What one user or one client may have very many of.

use super::super::client::CONSENTS;
use super::super::grant::OF_USER;
use super::*;
use crate::contract::account::shows_what_matters_most;
use rusqlite::params;

#[tokio::test]
async fn a_deleted_client_takes_along_what_was_agreed_to_with_it() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    put_client(&store, &bare_client("client-a")).await;
    let consents = [(1, "client-a"), (2, "client-a"), (1, "client-b")];
    for (user, client) in consents {
        store.remember_consent(&user_id(user), &client_id(client), &scope("openid"), call(1)).await.unwrap();
    }
    let is_kept = async |user, client| {
        store.load_sign_in(&user_id(user), None, &client_id(client), &[]).await.unwrap().consent.is_some()
    };
    assert_eq!(store.delete_client(&client_id("client-b"), call(2)).await.unwrap(), Commit::Lost(None));
    for (user, client) in consents {
        assert!(is_kept(user, client).await, "nothing was deleted");
    }
    assert_eq!(store.delete_client(&client_id("client-a"), call(2)).await.unwrap(), Commit::Done);
    for (user, client) in consents {
        assert_eq!(is_kept(user, client).await, client == "client-b");
    }
}

#[tokio::test]
async fn an_account_shows_of_each_client_what_matters_most() {
    shows_what_matters_most(&Sqlite::open(&Location::Memory, true, Realm::main()).unwrap()).await;
}

/// A bound on work instead of time: nobody's rows but theirs are looked at.
#[tokio::test]
async fn grants_of_a_user_and_consents_with_a_client_are_found_by_an_index() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    let plan = async |text: &'static str, bound: usize| {
        let explain = move |db: &Connection, _: &Realm| {
            let values = params!["main", "a", 1];
            db.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?
                .query_map(&values[..bound], |row| row.get::<_, String>("detail"))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        store.read("plan", explain).await.unwrap()
    };
    let consents = plan(CONSENTS, 2).await;
    assert!(consents.iter().any(|step| step.contains("consents_by_client")), "{consents:?}");
    let grants = plan(OF_USER, 3).await;
    let of_user = "USING INDEX sqlite_autoindex_grants_1 (realm=? AND user_id=?)";
    assert!(grants.iter().any(|step| step.contains(of_user)), "{grants:?}");
    for step in consents.iter().chain(&grants) {
        assert!(!step.starts_with("SCAN consents") && !step.starts_with("SCAN grants"), "{step}");
    }
}
