//! The HTTP transport as raw bytes see it: framing, limits, time, TLS, names. Everything here speaks through a
//! socket of its own, since a well-behaved client can't say what these tests say.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

// Elsewhere, loopback may have one address only.
#[cfg(target_os = "linux")]
mod crowd;
mod errors;
mod framing;
mod left;
mod life;
mod limits;
mod names;
mod paths;
mod slow;
mod tls;
mod wire;
