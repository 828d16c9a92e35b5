//! Records of a newer program in a schema this one knows: `Corrupt` to read and to write, never a guess,
//! never "not found".

use super::*;
use crate::contract::newer::assert_writes_are_corrupt;
use protocol::secret::SecretKind;

const KINDS: [&str; 9] =
    ["realms", "ring", "clients", "users", "sessions", "consents", "grants", "denied_tokens", "attempts"];

/// A store with one record of each kind.
async fn one_of_each() -> Sqlite {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    put_user(&store, &bare_user(1), "alice").await;
    put_client(&store, &bare_client("client-a")).await;
    put_session(&store, &session(1)).await;
    // Its state would let every write succeed; only the format prevents it.
    put_grant(&store, &Grant { refresh: Some(rotated_tip(1)), ..grant(1) }).await;
    assert!(store.deny_token(&token(1), later(1), call(1)).await.unwrap().is_done());
    store.note_attempt(attempt(1), each(Duration::from_secs(1)), call(1)).await.unwrap();
    put_consent(&store, &agreed(1, "client-a", "openid", call(1))).await;
    assert!(store.replace_issuer(None, "https://auth.example", call(1)).await.unwrap().is_done());
    assert!(store.replace_ring(RingDocument::Ring, None, "{}", call(1)).await.unwrap().is_done());
    store
}

async fn set_format(store: &Sqlite, kind: &str, format: i64) {
    let text = format!("UPDATE {kind} SET v = {format}");
    assert_eq!(store.write("set_format", move |db, _| db.execute(&text, [])).await.unwrap(), 1);
}

/// Everything in the store, as text.
async fn content(store: &Sqlite) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        store.issuer().await.unwrap(),
        store.ring(RingDocument::Ring).await.unwrap(),
        store.clients().await.unwrap(),
        (store.users().await.unwrap(), store.belongings(&user_id(1), None).await.unwrap()),
        store.load_token(&token(1), None).await.unwrap(),
        store.debts(&[attempt(1)]).await.unwrap(),
    )
}

#[tokio::test]
async fn a_newer_record_is_corrupt_to_read() {
    let store = one_of_each().await;
    let (user, client) = (user_id(1), client_id("client-a"));
    for kind in KINDS {
        set_format(&store, kind, 2).await;
        let answers = [
            (&["realms"][..], kind_of(store.issuer().await)),
            (&["ring"], kind_of(store.ring(RingDocument::Ring).await)),
            (&["clients"], kind_of(store.client(&client).await)),
            (&["clients"], kind_of(store.clients().await)),
            (&["users"], kind_of(store.user(&user).await)),
            (&["users"], kind_of(store.users().await)),
            (
                &["users", "sessions", "consents", "attempts"],
                kind_of(store.load_sign_in(&user, Some(session_id(1)), &client, &[attempt(1)]).await),
            ),
            (&["sessions", "consents", "grants"], kind_of(store.belongings(&user, None).await)),
            (&["users", "sessions", "grants"], kind_of(store.load_grant(grant_at(1)).await)),
            (
                &["denied_tokens", "users", "sessions", "grants"],
                kind_of(store.load_token(&token(1), Some(grant_at(1))).await),
            ),
            (&["denied_tokens"], kind_of(store.load_token(&token(1), None).await)),
            (&["attempts"], kind_of(store.debts(&[attempt(2), attempt(1)]).await)),
            (&["attempts"], kind_of(store.find_user(&name("alice"), &[attempt(1)]).await)),
            (&[], kind_of(store.find_user(&name("alice"), &[]).await)),
        ];
        for (number, (kinds, answer)) in answers.into_iter().enumerate() {
            assert_eq!(
                answer,
                kinds.contains(&kind).then_some(StoreErrorKind::Corrupt),
                "{kind}, read {number}"
            );
        }
        set_format(&store, kind, 1).await;
    }
}

#[tokio::test]
async fn a_newer_record_is_corrupt_to_write_and_stays_as_it_is() {
    let store = one_of_each().await;
    let before = content(&store).await;
    for kind in KINDS {
        set_format(&store, kind, 2).await;
    }
    assert_writes_are_corrupt(&store).await;
    for kind in KINDS {
        set_format(&store, kind, 1).await;
    }
    assert_eq!(content(&store).await, before);
}

#[tokio::test]
async fn a_session_ends_and_belongings_go_whatever_is_newer_among_them() {
    let store = one_of_each().await;
    set_format(&store, "grants", 2).await;
    let ended = store.end_session(&user_id(1), &session_id(1), &session_secret(1), call(2)).await.unwrap();
    assert_eq!(ended, Commit::Done);
    set_format(&store, "grants", 1).await;
    let view = store.load_grant(grant_at(1)).await.unwrap();
    assert_eq!(view.session.unwrap().ended_at, Some(NOW), "the grant needs it, and is shown its end");
    for kind in ["consents", "grants", "sessions"] {
        set_format(&store, kind, 2).await;
    }
    assert_eq!(store.delete_belongings(&user_id(1)).await.unwrap(), 3);
}

/// Text that no version of Keyward writes.
#[tokio::test]
async fn what_cannot_be_understood_is_corrupt() {
    for damage in [
        "UPDATE grants SET pkce = 'plain'",
        "UPDATE grants SET code = x'00'",
        "UPDATE grants SET scope = 'a\"b'",
        "UPDATE grants SET claims = '{'",
        "UPDATE grants SET revoked_at = 1, revoked_reason = 'whim'",
        "UPDATE grants SET revoked_at = 1, revoked_reason = NULL",
        "UPDATE grants SET expires_at = -1",
        "UPDATE grants SET client_id = 'a' || char(10)",
        "UPDATE grants SET authentication = '{}'",
        "UPDATE grants SET authority = x'00'",
        "UPDATE sessions SET authority = x'00'",
        "UPDATE users SET generation = x'00'",
        "UPDATE grants SET refresh_digest = x'00'",
        "UPDATE grants SET refresh_generation = NULL",
        "UPDATE grants SET refresh_generation = -1",
        "UPDATE grants SET refresh_generation = 4294967296",
        "UPDATE grants SET refresh_rotated_at = -1",
        "UPDATE grants SET refresh_master = NULL",
        "UPDATE grants SET refresh_master = 65536",
        "UPDATE grants SET refresh_idle_expires_at = NULL",
        "UPDATE grants SET refresh_expires_at = NULL",
    ] {
        let store = one_of_each().await;
        store.write("damage", move |db, _| db.execute(damage, [])).await.unwrap();
        assert_eq!(kind_of(store.load_grant(grant_at(1)).await), Some(StoreErrorKind::Corrupt), "{damage}");
        // A lost write returns what it found, so it must understand it, too.
        if damage.starts_with("UPDATE grants") {
            let wrong = secret(SecretKind::Code, 9);
            let lost = store.redeem_code(grant_key(1), &wrong, None, call(2)).await;
            assert_eq!(kind_of(lost), Some(StoreErrorKind::Corrupt), "{damage}");
        }
    }
}

/// The same for a client and a counter: a value that can't be a revision or an instant is never guessed.
#[tokio::test]
async fn what_is_no_number_of_ours_is_corrupt() {
    let store = one_of_each().await;
    for damage in ["UPDATE clients SET revision = -1", "UPDATE attempts SET debt = -1"] {
        store.write("damage", move |db, _| db.execute(damage, [])).await.unwrap();
    }
    let next = Client { revision: 2, ..bare_client("client-a") };
    for answer in [
        kind_of(store.clients().await),
        kind_of(store.replace_client(&next, call(2)).await),
        kind_of(store.debts(&[attempt(1)]).await),
        kind_of(store.note_attempt(attempt(1), each(Duration::ZERO), call(2)).await),
    ] {
        assert_eq!(answer, Some(StoreErrorKind::Corrupt));
    }
}

/// Such a grant has none of a code's columns.
#[tokio::test]
async fn a_grant_of_a_flow_that_only_a_newer_program_knows_is_corrupt() {
    let store = one_of_each().await;
    let text = "UPDATE grants SET flow = 'device', redirect_uri = NULL, pkce = NULL, code = NULL, code_expires_at = NULL";
    assert_eq!(store.write("set_flow", move |db, _| db.execute(text, [])).await.unwrap(), 1);
    assert_eq!(kind_of(store.load_grant(grant_at(1)).await), Some(StoreErrorKind::Corrupt));
}
