//! The page for requests whose `Host` is not the server's: what came, and what an operator or developer can set.

use askama::Template;

use crate::Messages;

/// The page.
#[derive(Debug, Template)]
#[template(path = "wrong_host.html")]
pub struct WrongHost<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The OAuth error code.
    pub code: &'a str,
    /// The fixed public sentence.
    pub sentence: &'a str,
    /// The host of the request.
    pub came: &'a str,
    /// The URL at which the server answers.
    pub ours: &'a str,
    /// The id that finds this request in the log.
    pub request_id: &'a str,
}
