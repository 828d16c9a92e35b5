//! The demo relying party: pages that show what a client sees of a sign-in.
//!
//! It runs on loopback in `dev` only, so it may show a token on a page.

use askama::Template;

use crate::Messages;

/// Where the demo begins.
#[derive(Debug, Template)]
#[template(path = "demo_home.html")]
pub struct DemoHome<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// Starts an authorization request.
    pub sign_in_url: &'a str,
    /// A command that gets a token for a program.
    pub curl: Option<&'a str>,
}

/// What the demo client received and verified.
#[derive(Debug, Template)]
#[template(path = "demo_result.html")]
pub struct DemoResult<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The claims of the ID token, as indented JSON.
    pub id_token_claims: &'a str,
    /// The answer of /userinfo, as indented JSON.
    pub userinfo: &'a str,
    /// The access token as it was received.
    pub access_token: &'a str,
    /// The claims of the access token, as indented JSON.
    pub access_token_claims: &'a str,
    /// What was verified, each with its value.
    pub checks: &'a [(&'a str, &'a str)],
    /// Back to the beginning.
    pub again_url: &'a str,
}

/// The demo client got an error instead of a code, or did not accept what it got.
#[derive(Debug, Template)]
#[template(path = "demo_problem.html")]
pub struct DemoProblem<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The OAuth error code.
    pub code: &'a str,
    /// What the authorization server, or the demo's own check, said about it.
    pub description: &'a str,
    /// Back to the beginning.
    pub again_url: &'a str,
}
