//! The page for requests that cannot be answered to the client.

use askama::Template;

use crate::Messages;

/// The error page. It has only our own words and an application's name, nothing of the request.
#[derive(Debug, Template)]
#[template(path = "error_page.html")]
pub struct ErrorPage<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The OAuth error code, for example `invalid_request`.
    pub code: &'a str,
    /// The fixed public sentence of this refusal or failure.
    pub sentence: &'a str,
    /// The name of the application to go back to, if it is known.
    pub application: Option<&'a str>,
    /// The id that finds this request in the log.
    pub request_id: &'a str,
}
