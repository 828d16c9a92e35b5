//! The connections of the public listener.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many connections there are and were.
#[derive(Debug, Default)]
pub struct Connections {
    accepted: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
}

impl Connections {
    /// A connection got a slot.
    pub fn accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    /// It closed.
    pub fn closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }

    /// A connection was closed unanswered, because its network had as many as it may have.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// An idle connection was closed to make room.
    pub fn evicted(&self) {
        self.evicted.fetch_add(1, Relaxed);
    }

    /// How many are open.
    pub(super) fn open(&self) -> u64 {
        let closed = self.closed.load(Relaxed);
        self.accepted.load(Relaxed).saturating_sub(closed)
    }

    /// How many there were, by what became of them.
    pub(super) fn each(&self) -> [(&'static str, u64); 3] {
        let of = |count: &AtomicU64| count.load(Relaxed);
        [("accepted", of(&self.accepted)), ("refused", of(&self.refused)), ("evicted", of(&self.evicted))]
    }
}
