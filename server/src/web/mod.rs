//! Between HTTP and the rules: what a request contains, and what every response has.

mod admin;
pub mod bearer;
pub mod caller;
pub mod client;
pub mod context;
pub mod cors;
pub mod csrf;
pub mod failure;
pub mod form;
pub mod front;
pub mod parameterized;
pub mod request_info;
pub mod route;
