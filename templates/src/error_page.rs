//! The page for requests that cannot be answered to the client.

use askama::Template;

use crate::Messages;

/// The application that a page offers to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Application<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where users begin to use it, an address of the web; `None`: the page only names it.
    pub start_url: Option<&'a str>,
}

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
    /// The application to go back to, if it is known.
    pub application: Option<Application<'a>>,
    /// The id that finds this request in the log.
    pub request_id: &'a str,
}
