//! Records of which one user or one client may have very many.

use super::super::{belongings, client, grant, session};
use super::*;

#[tokio::test]
async fn a_deleted_client_takes_along_what_was_agreed_to_with_it() {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    put_client(&store, &bare_client("client-a")).await;
    let consents = [(1, "client-a"), (2, "client-a"), (1, "client-b")];
    let consents = consents.map(|(user, client)| agreed(user, client, "openid", call(1)));
    for consent in &consents {
        put_consent(&store, consent).await;
    }
    assert_eq!(store.delete_client(&bare_client("client-b"), call(2)).await.unwrap(), Commit::Lost(None));
    for consent in &consents {
        assert!(kept_consent(&store, consent).await.is_some(), "nothing was deleted");
    }
    assert_eq!(store.delete_client(&bare_client("client-a"), call(2)).await.unwrap(), Commit::Done);
    for consent in &consents {
        let is_kept = kept_consent(&store, consent).await.is_some();
        assert_eq!(is_kept, consent.client == client_id("client-b"));
    }
}

/// A bound on work instead of time: only the user's own rows are read, and no more than the statement needs.
#[tokio::test]
async fn n242_what_somebody_has_is_found_by_an_index() {
    const OF_CLIENT: &str = "consents USING INDEX consents_by_client (realm=? AND client_id=?)";
    const CODES: &str = "grants USING COVERING INDEX unredeemed_grants_of_session \
        (realm=? AND user_id=? AND session_id=? AND client_id=? AND redeemed_at=?)";
    const RANGE: &str =
        "grants USING COVERING INDEX sqlite_autoindex_grants_1 (realm=? AND user_id=? AND id>? AND id<?)";
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    let [consents, grants, sessions] = belongings::DELETE;
    for (text, by) in [
        (client::CONSENTS, OF_CLIENT),
        (grant::CODES, CODES),
        (grant::OF_CLIENT, RANGE),
        (
            session::OF_USER,
            "sessions USING COVERING INDEX sqlite_autoindex_sessions_1 (realm=? AND user_id=?)",
        ),
        (belongings::CONSENTS, "consents USING PRIMARY KEY (realm=? AND user_id=? AND client_id>?)"),
        (belongings::GRANTS, "grants USING INDEX sqlite_autoindex_grants_1 (realm=? AND user_id=? AND id>?)"),
        (
            belongings::SESSIONS,
            "sessions USING INDEX sqlite_autoindex_sessions_1 (realm=? AND user_id=? AND id>?)",
        ),
        (consents, "consents USING PRIMARY KEY (realm=? AND user_id=?)"),
        (grants, "grants USING COVERING INDEX sqlite_autoindex_grants_1 (realm=? AND user_id=?)"),
        (sessions, "sessions USING COVERING INDEX sqlite_autoindex_sessions_1 (realm=? AND user_id=?)"),
    ] {
        let plan = plan(&store, text).await;
        assert!(plan.iter().any(|step| step.ends_with(&format!("SEARCH {by}"))), "{by}: {plan:?}");
        for step in plan {
            // The count scans the result of the bounded query inside it.
            let is_inner = step.starts_with("SCAN (subquery");
            assert!(
                (is_inner || !step.starts_with("SCAN")) && !step.contains("TEMP B-TREE"),
                "{text}: {step}"
            );
        }
    }
}

/// SQLite's query plan for a statement.
async fn plan(store: &Sqlite, text: &'static str) -> Vec<String> {
    let explain = move |db: &Connection, _: &Realm| {
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
        let (mut rows, mut plan) = (explain.raw_query(), Vec::new());
        while let Some(row) = rows.next()? {
            plan.push(row.get("detail")?);
        }
        Ok(plan)
    };
    store.read(None, "plan", explain).await.unwrap()
}
