//! Work in tasks of its own: many acts at a time, which is faster on most stores, and work that continues when its caller
//! has left.

use crate::telemetry::continued;
use tokio::task::{JoinError, JoinSet};

/// How many acts run at a time.
pub const AT_ONCE: usize = 32;

/// Runs the acts, [`AT_ONCE`] at a time, and calls `done` with each result, in the order in which they end. Dropping the
/// future stops it.
///
/// # Errors
/// The first error of an act, which stops the others.
pub async fn at_once<F, T, E>(
    mut acts: impl Iterator<Item = Result<F, E>>,
    mut done: impl FnMut(T),
) -> Result<(), E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<JoinError> + Send + 'static,
{
    let mut running = JoinSet::new();
    loop {
        let next = if running.len() < AT_ONCE { acts.next().transpose()? } else { None };
        if let Some(act) = next {
            running.spawn(continued(act));
        } else if let Some(ended) = running.join_next().await {
            done(ended??);
        } else {
            return Ok(());
        }
    }
}

/// Runs work in a task that continues when the caller hangs up: what was written gets into the log, and nobody gets a
/// free attempt by not waiting for the answer.
///
/// # Errors
/// The work's own.
pub async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<JoinError> + Send + 'static,
{
    tokio::spawn(continued(work)).await?
}
