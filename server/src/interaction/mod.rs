//! An authorization request in progress: how it travels, who is looking at it, and how it goes on.
//!
//! Nothing is written before the user is authenticated. The request travels sealed in the URL and in forms; each
//! step unseals it, checks it anew and asks `protocol` what comes next.

mod attempt;
mod browser;
mod credentials;
mod errand;
mod errand_form;
mod issue;
mod proceed;
pub mod progress;
mod session;
mod step;
mod stop;

pub use attempt::{Checked, check};
pub use browser::{Brought, Visitor};
pub use credentials::{Credentials, Proven, Verdict, verify};
pub use errand::Errand;
pub use errand_form::ErrandForm;
pub use proceed::proceed;
pub use session::{end, sign_in};
pub use step::Step;
pub use stop::{Stop, deliver, see_other};
