//! Work in tasks of its own: many acts at a time, because stores are faster so, and work that goes on when its caller
//! has left.

use tokio::task::{JoinError, JoinSet};

/// How many are under way at once.
pub const AT_ONCE: usize = 32;

/// Does each of the acts and tells `done` what it gave, in the order they end. A caller who leaves stops it.
///
/// # Errors
/// The first, which stops it, too.
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
            running.spawn(act);
        } else if let Some(ended) = running.join_next().await {
            done(ended??);
        } else {
            return Ok(());
        }
    }
}

/// Does work in a task that goes on when the caller hangs up: what was written is told in the log, and nobody gets an
/// attempt for nothing by not waiting for the answer.
///
/// # Errors
/// What the work says.
pub async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<JoinError> + Send + 'static,
{
    tokio::spawn(work).await?
}
