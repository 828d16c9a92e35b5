//! One file an endpoint: load, decide, commit, respond.

pub mod health;
pub mod jwks;
pub mod metadata;
pub mod token;
