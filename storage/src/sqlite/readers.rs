//! A few threads with read-only connections, so that reads neither wait for writes nor for each other.

use super::home::Home;
use super::queue::{Job, Queue};
use super::schema::spawn;
use super::writer::read;
use crate::StoreError;
use rusqlite::Connection;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

/// How many threads read.
pub(super) const COUNT: usize = 3;

/// Starts a thread for each connection.
pub(super) fn start(connections: Vec<Connection>, home: &Arc<Home>) -> Result<Queue, StoreError> {
    Queue::start(|jobs| {
        let jobs = Arc::new(Mutex::new(jobs));
        let one = |db| {
            let (jobs, home) = (Arc::clone(&jobs), Arc::clone(home));
            spawn("keyward-reader", move || serve(&db, &home, &jobs))
        };
        connections.into_iter().map(one).collect()
    })
}

fn serve(db: &Connection, home: &Home, jobs: &Mutex<Receiver<Box<dyn Job>>>) {
    // Whoever is free waits with the lock held; it is released before the work begins.
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(job) = next() {
        read(db, home, job);
    }
}
