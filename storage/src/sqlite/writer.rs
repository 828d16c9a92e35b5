//! The one thread that writes. Jobs that wait together share a transaction, and so one sync of the disk; each has its
//! own savepoint, so a job that fails undoes only its own work. No caller is answered before the commit.

use super::database_file::DatabaseFile;
use super::fault::Outage;
use super::guarded::control;
use super::queue::{Access, CAPACITY, Job, Jobs, Queue, Receiver};
use super::schema::spawn;
use crate::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use std::sync::Arc;

/// How many jobs share a commit at most, which bounds how long the first of them waits for the last.
const LARGEST_GROUP: usize = 128;

/// Starts the thread.
pub(super) fn start(db: Connection, file: Arc<DatabaseFile>) -> Result<Queue, StoreError> {
    Queue::start(|receiver| {
        let jobs = receiver();
        Ok(vec![spawn("keyward-writer", move || serve(&db, &file, &jobs))?])
    })
}

fn serve(db: &Connection, file: &DatabaseFile, jobs: &Receiver) {
    loop {
        let group = jobs.next(LARGEST_GROUP);
        if group.is_empty() {
            return;
        }
        let (mut writes, mut reads) = split(group);
        if !writes.is_empty() {
            let outage = file.check().and_then(|()| write_all(db, &mut writes)).err();
            if outage.as_ref().is_some_and(Outage::is_busy) {
                // The jobs that came meanwhile waited for the same lock. If each group waited for it again, the last
                // job would wait several times as long as a call may.
                let (late_writes, late_reads) = split(jobs.ready(CAPACITY));
                writes.extend(late_writes);
                reads.extend(late_reads);
            }
            writes.into_iter().for_each(|job| job.answer(outage.clone()));
        }
        reads.into_iter().for_each(|job| read(db, file, job));
    }
}

/// The jobs that write, and those that read.
fn split(jobs: Jobs) -> (Jobs, Jobs) {
    jobs.into_iter().partition(|job| job.access() == Access::Write)
}

/// Runs a job that reads, on any of the connections, unless its caller has left.
pub(super) fn read(db: &Connection, file: &DatabaseFile, mut job: Box<dyn Job>) {
    if !job.is_wanted() {
        return;
    }
    let outage = file.check().err();
    if outage.is_none() {
        job.run(db);
    }
    job.answer(outage);
}

/// Runs a group in one transaction. On an error none of it is committed, and the connection is free again.
fn write_all(db: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Outage> {
    let result = control(db, "BEGIN IMMEDIATE").and_then(|()| {
        for job in jobs {
            control(db, "SAVEPOINT job")?;
            let succeeded = job.run(db);
            if db.is_autocommit() {
                // SQLite rolls the whole transaction back when the disk is full or fails.
                return Ok(false);
            }
            if !succeeded {
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
