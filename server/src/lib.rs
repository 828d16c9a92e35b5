//! The authorization server: endpoints, keys, configuration and transports around the rules of `protocol`.

pub mod config;
pub mod telemetry;
pub mod transport;
