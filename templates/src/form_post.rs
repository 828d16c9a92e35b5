//! The answer to a client that asked for `response_mode=form_post`.

use askama::Template;

use crate::Messages;

/// OAuth 2.0 Form Post Response Mode §2: the response parameters as a form that posts itself to the client.
///
/// The one page with a script. The button is always there, because scripts may be off.
#[derive(Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPost<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The proven redirect URI.
    pub action: &'a str,
    /// Response parameters, name and value. No name may be `submit`: it would hide the form's method of that name.
    pub fields: &'a [(&'a str, &'a str)],
}
