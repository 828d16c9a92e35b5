//! The pages around signing out.

use askama::Template;

use crate::Messages;

/// Asks whether the person wants to sign out.
#[derive(Debug, Template)]
#[template(path = "logout.html")]
pub struct Logout<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// Where the form is posted: a path or URL of ours.
    pub action: &'a str,
    /// The CSRF token, sent back in the hidden field `csrf`.
    pub csrf: &'a str,
    /// Who is signed in.
    pub username: &'a str,
    /// Where those go who stay.
    pub account_url: &'a str,
}

/// Says that nobody is signed in any more.
#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
}
