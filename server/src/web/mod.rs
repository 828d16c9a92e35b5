//! Between HTTP and the rules: what a request brings in, and what every answer has.

pub mod bearer;
pub mod call;
pub mod caller;
pub mod client;
pub mod cors;
pub mod csrf;
pub mod failure;
pub mod form;
pub mod front;
pub mod route;
