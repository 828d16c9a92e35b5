//! The authorization server: endpoints, keys, configuration and transports around the rules of `protocol`.

pub mod clock;
pub mod config;
pub mod entropy;
pub mod jose;
pub mod keys;
pub mod password;
pub mod seal;
pub mod telemetry;
pub mod transport;
