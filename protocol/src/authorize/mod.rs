//! The authorization endpoint's rules (RFC 6749 §4.1.1, OIDC Core §3.1.2). `check` holds every check in order;
//! `request` is what a request says once checked; `respond` builds the answer.

pub mod check;
pub mod request;
pub mod respond;

pub use check::{Denied, check};
pub use request::{AuthorizationRequest, Prompt};
pub use respond::{Answer, Delivery};
