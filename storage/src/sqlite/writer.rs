//! The one thread that writes. Jobs that wait together share a transaction and so one sync of the disk; each
//! has its own savepoint, so one that fails undoes only itself. Nobody is answered before the commit.

use super::fault::Outage;
use super::guarded::control;
use super::home::Home;
use super::queue::{Access, CAPACITY, Job, Jobs, Queue, Waiting};
use super::schema::spawn;
use crate::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use std::sync::Arc;

/// How many jobs share a commit at most: bounds how long the first of them waits for the last.
const LARGEST_GROUP: usize = 128;

/// Starts the thread.
pub(super) fn start(db: Connection, home: Arc<Home>) -> Result<Queue, StoreError> {
    Queue::start(|waiting| {
        let jobs = waiting();
        Ok(vec![spawn("keyward-writer", move || serve(&db, &home, &jobs))?])
    })
}

fn serve(db: &Connection, home: &Home, jobs: &Waiting) {
    loop {
        let group = jobs.next(LARGEST_GROUP);
        if group.is_empty() {
            return;
        }
        let (mut writes, mut reads) = split(group);
        if !writes.is_empty() {
            let outage = home.check().and_then(|()| write_all(db, &mut writes)).err();
            if outage.as_ref().is_some_and(Outage::is_busy) {
                // Who came meanwhile waited for the same lock. To wait for it again, group after group, would keep
                // the last of them several times as long as anybody shall wait.
                let (late_writes, late_reads) = split(jobs.ready(CAPACITY));
                writes.extend(late_writes);
                reads.extend(late_reads);
            }
            writes.into_iter().for_each(|job| job.answer(outage.clone()));
        }
        reads.into_iter().for_each(|job| read(db, home, job));
    }
}

/// What writes, and what doesn't.
fn split(jobs: Jobs) -> (Jobs, Jobs) {
    jobs.into_iter().partition(|job| job.access() == Access::Write)
}

/// Runs a step that changes nothing, on any of the connections; nothing for a caller who left.
pub(super) fn read(db: &Connection, home: &Home, mut job: Box<dyn Job>) {
    if !job.is_wanted() {
        return;
    }
    let outage = home.check().err();
    if outage.is_none() {
        job.run(db);
    }
    job.answer(outage);
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
