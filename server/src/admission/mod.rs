//! Admission: how many may do expensive work at once, and who is next.
//!
//! A [`Limiter`] hands out a fixed number of permits. Callers without one wait in fair queues of bounded length, by
//! networks or, if an account knows them, by accounts, so that nobody's flood makes others wait for more than a few
//! permits. The rules are in `queue.rs`; what they come to is in `docs/concepts/attempts.md`.

mod arrivals;
mod key;
mod lanes;
mod limiter;
mod queue;

pub use key::QueueKey;
pub use limiter::{Limiter, Permit, QueueFull};
