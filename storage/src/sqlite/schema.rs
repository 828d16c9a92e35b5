//! Opening the file, and its schema: forward-only migrations, each applied in one transaction and recorded.

use super::fault::{self, Outage};
use super::location::{Location, SchemaChange};
use super::skeleton;
use crate::{Finding, StoreError, StoreErrorKind, UNFINISHED_IMPORT};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior, named_params};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// Version (from 1, without gaps), name, SQL.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "first", include_str!("../../../migrations/sqlite/0001_first.sql")),
    (2, "refresh_and_revocation", include_str!("../../../migrations/sqlite/0002_refresh_and_revocation.sql")),
    (3, "housekeeping", include_str!("../../../migrations/sqlite/0003_housekeeping.sql")),
    (4, "generations", include_str!("../../../migrations/sqlite/0004_generations.sql")),
    (5, "flow", include_str!("../../../migrations/sqlite/0005_flow.sql")),
    (6, "client_metadata", include_str!("../../../migrations/sqlite/0006_client_metadata.sql")),
    (7, "groups", include_str!("../../../migrations/sqlite/0007_groups.sql")),
];

pub(super) const RECORD: &str = "CREATE TABLE IF NOT EXISTS migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
) STRICT";

/// The schema version this program needs.
pub(super) const fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

/// The schema version of a store; 0 for an empty one.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    let known =
        db.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'", [], |_| Ok(())).optional()?;
    match known {
        Some(()) => db.query_row("SELECT coalesce(max(version), 0) FROM migrations", [], |row| row.get(0)),
        None => Ok(0),
    }
}

/// Migrates a store to this program's schema, and adds the skeletons its users lack.
pub(super) fn migrate(db: &mut Connection) -> Result<SchemaChange, StoreError> {
    let failed = |error| fault::failed("migrate", error);
    let from = version(db).map_err(failed)?;
    refuse_newer(from)?;
    for (number, name, text) in MIGRATIONS {
        apply(db, number, name, text).map_err(failed)?;
    }
    skeleton::claim(db).map_err(failed)?;
    Ok(SchemaChange { from, to: newest() })
}

fn apply(db: &mut Connection, number: i64, name: &str, text: &str) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again under the write lock: another process may have been faster.
    if version(&transaction)? >= number {
        return Ok(());
    }
    transaction.execute_batch(RECORD)?;
    transaction.execute_batch(text)?;
    transaction.execute(
        "INSERT INTO migrations (version, name) VALUES (:version, :name)",
        named_params! { ":version": number, ":name": name },
    )?;
    transaction.commit()
}

fn refuse_newer(version: i64) -> Result<(), StoreError> {
    if version <= newest() {
        return Ok(());
    }
    let text = format!(
        "the store was made by a newer Keyward (schema {version}, this program knows {}): use that version",
        newest()
    );
    Err(StoreError::new(StoreErrorKind::Corrupt, "open", text))
}

/// Refuses a store that isn't of this program's schema.
pub(super) fn require_newest(db: &Connection) -> Result<(), StoreError> {
    let version = version(db).map_err(|error| fault::failed("open", error))?;
    refuse_newer(version)?;
    if version == newest() {
        return Ok(());
    }
    let text = format!(
        "the store has schema {version}, this program needs {}: run `keyward storage migrate`",
        newest()
    );
    Err(StoreError::new(StoreErrorKind::Unavailable, "open", text))
}

/// The connection that writes. With `create`, a missing file and its folder are made, readable by the owner
/// only.
pub(super) fn connect(location: &Location, create: bool, busy: Duration) -> Result<Connection, StoreError> {
    let db = match location {
        Location::Memory => Connection::open_in_memory(),
        Location::File(path) => {
            prepare_file(path, create)?;
            Connection::open_with_flags(
                path,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )
        }
    };
    let set_up = |db: Connection| {
        log_ahead(&db, busy)?;
        db.busy_timeout(busy)?;
        db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF")?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(db)
    };
    db.and_then(set_up).map_err(|error| match location {
        Location::Memory => fault::failed("open", error),
        Location::File(path) => fault::failed_at(path, "open", &error),
    })
}

/// Turns write-ahead logging on. If two connections do so on one new file, each holds the lock that the other wants,
/// and SQLite refuses instead of waiting; so this waits.
fn log_ahead(db: &Connection, busy: Duration) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(10);
    db.busy_timeout(Duration::ZERO)?;
    let mut waited = Duration::ZERO;
    loop {
        // A store in memory answers `memory`; `check` examines what a file answers.
        match db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if is_busy(&error) && waited < busy => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// A connection that reads.
pub(super) fn connect_reader(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    let set_up = |db: Connection| {
        db.busy_timeout(busy)?;
        db.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF")?;
        db.set_prepared_statement_cache_capacity(32);
        // The first read opens the log; now log and file certainly belong together.
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(db)
    };
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .and_then(set_up)
        .map_err(|error| fault::failed_at(path, "open", &error))
}

fn prepare_file(path: &Path, create: bool) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    if !create {
        let text = format!(
            "there is no store at {}: work in the folder of the server, or name its file by the setting `storage` \
             (KEYWARD_STORAGE=sqlite:PATH); `keyward storage migrate` makes a new store",
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display()
        );
        return Err(StoreError::new(StoreErrorKind::Unavailable, "open", text));
    }
    make_file(path).map_err(|error| {
        let text = format!("can't make {}: {error}", path.display());
        StoreError::new(StoreErrorKind::Unavailable, "open", text)
    })
}

fn make_file(path: &Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    // Not exclusive: whichever process makes the file, both then migrate it.
    file.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.recursive(true).create(parent)?;
    }
    file.open(path).map(drop)
}

/// What is wrong with a store; empty if it is sound.
pub(super) fn check(path: &Path, busy: Duration) -> Result<Vec<Finding>, StoreError> {
    prepare_file(path, false)?;
    let db = connect_reader(path, busy)?;
    examine(&db).map_err(|error| fault::failed_at(path, "check", &error))
}

fn examine(db: &Connection) -> rusqlite::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut add = |what: String, fix: &'static str| findings.push(Finding { what, fix });
    let version = version(db)?;
    if version > newest() {
        add(format!("schema {version} was made by a newer Keyward"), "use the program that made it");
    } else if version < newest() {
        add(
            format!("schema {version}, but this program needs {}", newest()),
            "run `keyward storage migrate`",
        );
    }
    let mode: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        add(format!("journal mode is {mode}, not wal"), "open it once with `keyward storage migrate`");
    }
    let mut problems = db.prepare("PRAGMA integrity_check(20)")?;
    for problem in problems.query_map([], |row| row.get::<_, String>(0))? {
        let problem = problem?;
        if problem != "ok" {
            add(format!("damaged: {problem}"), "restore a backup, then run `keyward storage restored`");
        }
    }
    let strays = db.prepare("PRAGMA foreign_key_check")?.query_map([], |_| Ok(()))?.count();
    if strays > 0 {
        add(format!("{strays} identifiers lead to no user"), "restore a backup");
    }
    if version == newest() {
        let unfinished = "SELECT EXISTS (SELECT 1 FROM realms WHERE issuer = :issuer)";
        if db.query_row(unfinished, named_params! { ":issuer": UNFINISHED_IMPORT }, |row| row.get(0))? {
            findings.push(Finding::unfinished_import());
        }
    }
    Ok(findings)
}

/// Starts a named thread.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new().name(name.into()).spawn(work).map_err(|error| {
        Outage::new(StoreErrorKind::Unavailable, format!("can't start {name}: {error}")).during("open")
    })
}
