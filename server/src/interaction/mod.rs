//! An authorization request in progress: how it travels, who is at the browser, and how it continues.
//!
//! Nothing is written before the user is authenticated. The request travels sealed in the URL and in forms; each page
//! unseals it, checks it again and asks `protocol` what comes next.

mod attempt;
mod browser;
mod credentials;
mod errand;
mod errand_form;
mod issue;
mod page;
mod pending;
mod proceed;
pub mod progress;
mod session;
mod stop;

pub use attempt::{Checked, check};
pub use browser::{Brought, Visitor};
pub use credentials::{Credentials, Proven, Verdict, verify};
pub use errand::Errand;
pub use errand_form::ErrandForm;
pub use page::{Page, PageRequest};
pub use pending::PendingRequest;
pub use proceed::proceed;
pub use session::{end, sign_in};
pub use stop::{Stop, deliver, see_other};
