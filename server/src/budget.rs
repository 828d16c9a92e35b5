//! A budget for the bytes of requests, heads and bodies alike. Callers decide how much they send and how slowly, so all
//! together get no more memory than this. An ordinary request is small enough to need none of the budget, and is served
//! whatever others hold.

use crate::telemetry::LogThrottle;
use protocol::attempts::Network;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// What each request may bring besides, in bytes: the size of the buffer that every connection has anyway. The number of
/// connections limits it.
pub(crate) const FREE: usize = 8 * 1024;

/// The budget is reserved in pieces of this size, so that a body that comes in small ones takes the lock seldom.
const PIECE: usize = 4 * 1024;

/// The budget. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Budget {
    all: usize,
    of_one: usize,
    spent: Arc<Mutex<Spent>>,
    began: Instant,
    refused: Arc<LogThrottle>,
}

#[derive(Debug, Default)]
struct Spent {
    all: usize,
    networks: HashMap<Network, usize>,
}

/// What one connection or one body has reserved, until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    network: Network,
    held: usize,
}

impl Budget {
    /// `all` bytes, of which one network gets at most `of_one`.
    pub fn new(all: usize, of_one: usize) -> Self {
        Self { all, of_one, spent: Arc::default(), began: Instant::now(), refused: Arc::default() }
    }

    /// An empty reservation for a network.
    pub fn reservation(&self, network: Network) -> Reservation {
        Reservation { budget: self.clone(), network, held: 0 }
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Resizes it for a request of which `bytes` have come. `false`: there is no room, and it is as large as before.
    pub fn resize(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(FREE).next_multiple_of(PIECE);
        if wanted == self.held {
            return true;
        }
        let mut spent = self.budget.spent();
        let all = spent.all.saturating_sub(self.held).saturating_add(wanted);
        let own = spent.networks.get(&self.network).copied().unwrap_or_default();
        let own = own.saturating_sub(self.held).saturating_add(wanted);
        if wanted > self.held && (all > self.budget.all || own > self.budget.of_one) {
            drop(spent);
            if let Some(times) = self.budget.refused.due(self.budget.began.elapsed()) {
                tracing::warn!(
                    times,
                    "requests of one network, or all together, hold the whole byte budget: more is refused"
                );
            }
            return false;
        }
        spent.all = all;
        match spent.networks.entry(self.network) {
            Entry::Occupied(entry) if own == 0 => drop(entry.remove()),
            entry => drop(entry.insert_entry(own)),
        }
        self.held = wanted;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Network = Network::V4([192, 0, 2, 1]);
    const OTHER: Network = Network::V4([192, 0, 2, 2]);

    #[test]
    fn n251_bytes_are_held_until_they_are_given_back_and_never_more_than_there_are() {
        let budget = Budget::new(3 * PIECE, 2 * PIECE);
        let (mut first, mut second, mut other) =
            (budget.reservation(ONE), budget.reservation(ONE), budget.reservation(OTHER));
        for reservation in [&mut first, &mut second, &mut other] {
            assert!(reservation.resize(FREE), "needs none of the budget");
        }
        assert_eq!(budget.spent().all, 0);
        assert!(first.resize(FREE + 1) && first.resize(FREE + PIECE) && first.resize(FREE + 2 * PIECE));
        assert_eq!((first.held, budget.spent().all), (2 * PIECE, 2 * PIECE));
        assert!(!second.resize(FREE + 1), "the share of its network is spent");
        assert!(other.resize(FREE + PIECE), "another has its own");
        assert!(!other.resize(FREE + PIECE + 1), "all is spent");
        assert_eq!(other.held, PIECE, "a refusal changes nothing");
        assert!(first.resize(FREE + PIECE), "less is always given back");
        assert!(second.resize(FREE + PIECE));
        drop((first, second));
        assert_eq!(budget.spent().networks, HashMap::from([(OTHER, PIECE)]));
        drop(other);
        assert!(budget.spent().networks.is_empty() && budget.spent().all == 0, "nothing is kept of who left");
    }
}
