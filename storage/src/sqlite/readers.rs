//! A few threads with read-only connections, so that reads neither wait for writes nor for each other.

use super::home::Home;
use super::queue::{Queue, Waiting};
use super::schema::spawn;
use super::writer::read;
use crate::StoreError;
use rusqlite::Connection;
use std::sync::Arc;

/// How many threads read.
pub(super) const COUNT: usize = 3;

/// Starts a thread for each connection.
pub(super) fn start(connections: Vec<Connection>, home: &Arc<Home>) -> Result<Queue, StoreError> {
    Queue::start(|waiting| {
        let one = |db| {
            let (jobs, home) = (waiting(), Arc::clone(home));
            spawn("keyward-reader", move || serve(&db, &home, &jobs))
        };
        connections.into_iter().map(one).collect()
    })
}

fn serve(db: &Connection, home: &Home, jobs: &Waiting) {
    while let Some(job) = jobs.next(1).pop() {
        read(db, home, job);
    }
}
