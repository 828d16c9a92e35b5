//! How many of each kind are somewhere at a time: attempts in flight of an account, connections of an address.
//! Whoever left is forgotten, so a crowd needs no more memory than it has members.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A crowd. Cheap to clone.
#[derive(Debug)]
pub struct Crowd<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Clone for Crowd<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Crowd<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// One of a crowd, until it is dropped.
#[derive(Debug)]
pub struct Member<K: Copy + Eq + Hash> {
    crowd: Crowd<K>,
    kind: K,
    ahead: usize,
}

impl<K: Copy + Eq + Hash> Crowd<K> {
    /// Enters.
    pub fn enter(&self, kind: K) -> Member<K> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(kind).or_default();
        let ahead = *count;
        *count = count.saturating_add(1);
        Member { crowd: self.clone(), kind, ahead }
    }

    /// How many of a kind are there.
    pub fn count(&self, kind: &K) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(kind).copied().unwrap_or_default()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<K: Copy + Eq + Hash> Member<K> {
    /// How many of its kind were there when it came.
    pub const fn ahead(&self) -> usize {
        self.ahead
    }
}

impl<K: Copy + Eq + Hash> Drop for Member<K> {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let crowd = Crowd::default();
        let (first, second, other) = (crowd.enter('a'), crowd.enter('a'), crowd.enter('b'));
        assert_eq!([first.ahead(), second.ahead(), other.ahead()], [0, 1, 0]);
        assert_eq!(['a', 'b', 'c'].map(|kind| crowd.count(&kind)), [2, 1, 0]);
        drop(first);
        let third = crowd.enter('a');
        assert_eq!(third.ahead(), 1);
        drop((second, other));
        assert_eq!(*crowd.0.lock().unwrap(), HashMap::from([('a', 1)]));
        drop(third);
        assert!(crowd.0.lock().unwrap().is_empty(), "nothing is kept of those who left");
    }
}
