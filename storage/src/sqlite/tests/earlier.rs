//! A store of an earlier schema: its records read right once it is migrated, and a program of that time, still
//! running meanwhile, goes on writing.

use super::super::schema::RECORD;
use super::*;
use rusqlite::params;

/// Schema 1: before refresh tokens, revocation, and revisions of clients.
const FIRST: &str = include_str!("../../../../migrations/sqlite/0001_first.sql");

fn make_first(folder: &Folder) {
    let db = folder.raw();
    db.execute_batch(RECORD).unwrap();
    db.execute_batch(FIRST).unwrap();
    db.execute("INSERT INTO migrations (version, name) VALUES (1, 'first')", []).unwrap();
}

/// What a program of schema 1 writes: rows of its columns, each named, in a store that may have more.
fn write_as_first(folder: &Folder) {
    let db = folder.raw();
    let (user, session, id, request) = (user_id(1), session_id(1), grant_id(1), call(1).request);
    let proof = serde_json::to_string(&authentication(1)).unwrap();
    let now = NOW.millis().cast_signed();
    db.execute(
        "INSERT INTO clients (realm, id, name, auth_method, secrets, redirect_uris, post_logout_redirect_uris,
           origins, grant_types, scope, audiences, resources, signing_alg, pkce_required, first_party, native,
           disabled, not_before, created_at, last_request, v)
         VALUES ('main', 'client-a', 'Bare', 'none', '[]', '[]', '[]', '[]', '[]', '', '[]', '[]', NULL, 1, 0, 0,
           0, 0, ?1, ?2, 1)",
        params![now, request.as_bytes()],
    )
    .unwrap();
    db.execute(
        "INSERT INTO users (realm, id, subject, username, email, email_verified, claims, password, disabled,
           not_before, created_at, updated_at, last_request, v)
         VALUES ('main', ?1, ?2, 'alice', NULL, 0, '{}', NULL, 0, 0, ?3, ?3, ?4, 1)",
        params![user.as_bytes(), bare_user(1).subject.as_str(), now, request.as_bytes()],
    )
    .unwrap();
    db.execute(
        "INSERT INTO sessions (realm, user_id, id, secret, authentication, created_at, expires_at, ended_at,
           last_request, v)
         VALUES ('main', ?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7, 1)",
        params![
            user.as_bytes(),
            session.as_bytes(),
            session_secret(1).as_bytes(),
            proof,
            now,
            now + 604_800_000,
            request.as_bytes()
        ],
    )
    .unwrap();
    db.execute(
        "INSERT INTO grants (realm, user_id, id, client_id, session_id, requested_scope, scope, resource,
           redirect_uri, pkce, nonce, claims, authentication, offline, code, code_expires_at, redeemed_at,
           created_at, expires_at, revoked_at, revoked_reason, last_request, v)
         VALUES ('main', ?1, ?2, 'client-a', ?3, 'openid', '', NULL, ?4, 'none', NULL, '{}', ?5, 0, ?6, ?7, NULL,
           ?8, ?9, NULL, NULL, ?10, 1)",
        params![
            user.as_bytes(),
            id.as_bytes(),
            session.as_bytes(),
            grant(1).redirect_uri.as_bytes(),
            proof,
            code(1).as_bytes(),
            now + 60_000,
            now,
            now + 660_000,
            request.as_bytes()
        ],
    )
    .unwrap();
}

/// The statement by which a program of schema 1 redeems the code; how many rows it changed.
fn redeem_as_first(folder: &Folder) -> usize {
    let text = "UPDATE grants SET redeemed_at = ?4, last_request = ?5
                WHERE realm = ?1 AND user_id = ?2 AND id = ?3 AND code = ?6 AND code_expires_at > ?4
                  AND redeemed_at IS NULL AND revoked_at IS NULL AND v = ?7";
    let (user, id, request, code) = (user_id(1), grant_id(1), call(2).request, code(1));
    let bound = params![
        "main",
        user.as_bytes(),
        id.as_bytes(),
        NOW.millis().cast_signed(),
        request.as_bytes(),
        code.as_bytes(),
        1
    ];
    folder.raw().execute(text, bound).unwrap()
}

#[tokio::test]
async fn n228_records_of_the_first_schema_read_right_after_migration() {
    for written_before in [true, false] {
        let folder = Folder::new();
        make_first(&folder);
        if written_before {
            write_as_first(&folder);
        }
        let (kind, text) = folder.open().err().unwrap();
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("schema 1") && text.contains("keyward storage migrate"), "{text}");
        let newest = Sqlite::schema_version();
        assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), Migration { from: 1, to: newest });
        if !written_before {
            write_as_first(&folder);
        }
        assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
        let store = folder.open().unwrap();
        assert_eq!(store.clients().await.unwrap(), [bare_client("client-a")], "its first revision");
        let account = store.load_account(&user_id(1)).await.unwrap();
        assert_eq!(account.user, Some(bare_user(1)));
        assert_eq!(account.sessions, [session(1)]);
        assert_eq!(account.grants, [grant(1)], "without a refresh token");
    }
}

#[tokio::test]
async fn n228_records_of_the_first_schema_go_on_living() {
    let folder = Folder::new();
    make_first(&folder);
    write_as_first(&folder);
    let store = folder.create();
    let renamed = Client { name: "Renamed".into(), revision: 2, ..bare_client("client-a") };
    assert_eq!(store.replace_client(&renamed, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.clients().await.unwrap(), [renamed]);
    let key = grant_key(1);
    let redeemed = store.redeem_code(key, &code(1), Some(first_tip(1)), call(2)).await.unwrap();
    assert_eq!(redeemed, Commit::Done);
    let rotated = store.rotate_refresh(key, &first_tip(1), &rotated_tip(2), call(3)).await.unwrap();
    assert_eq!(rotated, Commit::Done);
    let kept = kept_grant(&store, &grant(1)).await.unwrap();
    assert_eq!((kept.redeemed_at, kept.refresh), (Some(NOW), Some(rotated_tip(2))));
}

#[tokio::test]
async fn n228_a_code_is_redeemed_once_by_programs_of_both_schemas() {
    for old_one_first in [true, false] {
        let folder = Folder::new();
        make_first(&folder);
        write_as_first(&folder);
        let store = folder.create();
        let redeem = async || store.redeem_code(grant_key(1), &code(1), Some(first_tip(1)), call(3)).await;
        if old_one_first {
            assert_eq!(redeem_as_first(&folder), 1);
            let last_request = call(2).request;
            let spent = Grant { redeemed_at: Some(NOW), last_request, ..grant(1) };
            assert_eq!(redeem().await.unwrap(), lost(spent));
        } else {
            assert_eq!(redeem().await.unwrap(), Commit::Done);
            assert_eq!(redeem_as_first(&folder), 0);
        }
    }
}

#[test]
fn n228_a_second_migration_that_breaks_off_leaves_the_first_schema() {
    let folder = Folder::new();
    make_first(&folder);
    write_as_first(&folder);
    // In the way of the migration's last table.
    folder.raw().execute_batch("CREATE TABLE attempts (x)").unwrap();
    assert_eq!(kind_of(Sqlite::migrate(&folder.path())), Some(StoreErrorKind::Corrupt));
    let left = |table: &str| {
        let text = format!("SELECT count(*) FROM pragma_table_info('{table}')");
        folder.raw().query_row(&text, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((left("clients"), left("grants"), left("denied_tokens")), (21, 23, 0), "as it was");
    folder.raw().execute_batch("DROP TABLE attempts").unwrap();
    let newest = Sqlite::schema_version();
    assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), Migration { from: 1, to: newest });
    folder.open().unwrap();
}
