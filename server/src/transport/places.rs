//! Who is connected: so many at a time, and fewer of one network. Where a limit is reached, whoever has waited for
//! their own request the longest makes room: an idle connection costs its owner nothing but another connection.
//! Whoever is being served stays, and whoever has only just come: their request may be here, and not yet read.

use crate::telemetry::LogThrottle;
use protocol::attempts::Network;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// The places.
pub(super) struct Places {
    all: usize,
    of_one: usize,
    /// Who has been waited for less long isn't idle.
    idle_time: Duration,
    state: Arc<State>,
}

struct State {
    taken: Mutex<Taken>,
    freed: Notify,
    began: Instant,
    crowded: LogThrottle,
}

#[derive(Default)]
struct Taken {
    /// All that are open, those that were asked to leave and haven't yet among them.
    open: usize,
    /// Those that were not asked.
    seated: HashMap<Network, Vec<Arc<Seat>>>,
    count: usize,
}

/// A connection, as long as it is open.
pub(super) struct Place {
    seat: Arc<Seat>,
    network: Network,
    state: Arc<State>,
}

struct Seat {
    /// Since when it waits for its caller, as [`State::now`] counts; [`SERVED`]: it doesn't.
    waits_since: AtomicU64,
    asked_to_leave: Notify,
}

const SERVED: u64 = u64::MAX;

impl Places {
    /// `all` places, of which one network has at most `of_one`. After `idle_time` a connection counts as idle.
    pub(super) fn new(all: usize, of_one: usize, idle_time: Duration) -> Self {
        let state = State {
            taken: Mutex::default(),
            freed: Notify::new(),
            began: Instant::now(),
            crowded: LogThrottle::default(),
        };
        Self { all, of_one, idle_time, state: Arc::new(state) }
    }

    /// Takes a place, and waits for one while all are taken and none of them idles. `None`: the network has all it may
    /// have, and none of them idles.
    pub(super) async fn enter(&self, network: Network) -> Option<Place> {
        loop {
            let freed = self.state.freed.notified();
            {
                let mut taken = self.state.taken();
                let idle_since = self.state.before(self.idle_time);
                let own = taken.seated.get(&network).map_or(0, Vec::len);
                if own >= self.of_one && !taken.dismiss(Some(network), idle_since) {
                    self.state.tell(
                        "one address has all the connections it may have, and all are busy: more are closed",
                    );
                    return None;
                }
                if taken.open < self.all {
                    return Some(taken.seat(network, &self.state));
                }
                // One for each that comes; those asked before are on their way.
                if taken.count >= self.all {
                    taken.dismiss(None, idle_since);
                    self.state
                        .tell("all connections are taken: the longest idle ones are closed for new ones");
                }
            }
            // Or until somebody has idled long enough.
            let _either = timeout(self.idle_time.max(Duration::from_millis(1)), freed).await;
        }
    }
}

impl State {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: &'static str) {
        if let Some(times) = self.crowded.due(self.began.elapsed()) {
            tracing::warn!(times, "{what}");
        }
    }

    /// In nanoseconds since there are places.
    fn now(&self) -> u64 {
        self.before(Duration::ZERO)
    }

    fn before(&self, time: Duration) -> u64 {
        u64::try_from(self.began.elapsed().saturating_sub(time).as_nanos()).unwrap_or(SERVED - 1)
    }
}

impl Taken {
    fn seat(&mut self, network: Network, state: &Arc<State>) -> Place {
        let waits_since = AtomicU64::new(state.now());
        let seat = Arc::new(Seat { waits_since, asked_to_leave: Notify::new() });
        self.open += 1;
        self.count += 1;
        self.seated.entry(network).or_default().push(Arc::clone(&seat));
        Place { seat, network, state: Arc::clone(state) }
    }

    /// Asks the one that has waited longest to leave, of one network or of all. `false`: nobody has waited since then.
    fn dismiss(&mut self, of: Option<Network>, since_then: u64) -> bool {
        let since = |seat: &Arc<Seat>| seat.waits_since.load(Ordering::Relaxed);
        let of_one =
            |network: Network| self.seated.get(&network).into_iter().map(move |seats| (network, seats));
        let longest = |(network, seats): (Network, &Vec<Arc<Seat>>)| {
            let seat = seats.iter().min_by_key(|seat| since(seat))?;
            (since(seat) <= since_then).then(|| (since(seat), network, Arc::clone(seat)))
        };
        let found = match of {
            Some(network) => of_one(network).filter_map(longest).next(),
            None => self
                .seated
                .iter()
                .map(|(network, seats)| (*network, seats))
                .filter_map(longest)
                .min_by_key(|(since, ..)| *since),
        };
        let Some((_, network, seat)) = found else { return false };
        self.forget(network, &seat);
        seat.asked_to_leave.notify_one();
        true
    }

    fn forget(&mut self, network: Network, seat: &Arc<Seat>) {
        let Entry::Occupied(mut seats) = self.seated.entry(network) else { return };
        if let Some(at) = seats.get().iter().position(|own| Arc::ptr_eq(own, seat)) {
            seats.get_mut().swap_remove(at);
            self.count -= 1;
        }
        if seats.get().is_empty() {
            seats.remove();
        }
    }
}

impl Place {
    /// The caller has sent what they have to: now we work.
    pub(super) fn serve(&self) {
        self.seat.waits_since.store(SERVED, Ordering::Relaxed);
    }

    /// Whether it has.
    pub(super) fn is_served(&self) -> bool {
        self.seat.waits_since.load(Ordering::Relaxed) == SERVED
    }

    /// From now on the caller is waited for.
    pub(super) fn wait(&self) {
        self.seat.waits_since.store(self.state.now(), Ordering::Relaxed);
    }

    /// Ready when the place is needed for another.
    pub(super) async fn asked_to_leave(&self) {
        self.seat.asked_to_leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.state.taken();
        taken.forget(self.network, &self.seat);
        taken.open -= 1;
        drop(taken);
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

    fn enter(places: &Places, network: usize) -> Place {
        now(places.enter(NETWORKS[network])).flatten().unwrap()
    }

    fn must_leave(place: &Place) -> bool {
        now(place.asked_to_leave()).is_some()
    }

    #[tokio::test]
    async fn n251_the_longest_idle_of_ones_own_makes_room() {
        let places = Places::new(9, 2, Duration::ZERO);
        let (first, second, other) = (enter(&places, 0), enter(&places, 0), enter(&places, 1));
        first.serve();
        first.wait();
        let third = enter(&places, 0);
        assert_eq!([&first, &second, &third, &other].map(must_leave), [false, true, false, false]);
        drop(second);
        first.serve();
        third.serve();
        assert!(now(places.enter(NETWORKS[0])).unwrap().is_none(), "all of its own are being served");
        assert_eq!([&first, &third, &other].map(must_leave), [false; 3]);
    }

    #[tokio::test]
    async fn n251_in_a_full_house_the_longest_idle_of_all_makes_room() {
        let places = Places::new(3, 3, Duration::from_nanos(1));
        let held = [enter(&places, 0), enter(&places, 1), enter(&places, 2)];
        held[0].serve();
        let mut comes = pin!(places.enter(NETWORKS[0]));
        assert!(now(&mut comes).is_none());
        assert_eq!(held.each_ref().map(must_leave), [false, true, false]);
        assert!(now(&mut comes).is_none(), "until it has left");
        assert_eq!(held.each_ref().map(must_leave), [false; 3], "one leaves for one");
        let [_served, leaving, waiting] = held;
        drop(leaving);
        let place = now(&mut comes).flatten().unwrap();
        place.serve();
        waiting.serve();
        let mut late = pin!(places.enter(NETWORKS[1]));
        assert!(now(&mut late).is_none(), "nobody waits for their caller");
        drop(place);
        drop(now(&mut late).flatten().unwrap());
        assert_eq!(places.state.taken().open, 2);
    }

    #[tokio::test]
    async fn n251_who_has_only_just_come_makes_no_room() {
        let places = Places::new(9, 2, Duration::from_secs(3600));
        let held = [enter(&places, 0), enter(&places, 0), enter(&places, 1)];
        assert!(now(places.enter(NETWORKS[0])).unwrap().is_none(), "their requests may be here");
        assert_eq!(held.each_ref().map(must_leave), [false; 3]);
        let [first, ..] = held;
        drop(first);
        enter(&places, 0);
    }
}
