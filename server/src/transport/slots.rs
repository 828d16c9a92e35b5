//! Connection slots: a limit on open connections, in all and for one network. At the limit the connection that has been
//! idle the longest is closed for a new one, which costs its owner only another connection. A connection that is being
//! served stays open, and so does a new one: its request may have arrived without having been read.

use crate::metrics::Connections;
use crate::telemetry::LogThrottle;
use protocol::attempts::Network;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// All slots.
pub(super) struct Slots {
    all: usize,
    of_one: usize,
    /// A connection that has waited for less than this isn't idle yet.
    evictable_after: Duration,
    state: Arc<State>,
}

struct State {
    open: Mutex<Open>,
    freed: Notify,
    began: Instant,
    crowded: LogThrottle,
    connections: Arc<Connections>,
}

#[derive(Default)]
struct Open {
    /// All open connections, including those that were evicted and haven't closed yet.
    all: usize,
    /// Those that were not evicted.
    kept: HashMap<Network, Vec<Arc<Activity>>>,
    kept_count: usize,
}

/// The slot of a connection, until it is dropped.
pub(super) struct Slot {
    activity: Arc<Activity>,
    network: Network,
    state: Arc<State>,
}

struct Activity {
    /// Since when it waits for its caller, by [`State::now`]; [`SERVING`]: it doesn't.
    idle_since: AtomicU64,
    evicted: Notify,
}

const SERVING: u64 = u64::MAX;

impl Slots {
    /// `all` slots, of which one network gets at most `of_one`. After `evictable_after` a connection counts as idle.
    pub(super) fn new(
        all: usize,
        of_one: usize,
        evictable_after: Duration,
        connections: Arc<Connections>,
    ) -> Self {
        let state = State {
            open: Mutex::default(),
            freed: Notify::new(),
            began: Instant::now(),
            crowded: LogThrottle::default(),
            connections,
        };
        Self { all, of_one, evictable_after, state: Arc::new(state) }
    }

    /// Takes a slot, and waits for one while all are taken by connections that aren't idle. `None`: the network has as
    /// many as it may have, and none of them is idle.
    pub(super) async fn take(&self, network: Network) -> Option<Slot> {
        loop {
            let freed = self.state.freed.notified();
            {
                let mut open = self.state.open();
                let idle_since = self.state.before(self.evictable_after);
                let own = open.kept.get(&network).map_or(0, Vec::len);
                if own >= self.of_one && !self.state.evict(&mut open, Some(network), idle_since) {
                    self.state.warn(
                        "one network has as many connections as it may have, and all are busy: more are closed",
                    );
                    self.state.connections.refused();
                    return None;
                }
                if open.all < self.all {
                    return Some(open.add(network, &self.state));
                }
                // One for each new connection; those evicted before are closing.
                if open.kept_count >= self.all {
                    self.state.evict(&mut open, None, idle_since);
                    self.state
                        .warn("all connections are in use: the longest idle ones are closed for new ones");
                }
            }
            // Or until a connection has been idle long enough.
            let _either = timeout(self.evictable_after.max(Duration::from_millis(1)), freed).await;
        }
    }
}

impl State {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn evict(&self, open: &mut Open, of: Option<Network>, since_then: u64) -> bool {
        let found = open.evict(of, since_then);
        if found {
            self.connections.evicted();
        }
        found
    }

    fn warn(&self, what: &'static str) {
        if let Some(times) = self.crowded.due(self.began.elapsed()) {
            tracing::warn!(times, "{what}");
        }
    }

    /// Nanoseconds since the listener started.
    fn now(&self) -> u64 {
        self.before(Duration::ZERO)
    }

    fn before(&self, time: Duration) -> u64 {
        u64::try_from(self.began.elapsed().saturating_sub(time).as_nanos()).unwrap_or(SERVING - 1)
    }
}

impl Open {
    fn add(&mut self, network: Network, state: &Arc<State>) -> Slot {
        let idle_since = AtomicU64::new(state.now());
        let activity = Arc::new(Activity { idle_since, evicted: Notify::new() });
        self.all += 1;
        self.kept_count += 1;
        self.kept.entry(network).or_default().push(Arc::clone(&activity));
        state.connections.accepted();
        Slot { activity, network, state: Arc::clone(state) }
    }

    /// Evicts the connection that has been idle the longest, of one network or of all. `false`: none has been idle since
    /// `since_then`.
    fn evict(&mut self, of: Option<Network>, since_then: u64) -> bool {
        let since = |one: &Arc<Activity>| one.idle_since.load(Ordering::Relaxed);
        let of_one = |network: Network| self.kept.get(&network).into_iter().map(move |all| (network, all));
        let longest = |(network, all): (Network, &Vec<Arc<Activity>>)| {
            let one = all.iter().min_by_key(|one| since(one))?;
            (since(one) <= since_then).then(|| (since(one), network, Arc::clone(one)))
        };
        let found = match of {
            Some(network) => of_one(network).filter_map(longest).next(),
            None => self
                .kept
                .iter()
                .map(|(network, all)| (*network, all))
                .filter_map(longest)
                .min_by_key(|(since, ..)| *since),
        };
        let Some((_, network, one)) = found else { return false };
        self.remove(network, &one);
        one.evicted.notify_one();
        true
    }

    fn remove(&mut self, network: Network, one: &Arc<Activity>) {
        let Entry::Occupied(mut all) = self.kept.entry(network) else { return };
        if let Some(at) = all.get().iter().position(|own| Arc::ptr_eq(own, one)) {
            all.get_mut().swap_remove(at);
            self.kept_count -= 1;
        }
        if all.get().is_empty() {
            all.remove();
        }
    }
}

impl Slot {
    /// The request has come completely: the connection waits for the server now.
    pub(super) fn begin_serving(&self) {
        self.activity.idle_since.store(SERVING, Ordering::Relaxed);
    }

    /// Whether a complete request is being served.
    pub(super) fn is_serving(&self) -> bool {
        self.activity.idle_since.load(Ordering::Relaxed) == SERVING
    }

    /// From now on the connection waits for its caller.
    pub(super) fn begin_waiting(&self) {
        self.activity.idle_since.store(self.state.now(), Ordering::Relaxed);
    }

    /// Ready when the slot is needed for another connection.
    pub(super) async fn evicted(&self) {
        self.activity.evicted.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.state.open();
        open.remove(self.network, &self.activity);
        open.all -= 1;
        drop(open);
        self.state.connections.closed();
        self.state.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const NETWORKS: [Network; 3] =
        [Network::V4([192, 0, 2, 1]), Network::V4([192, 0, 2, 2]), Network::V4([192, 0, 2, 3])];

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn take(slots: &Slots, network: usize) -> Slot {
        now(slots.take(NETWORKS[network])).flatten().unwrap()
    }

    fn is_evicted(slot: &Slot) -> bool {
        now(slot.evicted()).is_some()
    }

    #[tokio::test]
    async fn n251_the_longest_idle_of_ones_own_makes_room() {
        let slots = Slots::new(9, 2, Duration::ZERO, Arc::default());
        let (first, second, other) = (take(&slots, 0), take(&slots, 0), take(&slots, 1));
        first.begin_serving();
        first.begin_waiting();
        let third = take(&slots, 0);
        assert_eq!([&first, &second, &third, &other].map(is_evicted), [false, true, false, false]);
        drop(second);
        first.begin_serving();
        third.begin_serving();
        assert!(now(slots.take(NETWORKS[0])).unwrap().is_none(), "all of its own are being served");
        assert_eq!([&first, &third, &other].map(is_evicted), [false; 3]);
    }

    #[tokio::test]
    async fn n251_in_a_full_house_the_longest_idle_of_all_makes_room() {
        let slots = Slots::new(3, 3, Duration::from_nanos(1), Arc::default());
        let held = [take(&slots, 0), take(&slots, 1), take(&slots, 2)];
        held[0].begin_serving();
        let mut comes = pin!(slots.take(NETWORKS[0]));
        assert!(now(&mut comes).is_none());
        assert_eq!(held.each_ref().map(is_evicted), [false, true, false]);
        assert!(now(&mut comes).is_none(), "until it has closed");
        assert_eq!(held.each_ref().map(is_evicted), [false; 3], "one is evicted for one");
        let [_served, evicted, waiting] = held;
        drop(evicted);
        let slot = now(&mut comes).flatten().unwrap();
        slot.begin_serving();
        waiting.begin_serving();
        let mut late = pin!(slots.take(NETWORKS[1]));
        assert!(now(&mut late).is_none(), "none is idle");
        drop(slot);
        drop(now(&mut late).flatten().unwrap());
        assert_eq!(slots.state.open().all, 2);
    }

    #[tokio::test]
    async fn n251_who_has_only_just_come_makes_no_room() {
        let slots = Slots::new(9, 2, Duration::from_secs(3600), Arc::default());
        let held = [take(&slots, 0), take(&slots, 0), take(&slots, 1)];
        assert!(now(slots.take(NETWORKS[0])).unwrap().is_none(), "their requests may be here");
        assert_eq!(held.each_ref().map(is_evicted), [false; 3]);
        let [first, ..] = held;
        drop(first);
        take(&slots, 0);
    }
}
