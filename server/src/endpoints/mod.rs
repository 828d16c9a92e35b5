//! One file per endpoint: load, decide, commit, respond.

pub mod account;
pub mod authorize;
pub mod consent;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod metadata;
pub mod revoke;
pub mod signup;
pub mod token;
pub mod userinfo;
pub mod well_known;
