//! Load: connections that repeat a flow for a time, as fast as answers come (closed loop) or by a schedule that
//! does not wait for them (open loop).

use crate::Outcome;
use crate::clock::now;
use crate::connection::Connection;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{LocalSet, yield_now};
use tokio::time::sleep;

/// One unit of work of a client: a request, or several that need each other's answers. Each connection has a
/// clone of its own.
pub trait Flow: Clone + 'static {
    /// Does it once, and fails unless every answer is as it should be.
    fn once(&mut self, connection: &mut Connection) -> impl Future<Output = Outcome<()>>;
}

/// The flow of one request that is always the same.
#[derive(Clone)]
pub struct Ask {
    request: Rc<[u8]>,
    begins: &'static [u8],
}

impl Ask {
    /// Sends `request`; the answer must be a 200 whose body begins with `begins`.
    pub fn new(request: Vec<u8>, begins: &'static str) -> Self {
        Self { request: request.into(), begins: begins.as_bytes() }
    }
}

impl Flow for Ask {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let answer = connection.send(&self.request).await?;
        if answer.status == 200 && answer.body.starts_with(self.begins) {
            return Ok(());
        }
        let (head, body) = (String::from_utf8_lossy(answer.head), String::from_utf8_lossy(answer.body));
        Err(format!("not the expected answer: {head}{body}").into())
    }
}

/// When the next flow begins.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When the last one of its connection ended.
    Closed,
    /// So many a second over all connections, whether or not the last ones ended.
    Open {
        /// The rate.
        per_second: f64,
    },
}

/// What a load did.
#[derive(Clone, Debug)]
pub struct Load {
    /// How long it took.
    pub wall: Duration,
    /// How long each flow took, in order; with [`Pace::Open`] from when it should have begun, so that a server
    /// that stalls can't hide the flows it delayed.
    pub latencies: Vec<Duration>,
}

/// Runs a flow on each connection for `time`.
pub async fn run<F: Flow>(flows: Vec<(Connection, F)>, pace: Pace, time: Duration) -> Outcome<Load> {
    let begin = now();
    let tickets = Rc::new(Tickets { begin, end: begin + time, pace, taken: Cell::new(0) });
    let local = LocalSet::new();
    let spawn = |(connection, flow)| local.spawn_local(repeat(connection, flow, Rc::clone(&tickets)));
    let workers: Vec<_> = flows.into_iter().map(spawn).collect();
    let mut latencies = Vec::new();
    local
        .run_until(async {
            for worker in workers {
                latencies.extend(worker.await??);
            }
            Outcome::Ok(())
        })
        .await?;
    let wall = begin.elapsed();
    latencies.sort_unstable();
    Ok(Load { wall, latencies })
}

async fn repeat<F: Flow>(
    mut connection: Connection,
    mut flow: F,
    tickets: Rc<Tickets>,
) -> Outcome<Vec<Duration>> {
    let mut latencies = Vec::new();
    while let Some(due) = tickets.take() {
        wait_until(due).await;
        flow.once(&mut connection).await?;
        latencies.push(due.elapsed());
    }
    Ok(latencies)
}

/// The schedule that all connections share.
struct Tickets {
    begin: Instant,
    end: Instant,
    pace: Pace,
    taken: Cell<u32>,
}

impl Tickets {
    /// When the next flow is due; `None` when the time is over.
    fn take(&self) -> Option<Instant> {
        let number = self.taken.replace(self.taken.get() + 1);
        let due = match self.pace {
            Pace::Closed => now(),
            Pace::Open { per_second } => self.begin + Duration::from_secs_f64(f64::from(number) / per_second),
        };
        (due < self.end).then_some(due)
    }
}

/// The runtime's timer counts in milliseconds, so the last two are waited out awake.
async fn wait_until(due: Instant) {
    const COARSE: Duration = Duration::from_millis(2);
    let ahead = due.saturating_duration_since(now());
    if let Some(asleep) = ahead.checked_sub(COARSE) {
        sleep(asleep).await;
    }
    while now() < due {
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_does_not_wait_for_answers() {
        let begin = now();
        let pace = Pace::Open { per_second: 4.0 };
        let tickets = Tickets { begin, end: begin + Duration::from_secs(1), pace, taken: Cell::new(0) };
        let dues = std::iter::from_fn(|| tickets.take()).map(|due| (due - begin).as_millis());
        assert_eq!(dues.collect::<Vec<_>>(), [0, 250, 500, 750]);
    }
}
