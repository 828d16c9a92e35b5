//! Work handed from async callers to the threads that own connections. Bounded: a full queue is `Busy` at
//! once instead of a wait without end.

use super::fault::{self, Outage};
use crate::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How many jobs may wait for one queue.
pub(super) const CAPACITY: usize = 1024;

/// Whether a job needs the write transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// One step on a connection. It runs first and answers later, when its transaction is known to be kept.
pub(super) trait Job: Send {
    fn access(&self) -> Access;
    /// Does the work; whether it succeeded.
    fn run(&mut self, db: &Connection) -> bool;
    /// Tells the caller, `outage` instead of the result if the transaction was not kept.
    fn answer(self: Box<Self>, outage: Option<Outage>);
}

struct Step<T, F> {
    name: &'static str,
    access: Access,
    act: Option<F>,
    result: Option<rusqlite::Result<T>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Step<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn access(&self) -> Access {
        self.access
    }

    fn run(&mut self, db: &Connection) -> bool {
        self.result = self.act.take().map(|act| act(db));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, outage: Option<Outage>) {
        let result = match (self.result, outage) {
            (Some(Err(error)), _) => Err(fault::failed(self.name, error)),
            (_, Some(outage)) => Err(outage.in_step(self.name)),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(stopped(self.name)),
        };
        // A caller that went away needs no answer; what was committed stays.
        drop(self.caller.send(result));
    }
}

/// The sending end, and the threads behind it. Dropping it lets them finish what waits and closes their
/// connections.
pub(super) struct Queue {
    jobs: Option<SyncSender<Box<dyn Job>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Queue {
    /// A queue whose receiving end goes to threads that `start` begins.
    pub(super) fn start(
        start: impl FnOnce(Receiver<Box<dyn Job>>) -> Result<Vec<JoinHandle<()>>, StoreError>,
    ) -> Result<Self, StoreError> {
        let (jobs, waiting) = sync_channel(CAPACITY);
        Ok(Self { threads: start(waiting)?, jobs: Some(jobs) })
    }

    /// Runs `act` on a connection and waits for its answer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        access: Access,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Step { name, access, act: Some(act), result: None, caller });
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => answer.await.unwrap_or_else(|_| Err(stopped(name))),
            Some(Err(TrySendError::Full(_))) => {
                Err(StoreError::new(StoreErrorKind::Busy, name, "too many calls are waiting"))
            }
            Some(Err(TrySendError::Disconnected(_))) | None => Err(stopped(name)),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn stopped(name: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, name, "the storage thread has stopped")
}
