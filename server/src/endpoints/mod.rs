//! One file an endpoint: load, decide, commit, respond.

pub mod authorize;
pub mod consent;
pub mod health;
pub mod jwks;
pub mod login;
pub mod metadata;
pub mod token;
pub mod userinfo;
