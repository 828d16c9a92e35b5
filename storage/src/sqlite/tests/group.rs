//! The writing thread: jobs that wait together are committed together, and each fails on its own.

use super::super::queue::CAPACITY;
use super::*;
use std::iter::repeat_with;

/// How many commits the log has. SQLite's file format, §4.1: a header of 32 bytes, then frames of 24 bytes and a page;
/// the last frame of a commit has the size of the database in bytes 4 to 7, the others 0.
fn commits(folder: &Folder) -> usize {
    let log = std::fs::read(folder.0.path().join("keyward.db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    log[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn writes_that_wait_together_share_a_commit() {
    let folder = Folder::new();
    let store = folder.create();
    // At most 128, so that the first doesn't wait too long.
    for (first, writes, shared) in [(0, 1, 1), (1000, 100, 1), (2000, 128, 1), (3000, 300, 3)] {
        let before = commits(&folder);
        let held = hold(&store);
        let sessions: Vec<_> = (first..first + writes).map(session).collect();
        let calls: Vec<_> =
            sessions.iter().map(|session| send(store.start_session(session, call(1)))).collect();
        held.release().await;
        for answer in calls {
            assert_eq!(answer.await.unwrap(), Commit::Done);
        }
        assert_eq!(commits(&folder) - before, shared, "{writes} writes");
    }
}

#[tokio::test]
async fn a_write_that_changes_nothing_costs_no_commit() {
    let folder = Folder::new();
    let store = folder.create();
    put_session(&store, &session(1)).await;
    let before = commits(&folder);
    assert_eq!(store.start_session(&session(1), call(2)).await.unwrap(), lost(session(1)));
    assert_eq!(commits(&folder), before);
}

#[tokio::test]
async fn a_job_that_fails_undoes_only_itself() {
    let folder = Folder::new();
    let store = folder.create();
    let (first, last) = (session(1), session(2));
    let held = hold(&store);
    let before = send(store.start_session(&first, call(1)));
    let failing = send(store.write("failing", |db, realm| {
        drop(realm::replace_issuer(db, realm, &None, "https://half.example", &call(2))?);
        db.execute("INSERT INTO nowhere VALUES (1)", [])
    }));
    let after = send(store.start_session(&last, call(3)));
    held.release().await;
    assert_eq!(before.await.unwrap(), Commit::Done);
    assert_eq!(kind_of(failing.await), Some(StoreErrorKind::Corrupt));
    assert_eq!(after.await.unwrap(), Commit::Done);
    assert_eq!(store.issuer().await.unwrap(), None, "its first half is undone");
    for kept in [first, last] {
        assert_eq!(kept_session(&store, &kept).await, Some(kept));
    }
}

#[tokio::test]
async fn nobody_is_answered_before_the_commit() {
    let folder = Folder::new();
    let store = folder.create();
    let first = session(1);
    let held = hold(&store);
    let mut early = send(store.start_session(&first, call(1)));
    let (begun, begins) = channel();
    let (release, released) = channel();
    let late = send(store.write("late", move |_, _| {
        begun.send(()).unwrap();
        released.recv().unwrap();
        Ok(())
    }));
    held.release().await;
    begins.recv().unwrap();
    // The first job of the group is done, the second is under way.
    assert!(is_pending(&mut early));
    assert_eq!(kept_session(&store, &first).await, None);
    release.send(()).unwrap();
    late.await.unwrap();
    assert_eq!(early.await.unwrap(), Commit::Done);
    assert_eq!(kept_session(&store, &first).await, Some(first));
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let folder = Folder::new();
    let store = folder.create();
    let held = hold(&store);
    let waiting: Vec<_> =
        repeat_with(|| send(store.write("waiting", |_, _| Ok(())))).take(CAPACITY).collect();
    let refused = session(1);
    assert_eq!(kind_of(store.start_session(&refused, call(1)).await), Some(StoreErrorKind::Busy));
    assert_eq!(kind_of(store.probe().await), Some(StoreErrorKind::Busy));
    assert_eq!(store.issuer().await.unwrap(), None, "reads have their own queue");
    held.release().await;
    for answer in waiting {
        answer.await.unwrap();
    }
    assert_eq!(kept_session(&store, &refused).await, None);
    put_session(&store, &refused).await;
}

#[tokio::test]
async fn what_a_caller_left_behind_is_finished_before_the_store_closes() {
    let folder = Folder::new();
    let store = folder.create();
    let left = session(1);
    let held = hold(&store);
    drop(send(store.start_session(&left, call(1))));
    held.release().await;
    assert_eq!(store.issuer().await.unwrap(), None, "a reader has the log open, too");
    drop(store);
    let files: Vec<_> =
        std::fs::read_dir(folder.0.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files, [folder.path()], "the log is folded into the file");
    let again = folder.open().unwrap();
    assert_eq!(kept_session(&again, &left).await, Some(left));
}

#[tokio::test]
async fn a_writer_that_died_is_unavailable_and_reads_go_on() {
    let folder = Folder::new();
    let store = folder.create();
    put_session(&store, &session(1)).await;
    let died = store.write("dying", |_, _| -> rusqlite::Result<()> { panic!("a job must not panic") });
    assert_eq!(kind_of(died.await), Some(StoreErrorKind::Unavailable));
    assert_eq!(kind_of(store.start_session(&session(2), call(1)).await), Some(StoreErrorKind::Unavailable));
    assert_eq!(kind_of(store.probe().await), Some(StoreErrorKind::Unavailable));
    assert_eq!(kept_session(&store, &session(1)).await, Some(session(1)));
}
