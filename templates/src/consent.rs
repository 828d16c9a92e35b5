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
    /// The line for a scope: its text in this language, or its own name when it has none.
    #[must_use]
    pub fn new(messages: &Messages, name: &'a str) -> Self {
        Self { name, text: messages.scope_text(name).unwrap_or(name) }
    }

    /// Without `openid` there is no sign-in to consent to, so it cannot be unchecked.
    fn is_required(&self) -> bool {
        self.name == "openid"
    }

    pub(crate) fn has_own_text(&self) -> bool {
        self.name != self.text
    }
}

/// The consent page.
///
/// It posts `scope` once for each scope left checked, and `decision`, which is `approve` or `deny`. Nothing has the
/// focus at first: a key pressed for another page must not grant access.
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
    /// Host (and port) the answer is sent to: a name is easily imitated, an address is not.
    pub redirect_host: &'a str,
    /// Who is signed in.
    pub username: &'a str,
    /// What the client asked for.
    pub scopes: &'a [ScopeItem<'a>],
}
