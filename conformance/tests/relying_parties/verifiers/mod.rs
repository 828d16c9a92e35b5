//! Other people's programs in front of an API, with our tokens.

mod gateways;
mod issuer;
mod libraries;
mod program;
mod rules;

/// The API whose tokens they are.
const AUDIENCE: &str = "https://orders.example.com";
