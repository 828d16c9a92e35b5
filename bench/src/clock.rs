//! The time that measurements are made of.

use std::time::Instant;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "to measure time is what this crate is for")]
pub fn now() -> Instant {
    Instant::now()
}
