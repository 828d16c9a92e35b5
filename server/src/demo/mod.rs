//! The demo of `keyward dev`: a user, a machine client, and a relying party at `/demo` that signs users in and shows what
//! it received and how it verified that.
//!
//! The relying party is a client like any other: it calls the endpoints through the router, and verifies the ID token by
//! the published keys. Absent on purpose: anything that a real application needs; only `dev` serves this, on loopback.

mod pages;
mod prepare;
mod relying_party;

pub use pages::router;
pub use prepare::Demo;
