//! The pages people see, as types: a page is a struct of borrowed strings and a file in `templates/`. And the
//! configurations that `keyward gateway` prints.
//!
//! It is a crate of its own so that whoever changes a page needs to know nothing of OAuth, storage or HTTP. As types, no page
//! can be rendered without one of its fields. Every value on a page is escaped by askama; a test bans the filters that would
//! switch that off.
//!
//! Absent on purpose: response headers (`server` sends the content security policy whose nonce each page gets), decisions
//! about what to show, and JavaScript, except for the one line that posts [`FormPost`].

pub mod messages;

mod account;
mod consent;
mod demo;
mod error_page;
mod form_post;
mod gateway;
mod login;
mod logout;
mod signup;
mod wrong_host;

pub use account::{Account, AccountNotice, AppItem, Moment, ProfileField, SessionItem};
pub use askama::{Error, Template};
pub use consent::{Consent, ScopeItem};
pub use demo::{DemoHome, DemoProblem, DemoResult};
pub use error_page::{Application, ErrorPage};
pub use form_post::FormPost;
pub use gateway::{Api, Gateway, Lua, Yaml};
pub use login::{Login, LoginProblem};
pub use logout::{LoggedOut, Logout};
pub use messages::Messages;
pub use signup::{ChoiceProblem, SignUp};
pub use wrong_host::WrongHost;
