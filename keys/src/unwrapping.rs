//! The snapshot in use, and the task that unwraps what is missing in it. A new ring is used at once, with what was unwrapped
//! before: no request waits until KMS answers. There is one task at a time, it tries everything that is missing in one
//! round, and after a round that failed it waits, longer each time. While the custody is away or busy it is probed in
//! between, by one call every five seconds, so that the end of a long outage is noticed soon.
//!
//! Where a process is frozen between requests, no timer can be relied on. So requests that miss something also begin a
//! round, if the pause is over by the clock.

use super::clock::Clock;
use super::custody::Opener;
use super::load::Round;
use super::ring::KeyPolicy;
use super::snapshot::Snapshot;
use arc_swap::ArcSwap;
use protocol::id::Realm;
use protocol::time::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

/// How long a process waits after the first round that failed; twice as long after each further one.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause after failures that may pass.
const PROBE_PAUSE: Duration = Duration::from_secs(5);
/// Of so many rounds after such a pause one tries everything, and the others one thing each.
const PROBES: u32 = 6;
/// How long a request waits for a round that is under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a process unwraps, and the result.
pub(super) struct Unwrapping {
    opener: Arc<dyn Opener>,
    policy: KeyPolicy,
    realm: Realm,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Snapshot>,
    /// Held while `current` is replaced.
    state: Mutex<State>,
    /// Ends the pause.
    woken: Arc<Notify>,
    /// Grows with each round that ended.
    rounds: watch::Sender<u64>,
}

struct State {
    phase: Phase,
    pause: Duration,
    is_first: bool,
    /// Counts rounds after the longest pause for failures that may pass, modulo [`PROBES`]; in all but the zeroth one thing
    /// is tried.
    probe: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is no task.
    Idle,
    /// A round is under way; `again`: the ring has changed since it began.
    Round { again: bool },
    /// The last round failed.
    Paused { until: Timestamp },
}

impl Unwrapping {
    /// Of a process that has unwrapped nothing of this snapshot.
    pub(super) fn new(
        opener: Arc<dyn Opener>,
        policy: KeyPolicy,
        realm: Realm,
        clock: Arc<dyn Clock>,
        snapshot: Snapshot,
    ) -> Arc<Self> {
        Arc::new(Self {
            opener,
            policy,
            realm,
            clock,
            current: ArcSwap::from_pointee(snapshot),
            state: Mutex::new(State { phase: Phase::Idle, pause: FIRST_PAUSE, is_first: true, probe: 0 }),
            woken: Arc::default(),
            rounds: watch::Sender::new(0),
        })
    }

    /// The snapshot in use.
    pub(super) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Uses another ring from now on, and begins to unwrap what is new in it.
    pub(super) fn use_ring(self: &Arc<Self>, replace: impl FnOnce(&Snapshot) -> Snapshot) {
        let mut state = self.state();
        let next = replace(&self.current.load());
        self.current.store(Arc::new(next));
        self.begin(&mut state, true);
    }

    /// Begins to unwrap what is missing, unless the pause after the last round is not over. What needs no I/O is unwrapped
    /// when this returns.
    pub(super) async fn retry(self: &Arc<Self>) {
        if self.begin(&mut self.state(), false) {
            yield_now().await;
        }
    }

    /// Ends a pause.
    pub(super) fn hurry(self: &Arc<Self>) {
        self.begin(&mut self.state(), true);
    }

    /// Waits for the first round.
    pub(super) async fn first_round(self: &Arc<Self>, limit: Duration) {
        let mut ended = self.rounds.subscribe();
        if self.begin(&mut self.state(), false) {
            let _in_time = timeout(limit, ended.changed()).await;
        }
    }

    /// The snapshot in use. If it is not enough and a round is under way or due, waits for that, a second at most.
    pub(super) async fn wait_until(self: &Arc<Self>, is_enough: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let rounds = async {
            loop {
                // Subscribed before the look, so that no end is missed.
                let mut ended = self.rounds.subscribe();
                if is_enough(&self.current.load()) || !self.begin(&mut self.state(), false) {
                    return;
                }
                if ended.changed().await.is_err() {
                    return;
                }
            }
        };
        let _in_time = timeout(PATIENCE, rounds).await;
        self.current()
    }

    /// Whether nothing is missing.
    pub(super) fn is_complete(&self, snapshot: &Snapshot) -> bool {
        !self.round(snapshot, false).is_needed()
    }

    /// Whether a round is under way now. `is_new`: the ring may have changed, so a pause ends.
    fn begin(self: &Arc<Self>, state: &mut State, is_new: bool) -> bool {
        let now = self.clock.now();
        if is_new {
            (state.pause, state.probe) = (FIRST_PAUSE, 0);
        }
        match state.phase {
            Phase::Round { again } => {
                state.phase = Phase::Round { again: again || is_new };
                true
            }
            _ if self.is_complete(&self.current.load()) => false,
            Phase::Idle => {
                state.phase = Phase::Round { again: false };
                tokio::spawn(run(Arc::downgrade(self), Arc::clone(&self.woken)));
                true
            }
            // If the clock was set back, the end of the pause says nothing.
            Phase::Paused { until }
                if is_new || until.has_passed(now) || until.since(now) > LONGEST_PAUSE =>
            {
                state.phase = Phase::Round { again: false };
                self.woken.notify_one();
                true
            }
            Phase::Paused { .. } => false,
        }
    }

    fn round<'a>(&'a self, snapshot: &'a Snapshot, is_first: bool) -> Round<'a> {
        let (ring, unwrapped) = (snapshot.ring(), snapshot.unwrapped());
        Round {
            opener: &*self.opener,
            policy: &self.policy,
            ring,
            unwrapped,
            now: self.clock.now(),
            is_first,
        }
    }

    /// One round, and what it found. Returns how long to pause before the next one; `None`: nothing is missing.
    async fn step(&self) -> Option<Duration> {
        let (is_first, probe) = {
            let state = self.state();
            (state.is_first, state.probe)
        };
        let snapshot = self.current();
        let round = self.round(&snapshot, is_first);
        let found = if probe == 0 { round.run().await } else { round.probe(probe as usize).await };
        let (mut state, progress, may_pass) = (self.state(), found.is_any(), found.may_pass());
        let next = self.current.load().with(&self.realm, found);
        let is_complete = !self.round(&next, is_first).is_needed();
        self.current.store(Arc::new(next));
        state.is_first = false;
        let pause = match state.phase {
            _ if is_complete => None,
            Phase::Round { again: true } => Some(Duration::ZERO),
            // It answers again.
            _ if progress && probe != 0 => Some(Duration::ZERO),
            _ if progress => Some(FIRST_PAUSE),
            _ => Some(state.pause.min(if may_pass { PROBE_PAUSE } else { LONGEST_PAUSE })),
        };
        let is_probed = may_pass && pause == Some(PROBE_PAUSE);
        state.probe = if is_probed { (state.probe + 1) % PROBES } else { 0 };
        state.phase = match pause {
            None => Phase::Idle,
            Some(Duration::ZERO) => {
                state.pause = FIRST_PAUSE;
                Phase::Round { again: false }
            }
            Some(pause) => {
                state.pause = (pause * 2).min(LONGEST_PAUSE);
                Phase::Paused { until: self.clock.now().plus(pause) }
            }
        };
        drop(state);
        self.rounds.send_modify(|rounds| *rounds = rounds.wrapping_add(1));
        pause
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until nothing is missing, or until the keys are dropped.
async fn run(unwrapping: Weak<Unwrapping>, woken: Arc<Notify>) {
    let mut task = Task { unwrapping, has_ended: false };
    loop {
        let Some(unwrapping) = task.unwrapping.upgrade() else { return };
        let Some(pause) = unwrapping.step().await else {
            task.has_ended = true;
            return;
        };
        drop(unwrapping);
        tokio::select! {
            () = sleep(pause) => {}
            () = woken.notified() => {}
        }
        let Some(unwrapping) = task.unwrapping.upgrade() else { return };
        unwrapping.state().phase = Phase::Round { again: false };
    }
}

/// The task. If a round panics, the next caller that misses something begins another one.
struct Task {
    unwrapping: Weak<Unwrapping>,
    has_ended: bool,
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.has_ended
            && let Some(unwrapping) = self.unwrapping.upgrade()
        {
            unwrapping.state().phase = Phase::Idle;
        }
    }
}
