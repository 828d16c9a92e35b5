//! KMS, through its HTTP face: every rule that Keyward relies on, and what tests control.

mod aliases;
mod client;
mod control;
mod data_keys;
mod encryption;
mod keys;
mod signatures;
