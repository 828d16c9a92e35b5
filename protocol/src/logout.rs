//! RP-initiated logout (OIDC RP-Initiated Logout 1.0): what a request to end a session leads to.

use crate::claims::id_token::Hint;
use crate::client::Client;
use crate::id::SessionId;
use crate::redirect::ProvenLogoutRedirect;
use crate::refusal::Refusal;

/// Who is at the browser.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// Whose it is, as clients know them.
    pub subject: &'a str,
}

/// The next step of a logout request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutStep {
    /// The session ends now; then the browser goes there, or sees that it is signed out.
    End(Option<ProvenLogoutRedirect>),
    /// Nobody is proven to have asked for this person's logout: they are asked.
    Ask,
}

/// Decides. `hint` is a verified ID token of `client`. `uri` is `post_logout_redirect_uri`.
pub fn decide(
    hint: Option<(&Hint, &Client)>,
    uri: Option<&str>,
    present: Option<Present<'_>>,
) -> Result<LogoutStep, Refusal> {
    let Some((hint, client)) = hint else {
        // §3: without a hint nobody vouches for the URI, so it is not followed; and any page could have sent the
        // browser here, so the person is asked.
        return Ok(LogoutStep::Ask);
    };
    // §3: the URI is one of the client's, compared byte for byte; otherwise there is no redirect.
    let redirect = match uri {
        Some(uri) => Some(ProvenLogoutRedirect::prove(client, uri).ok_or(Refusal::LogoutRedirectUnknown)?),
        None => None,
    };
    // §2: the hint says whose logout is asked for. Somebody else at this browser is asked.
    let same = present.is_none_or(|present| hint.is_about(present.session, present.subject));
    Ok(if same { LogoutStep::End(redirect) } else { LogoutStep::Ask })
}
