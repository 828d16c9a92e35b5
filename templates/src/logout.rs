//! The pages around signing out.

use askama::Template;

use crate::{Application, Messages};

/// Asks whether to sign out.
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
    /// Names and values of further hidden fields: where to go after signing out.
    pub fields: &'a [(&'a str, &'a str)],
    /// The name of the user who is signed in.
    pub username: &'a str,
    /// Where to go without signing out.
    pub account_url: &'a str,
}

/// Says that the user is signed out.
#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The application that the user signed out of, if it has an address to go back to.
    pub application: Option<Application<'a>>,
}
