//! The one thread that writes. Jobs that wait together share a transaction and so one sync of the disk; each
//! has its own savepoint, so one that fails undoes only itself. Nobody is answered before the commit.

use super::control;
use super::fault::Outage;
use super::queue::{Access, Job, Queue, Waiting};
use super::schema::spawn;
use crate::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use std::fs::Metadata;
use std::path::PathBuf;

/// How many jobs share a commit at most: bounds how long the first of them waits for the last.
const LARGEST_GROUP: usize = 128;

/// Starts the thread. `path` is `None` for a store in memory.
pub(super) fn start(db: Connection, path: Option<PathBuf>) -> Result<Queue, StoreError> {
    let home = path.map(Home::of).transpose()?;
    Queue::start(|waiting| {
        let jobs = waiting();
        Ok(vec![spawn("keyward-writer", move || serve(&db, home.as_ref(), &jobs))?])
    })
}

fn serve(db: &Connection, home: Option<&Home>, jobs: &Waiting) {
    loop {
        let group = jobs.next(LARGEST_GROUP);
        if group.is_empty() {
            return;
        }
        let (mut writes, reads): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|job| job.access() == Access::Write);
        if !writes.is_empty() {
            let outage = home.map_or(Ok(()), Home::check).and_then(|()| write_all(db, &mut writes)).err();
            writes.into_iter().for_each(|job| job.answer(outage.clone()));
        }
        for mut job in reads {
            job.run(db);
            job.answer(None);
        }
    }
}

/// Runs a group in one transaction. On an error nothing of it is kept, and the connection is free again.
fn write_all(db: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Outage> {
    let result = control(db, "BEGIN IMMEDIATE").and_then(|()| {
        for job in jobs {
            control(db, "SAVEPOINT job")?;
            let kept = job.run(db);
            if db.is_autocommit() {
                // A full disk or a failing one makes SQLite roll back the whole transaction by itself.
                return Ok(false);
            }
            if !kept {
                control(db, "ROLLBACK TO job")?;
            }
            control(db, "RELEASE job")?;
        }
        control(db, "COMMIT").map(|()| true)
    });
    if !db.is_autocommit() {
        drop(db.execute_batch("ROLLBACK"));
    }
    match result {
        Ok(true) => Ok(()),
        Ok(false) => Err(Outage::new(StoreErrorKind::Unavailable, "the transaction was rolled back")),
        Err(error) => Err(Outage::from(&error)),
    }
}

/// The file as it was opened. A file that was deleted or replaced can still be written to, but what is
/// written there is lost, so it must not be acknowledged.
struct Home {
    path: PathBuf,
    file: Option<(u64, u64)>,
}

impl Home {
    fn of(path: PathBuf) -> Result<Self, StoreError> {
        let file = std::fs::metadata(&path)
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, "open", error))?;
        Ok(Self { file: identity(&file), path })
    }

    fn check(&self) -> Result<(), Outage> {
        let lost = |text: String| Outage::new(StoreErrorKind::Unavailable, text);
        let now =
            std::fs::metadata(&self.path).map_err(|error| lost(format!("the file is gone: {error}")))?;
        if identity(&now) == self.file { Ok(()) } else { Err(lost("the file was replaced".into())) }
    }
}

#[cfg(unix)]
fn identity(file: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
