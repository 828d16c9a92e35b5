//! How many of each kind are in flight at a time: attempts at an account, connections of an address. What has ended is
//! forgotten, so memory is bounded by what is in flight.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by kind. Cheap to clone.
#[derive(Debug)]
pub struct InFlight<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Clone for InFlight<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for InFlight<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// One that is in flight, until this is dropped.
#[derive(Debug)]
pub struct InFlightGuard<K: Copy + Eq + Hash> {
    all: InFlight<K>,
    kind: K,
    ahead: usize,
}

impl<K: Copy + Eq + Hash> InFlight<K> {
    /// Counts one more of this kind.
    pub fn enter(&self, kind: K) -> InFlightGuard<K> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(kind).or_default();
        let ahead = *count;
        *count = count.saturating_add(1);
        InFlightGuard { all: self.clone(), kind, ahead }
    }

    /// How many of a kind are in flight.
    pub fn count(&self, kind: &K) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(kind).copied().unwrap_or_default()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<K: Copy + Eq + Hash> InFlightGuard<K> {
    /// How many of its kind were in flight when it came.
    pub const fn ahead(&self) -> usize {
        self.ahead
    }
}

impl<K: Copy + Eq + Hash> Drop for InFlightGuard<K> {
    fn drop(&mut self) {
        let mut counts = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.kind) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_entered_is_ahead_until_it_is_dropped_and_then_forgotten() {
        let in_flight = InFlight::default();
        let (first, second, other) = (in_flight.enter('a'), in_flight.enter('a'), in_flight.enter('b'));
        assert_eq!([first.ahead(), second.ahead(), other.ahead()], [0, 1, 0]);
        assert_eq!(['a', 'b', 'c'].map(|kind| in_flight.count(&kind)), [2, 1, 0]);
        drop(first);
        let third = in_flight.enter('a');
        assert_eq!(third.ahead(), 1);
        drop((second, other));
        assert_eq!(*in_flight.0.lock().unwrap(), HashMap::from([('a', 1)]));
        drop(third);
        assert!(in_flight.0.lock().unwrap().is_empty(), "nothing is kept of those who left");
    }
}
