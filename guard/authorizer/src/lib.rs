//! A Lambda authorizer for API Gateway: it verifies the access token of a request before the API's own function is
//! invoked.
//!
//! | API | event | allowed | refused |
//! |---|---|---|---|
//! | REST (`TOKEN`, `REQUEST`), WebSocket | no version | policy `Allow` | 401: error `Unauthorized`; 403: policy `Deny` |
//! | HTTP, format 1.0 | version 1.0 | policy `Allow` | policy `Deny` |
//! | HTTP, format 2.0 with simple responses | version 2.0 | `isAuthorized: true` | `isAuthorized: false` |
//!
//! API Gateway caches answers by token and uses them for other routes. So an authorizer requires the same of every route,
//! and its policy is for the whole stage: whichever request comes first, the answer is right for all. What single routes
//! require is checked behind it, by the function with `keyward-guard` or by the scope in the authorizer's context; or these
//! routes get an authorizer of their own.
//!
//! If the issuer can't be asked, the invocation fails. The gateway then answers 500 and, unlike a refusal, caches nothing.

mod answer;
mod authorizer;
mod event;
mod settings;

pub use authorizer::{Authorizer, Failure};
pub use settings::{Mistake, Settings};
