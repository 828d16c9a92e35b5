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
    status: u16,
    begins: &'static [u8],
}

impl Ask {
    /// Sends `request`; the answer must be a 200 whose body begins with `begins`.
    pub fn new(request: Vec<u8>, begins: &'static str) -> Self {
        Self::expecting(200, request, begins)
    }

    /// As [`Self::new`], for another status than 200.
    pub fn expecting(status: u16, request: Vec<u8>, begins: &'static str) -> Self {
        Self { request: request.into(), status, begins: begins.as_bytes() }
    }

    /// What it sends.
    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

impl Flow for Ask {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let answer = connection.send(&self.request).await?;
        let expected = answer.status == self.status && answer.body.starts_with(self.begins);
        if expected { Ok(()) } else { Err(answer.unexpected()) }
    }
}

/// When the next flow begins.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When the last one of its connection ended.
    Closed,
    /// At a fixed rate over all connections, whether or not earlier flows ended.
    Open {
        /// Flows a second.
        per_second: f64,
    },
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// How long it took.
    pub wall: Duration,
    /// How long each flow took, in order; with [`Pace::Open`] from when it should have begun, so that a server
    /// that stalls can't hide the flows it delayed.
    pub latencies: Vec<Duration>,
    /// How many flows at most were due and not done, at any time; 0 with [`Pace::Closed`].
    pub most_waiting: u32,
}

impl Load {
    /// How many flows it did.
    pub fn count(&self) -> u32 {
        u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)
    }

    /// The latency at a percentile; zero if there were no flows.
    pub fn at(&self, hundredths: usize) -> Duration {
        self.latencies.get(self.latencies.len() * hundredths / 100).copied().unwrap_or_default()
    }
}

/// Runs a flow on each connection for `time`.
pub async fn run<F: Flow>(flows: Vec<(Connection, F)>, pace: Pace, time: Duration) -> Outcome<Load> {
    let begin = now();
    let tickets = Rc::new(Tickets::new(begin, pace, time));
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
    Ok(Load { wall, latencies, most_waiting: tickets.most_waiting.get() })
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
        tickets.give_back(now());
    }
    Ok(latencies)
}

/// The schedule that all connections share.
struct Tickets {
    begin: Instant,
    end: Instant,
    pace: Pace,
    taken: Cell<u32>,
    done: Cell<u32>,
    most_waiting: Cell<u32>,
}

impl Tickets {
    fn new(begin: Instant, pace: Pace, time: Duration) -> Self {
        let (taken, done, most_waiting) = Default::default();
        Self { begin, end: begin + time, pace, taken, done, most_waiting }
    }

    /// When the next flow is due; `None` when the time is over.
    fn take(&self) -> Option<Instant> {
        let number = self.taken.replace(self.taken.get() + 1);
        let due = match self.pace {
            Pace::Closed => now(),
            Pace::Open { per_second } => self.begin + Duration::from_secs_f64(f64::from(number) / per_second),
        };
        (due < self.end).then_some(due)
    }

    /// Notes that a flow ended, and how many were waiting just before.
    fn give_back(&self, at: Instant) {
        let done = self.done.replace(self.done.get() + 1);
        if let Pace::Open { per_second } = self.pace {
            let elapsed = (at.min(self.end) - self.begin).as_secs_f64();
            let waiting = (elapsed * per_second - f64::from(done)).ceil();
            self.most_waiting.set(self.most_waiting.get().max(whole(waiting)));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
const fn whole(number: f64) -> u32 {
    number as u32
}

/// The runtime's timer counts in milliseconds, so the last two are spent spinning.
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
        let tickets = Tickets::new(begin, Pace::Open { per_second: 4.0 }, Duration::from_secs(1));
        let dues = std::iter::from_fn(|| tickets.take()).map(|due| (due - begin).as_millis());
        assert_eq!(dues.collect::<Vec<_>>(), [0, 250, 500, 750]);
    }

    #[test]
    fn what_is_due_and_not_done_is_waiting() {
        let begin = now();
        let tickets = Tickets::new(begin, Pace::Open { per_second: 10.0 }, Duration::from_secs(1));
        tickets.give_back(begin + Duration::from_millis(50));
        assert_eq!(tickets.most_waiting.get(), 1);
        // Due at 0, 100, … 400 ms: five, and one is done.
        tickets.give_back(begin + Duration::from_millis(450));
        assert_eq!(tickets.most_waiting.get(), 4);
        tickets.give_back(begin + Duration::from_millis(460));
        assert_eq!(tickets.most_waiting.get(), 4);
        // After the end nothing more is due.
        tickets.give_back(begin + Duration::from_secs(9));
        assert_eq!(tickets.most_waiting.get(), 7);
    }
}
