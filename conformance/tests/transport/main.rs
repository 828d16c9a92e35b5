//! The HTTP transport as raw bytes see it: framing, limits, time, TLS, names. Everything here speaks through a
//! socket of its own, since a well-behaved client can't send these bytes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

// Elsewhere, loopback may have one address only.
#[cfg(target_os = "linux")]
mod connection_limits;
mod connections;
mod errors;
mod framing;
mod hang_ups;
mod host_names;
mod limits;
mod paths;
mod timeouts;
mod tls;
mod wire;
