//! Places for work that is dear, and the lines for them, shared fairly between networks: a network with nothing
//! waiting gets the next place, whatever others have in line. How fair a line is: [`line`]. Whoever an account knows
//! has a line of its own: [`lanes`].

mod asked;
mod lanes;
mod line;

use lanes::Lanes;
use protocol::attempts::Network;
use protocol::id::UserId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Whose turns are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A stranger's: those of the network. Callers without a network share one's turns.
    Stranger(Option<Network>),
    /// A browser's or a session's that the account knows, by its id: those of the account, and within these its own.
    Known(UserId, [u8; 16]),
}

/// So many places, and lines of bounded length. Cheap to clone.
#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    /// How many may wait in each line.
    waiting: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    lanes: Lanes<Waiter>,
    next: u64,
}

struct Waiter {
    number: u64,
    called: oneshot::Sender<Turn>,
}

/// A place, given to the next in line when this is dropped.
pub struct Turn(Turns);

/// Too many are in line, and nobody has more of them than the caller, or as many and asked more often lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Turns {
    /// `places` at a time, and at most `waiting` in each line.
    pub fn new(places: usize, waiting: usize) -> Self {
        let state = State { free: places, lanes: Lanes::default(), next: 0 };
        Self(Arc::new(Shared { waiting, state: Mutex::new(state) }))
    }

    /// Waits for a place. Whoever drops this has left the line.
    ///
    /// # Errors
    /// [`Full`], also to somebody in line already, when others come who have less waiting.
    pub async fn take(&self, whose: Whose) -> Result<Turn, Full> {
        let (called, mut waiting) = self.line_up(whose);
        self.call_next();
        let turn = called.await.map_err(|_| Full);
        waiting.over = true;
        turn
    }

    /// How many strangers wait, and how many that accounts know.
    pub fn in_line(&self) -> (usize, usize) {
        self.state().lanes.len()
    }

    fn line_up(&self, whose: Whose) -> (oneshot::Receiver<Turn>, Waiting) {
        let (sender, called) = oneshot::channel();
        let mut state = self.state();
        let number = state.next;
        state.next = number.wrapping_add(1);
        // A place that is free takes one out of the line at once.
        let room = self.0.waiting.saturating_add(state.free);
        let lane = state.lanes.of(whose);
        lane.push(whose, Waiter { number, called: sender });
        if lane.len() > room {
            drop(lane.turn_away(whose));
        }
        (called, Waiting { turns: self.clone(), whose, number, over: false })
    }

    /// Calls as many as there are places for.
    fn call_next(&self) {
        loop {
            let mut state = self.state();
            let next = if state.free > 0 { state.lanes.pop() } else { None };
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
    whose: Whose,
    number: u64,
    over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            let is = |waiter: &Waiter| waiter.number == self.number;
            let left = self.turns.state().lanes.of(self.whose).remove(self.whose, is);
            drop(left);
        }
    }
}

#[cfg(test)]
mod tests;
