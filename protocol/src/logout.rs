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

/// Who requests a logout.
#[derive(Clone, Copy, Debug)]
pub enum Requester<'a> {
    /// Nobody is named.
    Unnamed,
    /// The parameter `client_id` names a client, or none that there is.
    Named(Option<&'a Client>),
    /// A verified ID token of the client.
    Vouched(&'a Hint, &'a Client),
}

/// The next step of a logout request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutStep {
    /// End the session, then redirect there; without a redirect, show that the user is signed out.
    End(Option<ProvenLogoutRedirect>),
    /// Ask the user, since nothing proves that the logout of this session was requested. If they agree, as [`Self::End`].
    Ask(Option<ProvenLogoutRedirect>),
}

/// Decides the next step. `uri` is the parameter `post_logout_redirect_uri`.
pub fn decide(
    requester: Requester<'_>,
    uri: Option<&str>,
    present: Option<Present<'_>>,
) -> Result<LogoutStep, Refusal> {
    let client = match requester {
        // §3: no client is known to own the URI, so there is no redirect.
        Requester::Unnamed => return Ok(LogoutStep::Ask(None)),
        Requester::Named(client) => client,
        Requester::Vouched(_, client) => Some(client),
    };
    // §3: the URI is one of the client's, compared byte for byte.
    let prove = |uri| {
        let client = client.ok_or(Refusal::LogoutClientUnknown)?;
        ProvenLogoutRedirect::prove(client, uri).ok_or(Refusal::LogoutRedirectUnknown)
    };
    let redirect = uri.map(prove).transpose()?;
    // §2: the hint says which user to sign out. If another user is signed in, that user is asked. So is whoever comes
    // without a hint, because any page could have sent the browser here.
    let is_about =
        |hint: &Hint| present.is_none_or(|present| hint.is_about(present.session, present.subject));
    Ok(match requester {
        Requester::Vouched(hint, _) if is_about(hint) => LogoutStep::End(redirect),
        _ => LogoutStep::Ask(redirect),
    })
}
