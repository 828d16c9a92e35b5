//! The reference pages of endpoints and error codes, written from the routes, the limits and the refusals themselves.

pub mod endpoints;
pub mod errors;
