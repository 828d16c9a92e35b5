//! Between HTTP and the rules.

pub mod failure;
pub mod headers;
