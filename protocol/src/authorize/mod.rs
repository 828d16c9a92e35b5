//! The authorization endpoint's rules (RFC 6749 §4.1.1, OIDC Core §3.1.2). `check` decides who is answered and how;
//! `parameters` is the list of checks; `request` is the checked request; `next` decides its next step; `issue` makes
//! the grant; `respond` builds the answer.

pub mod check;
pub mod issue;
pub mod next;
pub mod parameters;
pub mod request;
pub mod respond;

pub use check::{Denied, check};
pub use next::{Granted, Met, NextStep, SignedIn, next};
pub use request::{AuthorizationRequest, Prompt};
pub use respond::{Answer, Delivery};
