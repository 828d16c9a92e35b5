//! Work handed from async callers to the threads that own connections. A queue is bounded: when it is full, a call
//! fails as `Busy` at once instead of waiting without end.

use super::fault::{self, Outage};
use crate::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How many jobs may wait in one queue.
pub(super) const CAPACITY: usize = 1024;

/// Whether a job needs the write transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// An operation on a connection. It runs first and answers later, when its transaction is known to be committed.
pub(super) trait Job: Send {
    fn access(&self) -> Access;
    /// Whether it has to run: a read is dropped when its caller has left. A write runs in any case: a user who signs
    /// out and closes the browser is signed out.
    fn is_wanted(&self) -> bool;
    /// Does the work; whether it succeeded.
    fn run(&mut self, db: &Connection) -> bool;
    /// Answers the caller, with `outage` instead of the result if the transaction was not committed.
    fn answer(self: Box<Self>, outage: Option<Outage>);
}

struct Operation<T, F> {
    name: &'static str,
    access: Access,
    act: Option<F>,
    result: Option<rusqlite::Result<T>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Operation<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn access(&self) -> Access {
        self.access
    }

    fn is_wanted(&self) -> bool {
        self.access == Access::Write || !self.caller.is_closed()
    }

    fn run(&mut self, db: &Connection) -> bool {
        self.result = self.act.take().map(|act| act(db));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, outage: Option<Outage>) {
        let result = match (self.result, outage) {
            (Some(Err(error)), _) => Err(fault::failed(self.name, error)),
            (_, Some(outage)) => Err(outage.during(self.name)),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(stopped(self.name)),
        };
        // A caller that has left needs no answer; what was committed stays.
        drop(self.caller.send(result));
    }
}

/// The sending end, and the threads behind it. Dropping it lets them finish the jobs that wait and closes their
/// connections.
pub(super) struct Queue {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Jobs in the order they came.
pub(super) type Jobs = Vec<Box<dyn Job>>;

/// A receiving end; each thread has one.
pub(super) struct Receiver(Arc<Shared>);

/// The jobs that wait. A new job wakes one thread; a channel behind a lock would wake a second thread, only to wait
/// in the first one's place.
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
}

struct State {
    jobs: VecDeque<Box<dyn Job>>,
    /// Whether the sending end is gone.
    closed: bool,
    /// How many receiving ends there are.
    threads: usize,
}

impl State {
    fn take(&mut self, most: usize) -> Jobs {
        let count = most.min(self.jobs.len());
        self.jobs.drain(..count).collect()
    }
}

impl Queue {
    /// A queue with a receiving end for each thread that `start` spawns.
    pub(super) fn start(
        start: impl FnOnce(&dyn Fn() -> Receiver) -> Result<Vec<JoinHandle<()>>, StoreError>,
    ) -> Result<Self, StoreError> {
        let state = Mutex::new(State { jobs: VecDeque::new(), closed: false, threads: 0 });
        let shared = Arc::new(Shared { state, filled: Condvar::new() });
        let receiver = || {
            shared.lock().threads += 1;
            Receiver(Arc::clone(&shared))
        };
        let threads = start(&receiver)?;
        Ok(Self { shared, threads })
    }

    /// Runs `act` on a connection and waits for its answer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        access: Access,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        self.shared.push(name, Box::new(Operation { name, access, act: Some(act), result: None, caller }))?;
        answer.await.unwrap_or_else(|_| Err(stopped(name)))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn push(&self, name: &'static str, job: Box<dyn Job>) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.threads == 0 {
            return Err(stopped(name));
        }
        if state.jobs.len() >= CAPACITY {
            // Reads of callers who have left make room.
            state.jobs.retain(|job| job.is_wanted());
        }
        if state.jobs.len() >= CAPACITY {
            return Err(StoreError::new(StoreErrorKind::Busy, name, "too many calls are waiting"));
        }
        state.jobs.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// Waits for a job, then takes up to `most`; none when the queue is closed and empty.
    pub(super) fn next(&self, most: usize) -> Jobs {
        let empty = |state: &mut State| state.jobs.is_empty() && !state.closed;
        let state = self.0.filled.wait_while(self.0.lock(), empty);
        state.unwrap_or_else(PoisonError::into_inner).take(most)
    }

    /// Takes up to `most` jobs without waiting.
    pub(super) fn ready(&self, most: usize) -> Jobs {
        self.0.lock().take(most)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.threads -= 1;
        if state.threads == 0 {
            // No thread is left to run these jobs; dropping them answers their callers.
            let left = std::mem::take(&mut state.jobs);
            drop(state);
            drop(left);
        }
    }
}

fn stopped(name: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, name, "the storage thread has stopped")
}
