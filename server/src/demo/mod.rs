//! What `keyward dev` shows: a demo user, a machine client, and a relying party at `/demo` that signs people in
//! and shows what it got and how it verified it.
//!
//! The relying party is a client like any other: it talks to the endpoints through the router, and verifies the
//! ID token by the published keys with the library for foreign tokens. Absent on purpose: anything a real server
//! would have; this is mounted on loopback by `dev` alone.

mod pages;
mod prepare;
mod relying_party;

pub(crate) use pages::router;
pub use prepare::Demo;
