//! What every parser of foreign bytes promises, whatever the bytes. Each function here takes any input and panics
//! where a promise is broken: the product does not panic, what parses keeps its limits and can be written back
//! unchanged, and a plain reader of the same bytes (`url`, `serde_json`, `base64`) reads the same.
//!
//! The targets of `fuzz/` call these for hours, on a nightly compiler; `tests/corpus` calls them with the committed
//! inputs and with mutations of them, on the ordinary one.

mod basic;
mod cookie;
mod form;
mod forwarded;
mod guard_token;
mod jwt;
mod lambda_event;
mod redirect;
mod samples;
mod seal;

pub use basic::basic;
pub use cookie::cookie;
pub use form::form;
pub use forwarded::forwarded;
pub use guard_token::guard_token;
pub use jwt::{jwt_claims, jwt_compact, jwt_header};
pub use lambda_event::lambda_event;
pub use redirect::redirect;
pub use seal::seal;
