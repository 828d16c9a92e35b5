//! Records of a newer program in a schema this one knows: `Corrupt` to read and to write, never a guess,
//! never "not found".

use super::*;
use protocol::grant::Revocation;
use protocol::secret::SecretKind;

const KINDS: [&str; 7] = ["realms", "ring", "clients", "users", "sessions", "consents", "grants"];

/// A store with one record of each kind.
async fn one_of_each() -> Sqlite {
    let store = Sqlite::open(&Location::Memory, true, Realm::main()).unwrap();
    put_user(&store, &bare_user(1), "alice").await;
    put_client(&store, &bare_client("client-a")).await;
    put_session(&store, &session(1)).await;
    put_grant(&store, &grant(1)).await;
    store.remember_consent(&user_id(1), &client_id("client-a"), &scope("openid"), call(1)).await.unwrap();
    store.set_issuer("https://auth.example", call(1)).await.unwrap();
    assert!(store.replace_ring(RingDocument::Ring, None, "{}", call(1)).await.unwrap().is_done());
    store
}

async fn set_format(store: &Sqlite, kind: &str, format: i64) {
    let text = format!("UPDATE {kind} SET v = {format}");
    assert_eq!(store.write("set_format", move |db, _| db.execute(&text, [])).await.unwrap(), 1);
}

/// Everything in the store, as text.
async fn content(store: &Sqlite) -> String {
    let (user, client) = (user_id(1), client_id("client-a"));
    let view = store.load_sign_in(&user, Some(&session_id(1)), &client).await.unwrap();
    format!(
        "{:?} {:?} {:?} {:?} {view:?}",
        store.issuer().await.unwrap(),
        store.ring(RingDocument::Ring).await.unwrap(),
        store.clients().await.unwrap(),
        store.load_grant(&user, &grant_id(1)).await.unwrap(),
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
                &["users", "sessions", "consents"],
                kind_of(store.load_sign_in(&user, Some(&session_id(1)), &client).await),
            ),
            (&["users", "grants"], kind_of(store.load_grant(&user, &grant_id(1)).await)),
            (&[], kind_of(store.find_user(&name("alice")).await)),
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
    let (user, client, id, sid) = (user_id(1), client_id("client-a"), grant_id(1), session_id(1));
    let (seen, stamp, ring) = (session_secret(1), call(2), RingDocument::Ring);
    let password = PasswordHash("$argon2id$new".into());
    let answers = [
        kind_of(store.set_issuer("https://other.example", stamp).await),
        kind_of(store.replace_ring(ring, None, "{1}", stamp).await),
        kind_of(store.replace_ring(ring, Some(1), "{2}", stamp).await),
        kind_of(store.create_client(&full_client("client-a"), stamp).await),
        kind_of(store.set_client_disabled(&client, true, stamp).await),
        kind_of(store.create_user(&full_user(1), &[], stamp).await),
        kind_of(store.create_user(&full_user(2), &[name("alice")], stamp).await),
        kind_of(store.set_user_disabled(&user, true, stamp).await),
        kind_of(store.set_password(&user, &password, stamp).await),
        kind_of(store.start_session(&session(1), stamp).await),
        kind_of(
            store.reauthenticate(&user, &sid, &seen, &session_secret(2), &authentication(2), stamp).await,
        ),
        kind_of(store.end_session(&user, &sid, &seen, stamp).await),
        kind_of(store.remember_consent(&user, &client, &scope("email"), stamp).await),
        kind_of(store.create_grant(&full_grant(1), stamp).await),
        kind_of(store.redeem_code(&user, &id, &code(1), stamp).await),
        kind_of(store.burn_code(&user, &id, stamp).await),
        kind_of(store.revoke_grant(&user, &id, RevocationReason::Revoked, stamp).await),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, Some(StoreErrorKind::Corrupt), "write {number}");
    }
    for kind in KINDS {
        set_format(&store, kind, 1).await;
    }
    assert_eq!(content(&store).await, before);
}

#[tokio::test]
async fn the_end_of_a_session_revokes_newer_grants_too() {
    let store = one_of_each().await;
    set_format(&store, "grants", 2).await;
    let ended = store.end_session(&user_id(1), &session_id(1), &session_secret(1), call(2)).await.unwrap();
    assert_eq!(ended, Commit::Done);
    set_format(&store, "grants", 1).await;
    let kept = kept_grant(&store, &grant(1)).await.unwrap();
    assert_eq!(kept.revoked, Some(Revocation { at: NOW, reason: RevocationReason::SessionEnded }));
}

/// Text that no program of ours wrote.
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
        "UPDATE grants SET client_id = 'a b'",
        "UPDATE grants SET authentication = '{}'",
    ] {
        let store = one_of_each().await;
        store.write("damage", move |db, _| db.execute(damage, [])).await.unwrap();
        let (user, id) = (user_id(1), grant_id(1));
        assert_eq!(kind_of(store.load_grant(&user, &id).await), Some(StoreErrorKind::Corrupt), "{damage}");
        // A lost write shows what it found, so it must understand it, too.
        let wrong = secret(SecretKind::Code, 9);
        let lost = store.redeem_code(&user, &id, &wrong, call(2)).await;
        assert_eq!(kind_of(lost), Some(StoreErrorKind::Corrupt), "{damage}");
    }
}
