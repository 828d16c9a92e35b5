//! How a path is registered: every route says who calls it, which decides CORS and the responses to other methods. No route
//! can be written without it.

use super::cors;
use super::failure::Failure;
use crate::app::App;
use axum::response::IntoResponse as _;
use axum::routing::MethodRouter;
use http::header::ALLOW;
use http::{HeaderMap, StatusCode};
use protocol::Refusal;

/// Who calls a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person's browser, for a page. No other origin ever reads it, and HEAD is refused, since it would have the effects
    /// of the request without showing the page.
    Person,
    /// A client with its credentials, or the bearer of a token; browser code of public clients among them.
    Client,
    /// A server with its credentials; never browser code.
    Server,
    /// Anybody, browser code of every origin included: public documents.
    Anyone,
    /// What watches the server: health checks. No browser code.
    Monitor,
}

/// The methods of a path; `allow` names them for callers who try others (RFC 9110 §15.5.6).
pub fn route(caller: Caller, allow: &'static str, methods: MethodRouter<App>) -> MethodRouter<App> {
    let refuse = move || async move {
        let response = (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allow)]).into_response();
        Failure::from(Refusal::MethodNotAllowed).mark(response)
    };
    let methods = match caller {
        Caller::Person | Caller::Server => methods.head(refuse),
        Caller::Client => methods
            .head(refuse)
            .options(move |headers: HeaderMap| cors::preflight_of_endpoint(allow, headers)),
        Caller::Anyone => {
            methods.options(move |headers: HeaderMap| cors::preflight_of_document(allow, headers))
        }
        Caller::Monitor => methods,
    };
    methods.fallback(refuse)
}
