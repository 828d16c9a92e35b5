//! A few threads with read-only connections, so that reads wait neither for writes nor for each other.

use super::database_file::DatabaseFile;
use super::queue::{Queue, Receiver};
use super::schema::spawn;
use super::writer::read;
use crate::StoreError;
use rusqlite::Connection;
use std::sync::Arc;

/// How many threads read.
pub(super) const COUNT: usize = 3;

/// Starts a thread for each connection.
pub(super) fn start(connections: Vec<Connection>, file: &Arc<DatabaseFile>) -> Result<Queue, StoreError> {
    Queue::start(|receiver| {
        let one = |db| {
            let (jobs, file) = (receiver(), Arc::clone(file));
            spawn("keyward-reader", move || serve(&db, &file, &jobs))
        };
        connections.into_iter().map(one).collect()
    })
}

fn serve(db: &Connection, file: &DatabaseFile, jobs: &Receiver) {
    while let Some(job) = jobs.next(1).pop() {
        read(db, file, job);
    }
}
