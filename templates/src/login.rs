//! The page that asks for a user name and a password.

use askama::Template;

use crate::Messages;

/// Why the last attempt to sign in did not succeed.
///
/// There is no "unknown user": the answer is the same for every account, existing or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginProblem {
    /// User name and password don't match.
    WrongCredentials,
    /// Passwords can't be checked right now.
    Busy,
    /// Too many attempts lately.
    TooMany,
}

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct Login<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// Where the form is posted: a path or URL of ours.
    pub action: &'a str,
    /// The sealed errand, sent back in the hidden field `r`.
    pub request: &'a str,
    /// The CSRF token, sent back in the hidden field `csrf`.
    pub csrf: &'a str,
    /// The name of what the user signs in to: the client's, as it is registered, or the account page's.
    pub client_name: &'a str,
    /// The initial value of the user name field; may be empty.
    pub username: &'a str,
    /// What went wrong with the last attempt.
    pub problem: Option<LoginProblem>,
    /// Where to create an account; `None` if sign-up is closed.
    pub signup_url: Option<&'a str>,
}

impl Login<'_> {
    fn problem_text(&self) -> Option<&'static str> {
        self.problem.map(|problem| match problem {
            LoginProblem::WrongCredentials => self.messages.login.wrong_credentials,
            LoginProblem::Busy => self.messages.login.busy,
            LoginProblem::TooMany => self.messages.problems.too_many,
        })
    }

    /// Whether the fields themselves are at fault.
    fn is_invalid(&self) -> bool {
        self.problem == Some(LoginProblem::WrongCredentials)
    }
}
