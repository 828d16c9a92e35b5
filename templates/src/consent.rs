//! The page that asks whether a client may have what it asked for.

use askama::Template;

use crate::Messages;

/// One scope the client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeItem<'a> {
    /// The scope as it is on the wire.
    pub name: &'a str,
    /// What it means to a person.
    pub text: &'a str,
}

impl<'a> ScopeItem<'a> {
    /// A scope with its text in this language, or with its own name if there is none.
    #[must_use]
    pub fn new(messages: &Messages, name: &'a str) -> Self {
        Self { name, text: messages.scope_text(name).unwrap_or(name) }
    }

    /// `openid` can't be unchecked: without it there is no sign-in.
    fn is_required(&self) -> bool {
        self.name == "openid"
    }

    pub(crate) fn has_own_text(&self) -> bool {
        self.name != self.text
    }
}

/// The consent page.
///
/// It posts `scope` once for each scope that is checked, and `decision`, which is `approve` or `deny`. Nothing has the focus
/// at first: a key that was meant for another page must not grant access.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// Where the form is posted: a path or URL of ours.
    pub action: &'a str,
    /// The sealed authorization request, sent back in the hidden field `r`.
    pub request: &'a str,
    /// The CSRF token, sent back in the hidden field `csrf`.
    pub csrf: &'a str,
    /// The client's name as it is registered.
    pub client_name: &'a str,
    /// Host (and port) the answer is sent to: a client's name is easily imitated, its address is not.
    pub redirect_host: &'a str,
    /// The name of the user who is signed in.
    pub username: &'a str,
    /// What the client asked for.
    pub scopes: &'a [ScopeItem<'a>],
}
