//! A store of an older schema: its records are read correctly once it is migrated, and an older program that still runs
//! can continue to write.

use super::super::schema::RECORD;
use super::*;
use crate::Belonging;
use protocol::generation::Generation;
use protocol::pkce::Pkce;
use rusqlite::params;

/// Schema 1: before refresh tokens, revocation, and revisions of clients. Schema 3: before generations. Schema 4: before
/// flows.
const EARLIER: [&str; 4] = [
    include_str!("../../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../../migrations/sqlite/0002_refresh_and_revocation.sql"),
    include_str!("../../../../migrations/sqlite/0003_housekeeping.sql"),
    include_str!("../../../../migrations/sqlite/0004_generations.sql"),
];

fn make(folder: &Folder, schema: usize) {
    let db = folder.raw();
    db.execute_batch(RECORD).unwrap();
    for (number, text) in (1_i64..).zip(EARLIER).take(schema) {
        db.execute_batch(text).unwrap();
        db.execute("INSERT INTO migrations (version, name) VALUES (?1, 'earlier')", [number]).unwrap();
    }
}

fn make_first(folder: &Folder) {
    make(folder, 1);
}

/// The rows that a program of schema 1 writes: with its columns by name, in a store that may have more.
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
            grant(1).code().unwrap().redirect_uri.as_bytes(),
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

/// Redeems the code with the statement of a program of schema 1; how many rows it changed.
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
        assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: 1, to: newest });
        if !written_before {
            write_as_first(&folder);
        }
        assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
        let store = folder.open().unwrap();
        assert_eq!(store.clients().await.unwrap(), [bare_client("client-a")], "its first revision");
        assert_eq!(store.user(&user_id(1)).await.unwrap(), Some(bare_user(1)));
        let session = Session { authority: None, ..session(1) };
        let all = [Belonging::Grant(Box::new(grant(1))), Belonging::Session(session)];
        assert_eq!(store.belongings(&user_id(1), None).await.unwrap().list, all, "without a refresh token");
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
    assert_eq!((kept.redeemed_at(), kept.refresh), (Some(NOW), Some(rotated_tip(2))));
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
            let spent = Grant { last_request, ..redeemed(grant(1), NOW) };
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
    // Conflicts with the migration's last table.
    folder.raw().execute_batch("CREATE TABLE attempts (x)").unwrap();
    assert_eq!(kind_of(Sqlite::migrate(&folder.path())), Some(StoreErrorKind::Corrupt));
    let left = |table: &str| {
        let text = format!("SELECT count(*) FROM pragma_table_info('{table}')");
        folder.raw().query_row(&text, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((left("clients"), left("grants"), left("denied_tokens")), (21, 23, 0), "as it was");
    folder.raw().execute_batch("DROP TABLE attempts").unwrap();
    let newest = Sqlite::schema_version();
    assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: 1, to: newest });
    folder.open().unwrap();
}

/// The rows that a program of schema 3 writes besides, and what it ends by instants.
fn write_as_third(folder: &Folder) {
    write_as_first(folder);
    let (db, now) = (folder.raw(), NOW.millis().cast_signed());
    let text = "INSERT INTO consents (realm, user_id, client_id, scope, granted_at, v)
                VALUES ('main', ?1, 'client-a', 'openid', ?2, 1)";
    db.execute(text, params![user_id(1).as_bytes(), now]).unwrap();
    db.execute("UPDATE clients SET not_before = 7", []).unwrap();
    void_as_third(folder, NOW);
}

/// Signs user 1 out everywhere as such a program does.
fn void_as_third(folder: &Folder, not_before: Timestamp) {
    let text = "UPDATE users SET not_before = max(not_before, ?3), last_request = ?4
                WHERE realm = ?1 AND id = ?2 AND v = 1";
    let (user, not_before, by) = (user_id(1), not_before.millis().cast_signed(), call(9).request);
    let bound = params!["main", user.as_bytes(), not_before, by.as_bytes()];
    assert_eq!(folder.raw().execute(text, bound), Ok(1));
}

#[tokio::test]
async fn n241_records_of_the_third_schema_read_right_after_migration() {
    for written_before in [true, false] {
        let folder = Folder::new();
        make(&folder, 3);
        if written_before {
            write_as_third(&folder);
        }
        let newest = Sqlite::schema_version();
        assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: 3, to: newest });
        if !written_before {
            write_as_third(&folder);
        }
        assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
        let store = folder.open().unwrap();
        let ended = |not_before| Generation { id: None, not_before };
        let client = Client { generation: ended(Timestamp::from_millis(7)), ..bare_client("client-a") };
        assert_eq!(store.clients().await.unwrap(), [client]);
        let user = User { generation: ended(NOW), ..bare_user(1) };
        assert_eq!(store.user(&user.id).await.unwrap(), Some(user));
        let consent = Consent { authority: None, ..agreed(1, "client-a", "openid", call(1)) };
        let session = Session { authority: None, ..session(1) };
        let all = [
            Belonging::Consent(consent),
            Belonging::Grant(Box::new(grant(1))),
            Belonging::Session(session.clone()),
        ];
        assert_eq!(store.belongings(&user_id(1), None).await.unwrap().list, all);
        assert_eq!(store.load_grant(grant_at(1)).await.unwrap().session, Some(session));
    }
}

/// A program that doesn't know generations still runs next to this one: what it ends is ended here.
#[tokio::test]
async fn n241_an_end_by_a_program_of_the_third_schema_is_another_generation() {
    let folder = Folder::new();
    make(&folder, 3);
    write_as_third(&folder);
    let store = folder.create();
    let kept = async || store.user(&user_id(1)).await.unwrap().unwrap().generation;
    let mut all = vec![kept().await];
    for number in 1..5 {
        assert!(store.void_user(&user_id(1), call(number)).await.unwrap().is_done());
        all.push(kept().await);
        void_as_third(&folder, later(u64::from(number) * 10));
        all.push(kept().await);
    }
    for (at, generation) in all.iter().enumerate() {
        assert!(!all.iter().skip(at + 1).any(|other| other == generation), "{all:?}");
    }
}

/// How a program of schema 4 puts [`full_grant`] 1.
fn write_as_fourth(folder: &Folder) {
    let (grant, tip) = (full_grant(1), rotated_tip(1));
    let (issued, revoked, authority) =
        (grant.code().unwrap(), grant.revoked.unwrap(), grant.authority.unwrap());
    let Pkce::S256(challenge) = &issued.pkce else { unreachable!() };
    let at = |at: Timestamp| at.millis().cast_signed();
    let text = "INSERT INTO grants (realm, user_id, id, client_id, session_id, requested_scope, scope, resource,
                  redirect_uri, pkce, nonce, claims, authentication, offline, code, code_expires_at, redeemed_at,
                  created_at, expires_at, revoked_at, revoked_reason, last_request, v, refresh_digest,
                  refresh_generation, refresh_rotated_at, refresh_master, refresh_idle_expires_at,
                  refresh_expires_at, authority)
                VALUES ('main', ?1, ?2, 'client-a', ?3, 'openid', 'openid email', ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11,
                  ?12, ?13, ?14, ?15, 'code_replayed', ?16, 1, ?17, 7, ?18, 300, ?19, ?20, ?21)";
    let bound = params![
        grant.user.as_bytes(),
        grant.id.as_bytes(),
        grant.session.as_bytes(),
        grant.resource,
        issued.redirect_uri.as_bytes(),
        challenge.as_str(),
        issued.nonce,
        serde_json::to_string(&grant.claims).unwrap(),
        serde_json::to_string(&grant.authentication).unwrap(),
        issued.digest.as_bytes(),
        at(issued.expires_at),
        issued.redeemed_at.map(at),
        at(grant.created_at),
        at(grant.expires_at),
        at(revoked.at),
        grant.last_request.as_bytes(),
        tip.digest.as_bytes(),
        tip.rotated_at.map(at),
        at(tip.idle_expires_at),
        at(tip.expires_at),
        authority.as_bytes()
    ];
    assert_eq!(folder.raw().execute(text, bound), Ok(1));
}

#[tokio::test]
async fn n228_grants_of_the_fourth_schema_were_given_by_codes() {
    for written_before in [true, false] {
        let folder = Folder::new();
        make(&folder, 4);
        if written_before {
            write_as_fourth(&folder);
        }
        let newest = Sqlite::schema_version();
        assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: 4, to: newest });
        if !written_before {
            write_as_fourth(&folder);
        }
        assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
        let store = folder.open().unwrap();
        assert_eq!(kept_grant(&store, &full_grant(1)).await, Some(full_grant(1)));
        put_grant(&store, &full_grant(2)).await;
        let flow: String =
            folder.raw().query_row("SELECT group_concat(flow) FROM grants", [], |row| row.get(0)).unwrap();
        assert_eq!(flow, "code,code");
    }
}
