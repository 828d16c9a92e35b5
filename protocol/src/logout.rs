//! RP-initiated logout (OIDC RP-Initiated Logout 1.0): what a request to end a session leads to.

use crate::claims::id_token::Hint;
use crate::client::Client;
use crate::id::SessionId;
use crate::redirect::ProvenLogoutRedirect;
use crate::refusal::Refusal;

/// The session of the browser that sent the request.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// The `sub` of its user.
    pub subject: &'a str,
}

/// The next step of a logout request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutStep {
    /// End the session, then redirect there; without a redirect, show that the user is signed out.
    End(Option<ProvenLogoutRedirect>),
    /// Ask the user: nothing proves that the logout of this session was requested.
    Ask,
}

/// Decides the next step. `hint` is a verified ID token of `client`, `uri` the parameter `post_logout_redirect_uri`.
pub fn decide(
    hint: Option<(&Hint, &Client)>,
    uri: Option<&str>,
    present: Option<Present<'_>>,
) -> Result<LogoutStep, Refusal> {
    let Some((hint, client)) = hint else {
        // §3: without a hint no client is known to own the URI, so there is no redirect; and any page could have sent
        // the browser here, so the user is asked.
        return Ok(LogoutStep::Ask);
    };
    // §3: the URI is one of the client's, compared byte for byte; otherwise there is no redirect.
    let redirect = match uri {
        Some(uri) => Some(ProvenLogoutRedirect::prove(client, uri).ok_or(Refusal::LogoutRedirectUnknown)?),
        None => None,
    };
    // §2: the hint says which user to sign out. If another user is signed in, that user is asked.
    let same = present.is_none_or(|present| hint.is_about(present.session, present.subject));
    Ok(if same { LogoutStep::End(redirect) } else { LogoutStep::Ask })
}
