//! KMS: keys that never leave this process, on the same port as DynamoDB.
//!
//! The cryptography is real, and what KMS refuses is refused with its errors: limits of lengths, key states, usages,
//! encryption contexts. Tests read how often each caller called, and inject faults ([`control`]).
//!
//! Absent on purpose: permissions, grants, policies, imported and multi-region keys, automatic rotation, deletion
//! itself (a key stays pending), encryption with an RSA key, and Ed25519 with a prehash. Signatures of requests are
//! not checked.

mod account;
pub(crate) mod api;
mod blobs;
mod caller;
mod calls;
pub(crate) mod control;
mod faults;
mod keys;
mod material;
mod names;
mod operations;
mod refusal;
mod request;
mod sign;
mod spec;
