//! The authorization endpoint decides here, in order: who is answered and how, then the list of checks in
//! `parameters.rs`. Until client and redirect URI are proven the only answer is a page; after that it is a redirect. The
//! types leave no third way.

use super::parameters;
use super::request::AuthorizationRequest;
use super::respond::Answer;
use crate::base64url;
use crate::claims::Catalog;
use crate::client::Client;
use crate::id::ClientId;
use crate::json;
use crate::params::{Params, encode};
use crate::redirect::{ProvenRedirect, ResponseMode};
use crate::redirect_uri;
use crate::refusal::Refusal;

/// The longest `state`, in bytes: enough for a broker that puts the request it serves into it.
pub const MAX_STATE_BYTES: usize = 4096;

/// The longest `state` as it is in a redirect: that of [`MAX_STATE_BYTES`] of which all are percent-encoded. A redirect
/// stays below the 16 kB that front ends accept as the head of a response.
const MAX_ENCODED_STATE: usize = 3 * MAX_STATE_BYTES;

/// How a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No client and redirect URI are proven, so the error is shown to the user.
    ShowPage(Refusal),
    /// The client gets the error.
    Redirect(Box<Answer>, Refusal),
}

/// Checks a request against the client that its `client_id` names. Pure: the result is the same at the start, at login,
/// at consent and when the code is issued.
pub fn check(
    params: &Params,
    client: Option<&Client>,
    catalog: &Catalog,
) -> Result<AuthorizationRequest, Denied> {
    let malformed = |refusal| if params.is_malformed() { Refusal::MalformedRequest } else { refusal };
    let (client, redirect) = prove(params, client).map_err(malformed).map_err(Denied::ShowPage)?;
    let (answer, outcome) = answer(params, redirect);
    let checked = outcome.and_then(|()| parameters::check(params, client, catalog, &answer));
    checked.map_err(|refusal| Denied::Redirect(Box::new(answer), refusal))
}

/// RFC 6749 §4.1.2.1, RFC 9700 §4.11: without a proven client and redirect URI nothing is sent anywhere.
fn prove<'a>(params: &Params, client: Option<&'a Client>) -> Result<(&'a Client, ProvenRedirect), Refusal> {
    // RFC 6749 §3.1: two values leave open which one counts.
    if params.repeated("client_id") || params.repeated("redirect_uri") {
        return Err(Refusal::RepeatedParameter);
    }
    let id = params.get("client_id").and_then(ClientId::parse).ok_or(Refusal::ClientIdInvalid)?;
    let client = client.filter(|client| client.id == id).ok_or(Refusal::ClientUnknown)?;
    if client.disabled {
        return Err(Refusal::ClientDisabled);
    }
    // Stricter than RFC 6749 §3.1.2.3: never defaulted, as OIDC Core §3.1.2.1 demands.
    let uri = params.get("redirect_uri").ok_or(Refusal::RedirectUriMissing)?;
    let proven = if uri.len() <= redirect_uri::MAX_BYTES { ProvenRedirect::prove(client, uri) } else { None };
    Ok((client, proven.ok_or(Refusal::RedirectUriUnregistered)?))
}

/// How to answer. If what the request says about that is wrong, the answer is in the query.
fn answer(params: &Params, redirect: ProvenRedirect) -> (Answer, Result<(), Refusal>) {
    let state = state(params);
    let (mode, understood) = match params.get("response_mode") {
        None if object_asks_for_form_post(params) => (ResponseMode::FormPost, true),
        None | Some("query") => (ResponseMode::Query, true),
        Some("form_post") => (ResponseMode::FormPost, true),
        Some(_) => (ResponseMode::Query, false),
    };
    let outcome = if params.is_malformed() {
        Err(Refusal::MalformedRequest)
    } else if params.any_repeated() {
        Err(if params.repeated("resource") || params.repeated("audience") {
            Refusal::RepeatedResource
        } else {
            Refusal::RepeatedParameter
        })
    } else if state.is_some_and(|state| state.len() > MAX_STATE_BYTES) {
        Err(Refusal::RequestTooLong)
    } else if !understood {
        Err(Refusal::ResponseModeUnsupported)
    } else {
        Ok(())
    };
    let fits = |state: &&str| mode == ResponseMode::FormPost || fits_redirect(state);
    (Answer { redirect, mode, state: state.filter(fits).map(str::to_owned) }, outcome)
}

/// Whether a redirect can return a state; a legal one always fits.
fn fits_redirect(state: &str) -> bool {
    state.len() <= MAX_STATE_BYTES || encode(state).to_string().len() <= MAX_ENCODED_STATE
}

/// The `state` to return (RFC 6749 §4.1.2.1), also of a request that is refused because it is too long or repeated: `None`
/// only without one, or if two differ.
fn state(params: &Params) -> Option<&str> {
    let first = params.get("state")?;
    params.all("state").all(|other| other == first).then_some(first)
}

/// OIDC Core §6.1: a request object may contain parameters that are not in the query. Request objects are always refused;
/// this only finds out how the client wants to receive that error. The object is not verified, and need not be: whoever
/// sends it could just as well name the mode next to it.
fn object_asks_for_form_post(params: &Params) -> bool {
    let mode = || {
        let claims = base64url::decode(params.get("request")?.split('.').nth(1)?)?;
        // Not longer than the request, which is bounded.
        json::object(&claims, claims.len())?.remove("response_mode")
    };
    mode().is_some_and(|mode| mode == "form_post")
}
