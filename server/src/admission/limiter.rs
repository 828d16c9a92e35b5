//! The limiter: permits, and who gets the next one.

use super::key::QueueKey;
use super::lanes::Lanes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// A fixed number of permits, with queues of bounded length. Cheap to clone.
#[derive(Clone)]
pub struct Limiter(Arc<Shared>);

struct Shared {
    permits: usize,
    /// How many may wait in each queue.
    capacity: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    lanes: Lanes<Waiter>,
    next: u64,
}

struct Waiter {
    number: u64,
    called: oneshot::Sender<Permit>,
}

/// Leave to work. It goes to the next in the queue when this is dropped.
pub struct Permit(Limiter);

/// Too many are waiting, and no other group has more of them than the caller's, or as many and arrived more often lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl Limiter {
    /// `permits` at a time, and at most `capacity` waiters in each queue.
    pub fn new(permits: usize, capacity: usize) -> Self {
        let state = State { free: permits, lanes: Lanes::default(), next: 0 };
        Self(Arc::new(Shared { permits, capacity, state: Mutex::new(state) }))
    }

    /// Waits for a permit. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`QueueFull`], also while waiting: a newcomer whose group has fewer waiters takes the place.
    pub async fn acquire(&self, key: QueueKey) -> Result<Permit, QueueFull> {
        let (called, mut waiting) = self.enqueue(key);
        self.call_next();
        let permit = called.await.map_err(|_| QueueFull);
        waiting.over = true;
        permit
    }

    /// How many permits there are.
    pub fn permits(&self) -> usize {
        self.0.permits
    }

    /// How many of them are in use.
    pub fn in_use(&self) -> usize {
        self.0.permits.saturating_sub(self.state().free)
    }

    /// How many strangers wait, and how many known callers.
    pub fn queued(&self) -> (usize, usize) {
        self.state().lanes.len()
    }

    fn enqueue(&self, key: QueueKey) -> (oneshot::Receiver<Permit>, Waiting) {
        let (sender, called) = oneshot::channel();
        let mut state = self.state();
        let number = state.next;
        state.next = number.wrapping_add(1);
        // Each free permit takes one waiter out of the queue at once.
        let room = self.0.capacity.saturating_add(state.free);
        let lane = state.lanes.of(key);
        lane.push(key, Waiter { number, called: sender });
        if lane.len() > room {
            drop(lane.shed(key));
        }
        (called, Waiting { limiter: self.clone(), key, number, over: false })
    }

    /// Gives each free permit to the next waiter.
    fn call_next(&self) {
        loop {
            let mut state = self.state();
            let next = if state.free > 0 { state.lanes.pop() } else { None };
            let Some(waiter) = next else { return };
            state.free = state.free.saturating_sub(1);
            drop(state);
            // If the waiter left just now, the permit is dropped here and goes to the one after.
            drop(waiter.called.send(Permit(self.clone())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = self.0.state();
            state.free = state.free.saturating_add(1);
        }
        self.0.call_next();
    }
}

/// A waiter, which leaves the queue when this is dropped before it is over.
struct Waiting {
    limiter: Limiter,
    key: QueueKey,
    number: u64,
    over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            let is = |waiter: &Waiter| waiter.number == self.number;
            let left = self.limiter.state().lanes.of(self.key).remove(self.key, is);
            drop(left);
        }
    }
}

#[cfg(test)]
mod tests;
