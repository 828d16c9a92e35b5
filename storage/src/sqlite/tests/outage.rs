//! What a machine does to a file: locks, full disks, deletion. Each is an error the caller can act on, nothing
//! acknowledged is lost, and the store recovers when the cause is gone.

use super::*;
use protocol::client::Client;

/// Long enough to notice a lock, short enough for a test.
const SHORT: Duration = Duration::from_millis(10);

fn impatient(folder: &Folder) -> Result<Sqlite, StoreError> {
    Sqlite::open_waiting(&folder.location(), true, Realm::main(), SHORT)
}

/// Sets a pragma on the writing connection.
async fn set_writer(store: &Sqlite, pragma: &'static str) {
    let set = move |db: &Connection| db.prepare(pragma)?.query([])?.next().map(drop);
    store.writer.run("set_writer", Access::Read, set).await.unwrap();
}

#[tokio::test]
async fn a_lock_is_busy_and_passes() {
    let folder = Folder::new();
    let store = impatient(&folder).unwrap();
    put_session(&store, &session(1)).await;
    let other = folder.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(kind_of(store.start_session(&session(2), call(2)).await), Some(StoreErrorKind::Busy));
    assert_eq!(kind_of(store.probe().await), Some(StoreErrorKind::Busy));
    assert_eq!(kept_session(&store, &session(1)).await, Some(session(1)), "reads go on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(kept_session(&store, &session(2)).await, None);
    put_session(&store, &session(2)).await;
    store.probe().await.unwrap();
}

#[tokio::test]
async fn a_lock_is_waited_for() {
    let folder = Folder::new();
    let store = folder.create();
    let other = folder.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let second = session(2);
    let waiting = send(store.start_session(&second, call(1)));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(waiting.await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn whoever_waits_for_a_lock_waits_for_it_once() {
    let folder = Folder::new();
    let store = impatient(&folder).unwrap();
    let other = folder.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = hold(&store);
    // More than can share a commit.
    let sessions: Vec<_> = (1..=300).map(session).collect();
    let mut calls = sessions.iter().map(|session| send(store.start_session(session, call(1))));
    let (first, rest) = (calls.next().unwrap(), calls.collect::<Vec<_>>());
    held.release().await;
    assert_eq!(kind_of(first.await), Some(StoreErrorKind::Busy));
    other.execute_batch("ROLLBACK").unwrap();
    for answer in rest {
        assert_eq!(kind_of(answer.await), Some(StoreErrorKind::Busy));
    }
    put_session(&store, &session(1)).await;
}

#[test]
fn a_lock_at_the_start_is_busy_and_passes() {
    let folder = Folder::new();
    Sqlite::migrate(&folder.path()).unwrap();
    let other = folder.raw();
    // Not in WAL mode, so the lock keeps readers out, too.
    other.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").unwrap();
    assert_eq!(kind_of(impatient(&folder)), Some(StoreErrorKind::Busy));
    assert_eq!(
        kind_of(super::super::schema::check(&folder.path(), SHORT)),
        Some(StoreErrorKind::Busy),
        "no finding would mean that it is sound"
    );
    other.execute_batch("ROLLBACK").unwrap();
    impatient(&folder).unwrap();
}

#[tokio::test]
async fn n222_a_full_disk_is_unavailable_and_recovers() {
    let folder = Folder::new();
    let store = folder.create();
    put_session(&store, &session(1)).await;
    // The limit is below the current size, so the file can't grow any more.
    set_writer(&store, "PRAGMA max_page_count = 1").await;
    let large = Client { name: "x".repeat(200_000), ..bare_client("large") };
    assert_eq!(kind_of(store.create_client(&large, call(2)).await), Some(StoreErrorKind::Unavailable));
    assert_eq!(store.clients().await.unwrap(), []);
    assert_eq!(kept_session(&store, &session(1)).await, Some(session(1)), "reads go on");
    set_writer(&store, "PRAGMA max_page_count = 1000000").await;
    put_client(&store, &large).await;
    assert_eq!(store.clients().await.unwrap(), [large]);
}

#[tokio::test]
async fn n222_a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let store = folder.create();
    put_session(&store, &session(1)).await;
    set_writer(&store, "PRAGMA max_page_count = 1").await;
    let large = Client { name: "x".repeat(200_000), ..bare_client("large") };
    let (before, after) = (session(2), session(3));
    let held = hold(&store);
    let early = send(store.start_session(&before, call(2)));
    let failing = send(store.create_client(&large, call(3)));
    let late = send(store.start_session(&after, call(4)));
    held.release().await;
    assert_eq!(kind_of(failing.await), Some(StoreErrorKind::Unavailable));
    // SQLite may undo the one statement or the whole transaction; the answers must match what was committed.
    for (answer, session) in [(early.await, &before), (late.await, &after)] {
        let is_kept = kept_session(&store, session).await.is_some();
        assert_eq!(answer.as_ref().is_ok_and(Commit::is_done), is_kept);
        assert_eq!(kind_of(answer), (!is_kept).then_some(StoreErrorKind::Unavailable));
    }
    set_writer(&store, "PRAGMA max_page_count = 1000000").await;
    put_client(&store, &large).await;
}

#[tokio::test]
async fn n222_a_read_only_file_is_unavailable_and_recovers() {
    let folder = Folder::new();
    let store = folder.create();
    // Stands for a file system remounted read-only: the same answer of SQLite, and it works for root as well.
    set_writer(&store, "PRAGMA query_only = ON").await;
    assert_eq!(kind_of(store.start_session(&session(1), call(1)).await), Some(StoreErrorKind::Unavailable));
    assert_eq!(kept_session(&store, &session(1)).await, None);
    assert_eq!(kind_of(store.probe().await), Some(StoreErrorKind::Unavailable), "n202: it is not ready");
    set_writer(&store, "PRAGMA query_only = OFF").await;
    store.probe().await.unwrap();
    put_session(&store, &session(1)).await;
}

#[tokio::test]
async fn n202_a_probe_leaves_nothing_behind_and_removes_nothing() {
    let folder = Folder::new();
    let store = folder.create();
    let files = || {
        let entries = std::fs::read_dir(folder.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // The database of another server may have any name.
    std::fs::write(folder.0.path().join("keyward.db-room"), "x").unwrap();
    let before = files();
    for _ in 0..3 {
        store.probe().await.unwrap();
        assert_eq!(files(), before);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_gone_is_unavailable_and_recovers() {
    let folder = Folder::new();
    let store = folder.create();
    put_session(&store, &session(1)).await;
    let aside = folder.0.path().join("aside.db");
    let refused = async |number| {
        let answer = kind_of(store.start_session(&session(number), call(2)).await);
        assert_eq!(answer, Some(StoreErrorKind::Unavailable));
        assert_eq!(kind_of(store.probe().await), Some(StoreErrorKind::Unavailable));
        assert_eq!(kind_of(store.change_mark().await), Some(StoreErrorKind::Unavailable));
        // It could be read, but its content may be outdated.
        assert_eq!(kind_of(store.load_grant(grant_at(1)).await), Some(StoreErrorKind::Unavailable));
    };
    std::fs::rename(folder.path(), &aside).unwrap();
    refused(2).await;
    assert!(!folder.path().exists());
    // A backup put in its place: the same content, but another file than the open one.
    std::fs::copy(&aside, folder.path()).unwrap();
    refused(3).await;
    std::fs::rename(&aside, folder.path()).unwrap();
    put_session(&store, &session(4)).await;
    store.probe().await.unwrap();
    store.change_mark().await.unwrap();
    for (number, is_kept) in [(1, true), (2, false), (3, false), (4, true)] {
        assert_eq!(kept_session(&store, &session(number)).await.is_some(), is_kept, "{number}");
    }
}

#[tokio::test]
async fn n222_a_log_that_grew_is_worked_off_and_grows_no_more() {
    let folder = Folder::new();
    let store = folder.create();
    let size = || std::fs::metadata(folder.0.path().join("keyward.db-wal")).unwrap().len();
    let write = async |from: u32, to: u32| {
        for number in from..to {
            let large = Client { name: "x".repeat(200_000), ..bare_client(&format!("c{number}")) };
            put_client(&store, &large).await;
        }
    };
    // A long read keeps what is written meanwhile in the write-ahead log.
    let reader = folder.raw();
    reader.execute_batch("BEGIN; SELECT count(*) FROM clients").unwrap();
    write(0, 60).await;
    let grown = size();
    assert!(grown > 60 * 200_000, "{grown}");
    assert_eq!(store.clients().await.unwrap().len(), 60, "reads and writes go on");
    reader.execute_batch("COMMIT").unwrap();
    write(60, 180).await;
    assert!(size() <= grown + 5_000_000, "{} after {grown}", size());
    assert_eq!(store.clients().await.unwrap().len(), 180);
}

/// A backup put in place of a running server's file, and a command that then writes to it.
#[cfg(unix)]
#[tokio::test]
async fn n226_a_store_whose_file_was_replaced_answers_nothing_until_it_is_opened_anew() {
    let folder = Folder::new();
    put_client(&folder.create(), &bare_client("a")).await;
    let backup = folder.0.path().join("backup.db");
    std::fs::copy(folder.path(), &backup).unwrap();
    let server = folder.open().unwrap();
    assert_eq!(server.clients().await.unwrap(), [bare_client("a")]);
    std::fs::rename(&backup, folder.path()).unwrap();
    let command = folder.open().unwrap();
    let disabled = Client { disabled: true, revision: 2, ..bare_client("a") };
    assert_eq!(command.replace_client(&disabled, call(2)).await.unwrap(), Commit::Done);
    // Every thread that reads, more than once.
    for _ in 0..10 {
        let told = server.client(&client_id("a")).await.unwrap_err();
        assert_eq!(told.kind(), StoreErrorKind::Unavailable);
        assert!(told.to_string().contains("restart the server"), "{told}");
    }
    assert_eq!(kind_of(server.probe().await), Some(StoreErrorKind::Unavailable));
    let anew = folder.open().unwrap();
    assert_eq!(anew.clients().await.unwrap(), [disabled]);
}
