//! Places for work that is dear, and the line for them, shared fairly between networks: a network with nothing
//! waiting gets the next place, whatever others have in line. Who takes places and how fair the line is:
//! [`line`].

mod line;

use line::Line;
use protocol::attempts::Network;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// So many places, and a line of bounded length. Cheap to clone.
#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    /// How many may wait.
    waiting: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    line: Line<Waiter>,
    next: u64,
}

struct Waiter {
    number: u64,
    called: oneshot::Sender<Turn>,
}

/// A place, given to the next in line when this is dropped.
pub struct Turn(Turns);

/// Too many are in line, and the most of them from the caller's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Turns {
    /// `places` at a time, and at most `waiting` in line.
    pub fn new(places: usize, waiting: usize) -> Self {
        let state = State { free: places, line: Line::default(), next: 0 };
        Self(Arc::new(Shared { waiting, state: Mutex::new(state) }))
    }

    /// Waits for a place. Whoever drops this has left the line. Callers without a network share one's turns.
    ///
    /// # Errors
    /// [`Full`], also to somebody in line already, when others come who have less waiting.
    pub async fn take(&self, network: Option<Network>) -> Result<Turn, Full> {
        let (called, mut waiting) = self.line_up(network);
        self.call_next();
        let turn = called.await.map_err(|_| Full);
        waiting.over = true;
        turn
    }

    fn line_up(&self, network: Option<Network>) -> (oneshot::Receiver<Turn>, Waiting) {
        let (sender, called) = oneshot::channel();
        let mut state = self.state();
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.line.push(network, Waiter { number, called: sender });
        // A place that is free takes one out of the line at once.
        if state.line.len() > self.0.waiting.saturating_add(state.free) {
            drop(state.line.turn_away(network));
        }
        (called, Waiting { turns: self.clone(), network, number, over: false })
    }

    /// Calls as many as there are places for.
    fn call_next(&self) {
        loop {
            let mut state = self.state();
            let next = if state.free > 0 { state.line.pop() } else { None };
            let Some(waiter) = next else { return };
            state.free = state.free.saturating_sub(1);
            drop(state);
            // Whoever left just now gives the place back by that.
            drop(waiter.called.send(Turn(self.clone())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = self.0.state();
            state.free = state.free.saturating_add(1);
        }
        self.0.call_next();
    }
}

/// Somebody in line, who leaves it when this is dropped before it is over.
struct Waiting {
    turns: Turns,
    network: Option<Network>,
    number: u64,
    over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            let left = self.turns.state().line.remove(self.network, |waiter| waiter.number == self.number);
            drop(left);
        }
    }
}

#[cfg(test)]
mod tests;
