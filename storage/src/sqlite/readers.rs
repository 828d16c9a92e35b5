//! A few threads with read-only connections, so that reads neither wait for writes nor for each other.

use super::queue::{Queue, Waiting};
use super::schema::spawn;
use crate::StoreError;
use rusqlite::Connection;

/// How many threads read.
pub(super) const COUNT: usize = 3;

/// Starts a thread for each connection.
pub(super) fn start(connections: Vec<Connection>) -> Result<Queue, StoreError> {
    Queue::start(|waiting| {
        let one = |db| {
            let jobs = waiting();
            spawn("keyward-reader", move || serve(&db, &jobs))
        };
        connections.into_iter().map(one).collect()
    })
}

fn serve(db: &Connection, jobs: &Waiting) {
    while let Some(mut job) = jobs.next(1).pop() {
        job.run(db);
        job.answer(None);
    }
}
