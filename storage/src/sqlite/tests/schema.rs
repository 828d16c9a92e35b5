//! Making, opening, migrating and examining a file.

use super::*;

const NEWEST: i64 = Sqlite::schema_version();

/// The file before there is a store: none, or an empty one.
fn beginnings() -> [Folder; 2] {
    let [missing, empty] = [Folder::new(), Folder::new()];
    std::fs::write(empty.path(), "").unwrap();
    [missing, empty]
}

fn findings(folder: &Folder) -> Vec<String> {
    Sqlite::check(&folder.path()).unwrap().into_iter().map(|finding| finding.what).collect()
}

#[test]
fn n228_an_empty_store_is_migrated_once() {
    for folder in beginnings() {
        assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: 0, to: NEWEST });
        assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: NEWEST, to: NEWEST });
        let count = |db: &Connection| db.query_row("SELECT count(*) FROM migrations", [], |row| row.get(0));
        assert_eq!(count(&folder.raw()), Ok(NEWEST));
        assert_eq!(findings(&folder), [""; 0]);
        folder.open().unwrap();
    }
}

#[test]
fn only_who_may_create_makes_a_store() {
    for folder in beginnings() {
        let was_there = folder.path().exists();
        let (kind, text) = folder.open().err().unwrap();
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("keyward storage migrate"), "{text}");
        assert_eq!(folder.path().exists(), was_there);
        folder.create();
        folder.open().unwrap();
    }
}

#[test]
fn n228_an_older_store_is_refused_until_it_is_migrated() {
    let folder = Folder::new();
    // A program that got no further than the table of migrations.
    folder.raw().execute_batch(super::super::schema::RECORD).unwrap();
    let (kind, text) = folder.open().err().unwrap();
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("schema 0") && text.contains("keyward storage migrate"), "{text}");
    let old = findings(&folder);
    assert!(old.iter().any(|what| what.contains("schema 0")), "{old:?}");
    Sqlite::migrate(&folder.path()).unwrap();
    folder.open().unwrap();
}

#[test]
fn n228_a_newer_store_is_refused_and_not_touched() {
    let folder = Folder::new();
    folder.create();
    let newer = format!("INSERT INTO migrations (version, name) VALUES ({}, 'later')", NEWEST + 1);
    folder.raw().execute_batch(&newer).unwrap();
    let content = std::fs::read(folder.path()).unwrap();
    for create in [false, true] {
        let error = Sqlite::open(&folder.location(), create, Realm::main()).err().unwrap();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(error.to_string().contains("newer Keyward"), "{error}");
    }
    assert_eq!(kind_of(Sqlite::migrate(&folder.path())), Some(StoreErrorKind::Corrupt));
    let newer = findings(&folder);
    assert!(newer.iter().any(|what| what.contains("newer Keyward")), "{newer:?}");
    assert_eq!(std::fs::read(folder.path()).unwrap(), content);
}

#[test]
fn n228_a_migration_that_breaks_off_leaves_nothing() {
    let folder = Folder::new();
    // Conflicts with the first migration's last table.
    folder.raw().execute_batch("CREATE TABLE grants (x)").unwrap();
    assert_eq!(kind_of(Sqlite::migrate(&folder.path())), Some(StoreErrorKind::Corrupt));
    let tables: Vec<String> = (folder.raw().prepare("SELECT name FROM sqlite_schema").unwrap())
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(tables, ["grants"]);
    folder.raw().execute_batch("DROP TABLE grants").unwrap();
    assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: 0, to: NEWEST });
    folder.open().unwrap();
}

#[test]
fn many_processes_may_start_on_one_new_store() {
    for _ in 0..10 {
        let folder = Folder::new();
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    folder.create()
                });
            }
        });
        assert_eq!(findings(&folder), [""; 0]);
    }
}

#[cfg(unix)]
#[test]
fn file_and_folder_are_the_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let path = folder.0.path().join("made/for/it/keyward.db");
    Sqlite::migrate(&path).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn what_is_no_database_is_corrupt_and_what_is_no_file_unavailable() {
    let folder = Folder::new();
    let text = "issuer = \"https://auth.example\"\n".repeat(100);
    std::fs::write(folder.path(), &text).unwrap();
    assert_eq!(folder.open().err().map(|(kind, _)| kind), Some(StoreErrorKind::Corrupt));
    assert_eq!(kind_of(Sqlite::migrate(&folder.path())), Some(StoreErrorKind::Corrupt));
    assert_eq!(kind_of(Sqlite::check(&folder.path())), Some(StoreErrorKind::Corrupt));
    assert_eq!(std::fs::read_to_string(folder.path()).unwrap(), text, "left as it was");

    // A folder instead of the file, and a file instead of the folder.
    for path in [folder.0.path().to_owned(), folder.path().join("keyward.db")] {
        let opened = Sqlite::open(&Location::File(path.clone()), true, Realm::main());
        assert_eq!(kind_of(opened), Some(StoreErrorKind::Unavailable), "{path:?}");
    }
    let missing = folder.0.path().join("missing.db");
    assert_eq!(kind_of(Sqlite::check(&missing)), Some(StoreErrorKind::Unavailable));
    assert!(!missing.exists(), "examining makes nothing");
}

#[tokio::test]
async fn check_finds_a_sound_store_sound_while_it_is_in_use() {
    let folder = Folder::new();
    let store = folder.create();
    put_session(&store, &session(1)).await;
    assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
    drop(store);
    assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
}

#[test]
fn check_names_each_fault_and_its_mend() {
    for (fault, what, fix) in [
        ("PRAGMA journal_mode = DELETE", "journal mode is delete", "storage migrate"),
        (
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'grants_by_expiry'",
            "damaged: ",
            "backup",
        ),
        (
            "PRAGMA foreign_keys = OFF; INSERT INTO identifiers VALUES ('main', 'username', 'alice', x'00')",
            "1 identifiers lead to no user",
            "backup",
        ),
        (
            "INSERT INTO realms VALUES ('main', 'an unfinished import', zeroblob(16), 1)",
            "an import into it has not ended",
            "the same `keyward storage import` again",
        ),
    ] {
        let folder = Folder::new();
        Sqlite::migrate(&folder.path()).unwrap();
        folder.raw().execute_batch(fault).unwrap();
        let findings = Sqlite::check(&folder.path()).unwrap();
        let [finding] = &findings[..] else { panic!("{fault}: {findings:?}") };
        assert!(finding.what.contains(what) && finding.fix.contains(fix), "{finding:?}");
    }
}

#[test]
fn a_store_is_put_back_into_wal_mode() {
    let folder = Folder::new();
    Sqlite::migrate(&folder.path()).unwrap();
    folder.raw().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    folder.open().unwrap();
    assert_eq!(findings(&folder), [""; 0]);
}
