//! Every rule of the authorization endpoint, in order. Until client and redirect URI are proven the only answer
//! is a page; after that it is a redirect. The types leave no third way.

use super::request::{AuthorizationRequest, ClaimsRequest, Prompt};
use super::respond::Answer;
use crate::base64url;
use crate::client::{Client, GrantType};
use crate::json;
use crate::params::Params;
use crate::pkce::{Challenge, Pkce};
use crate::redirect::{ProvenRedirect, ResponseMode};
use crate::redirect_uri;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::token::resource_asked;
use std::time::Duration;

/// The longest `state`, in bytes.
pub const MAX_STATE_BYTES: usize = 2048;
/// The longest `nonce`, in bytes.
pub const MAX_NONCE_BYTES: usize = 512;
/// The longest `resource`, in bytes.
pub const MAX_RESOURCE_BYTES: usize = 512;

/// How a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nobody is proven to answer to.
    ShowPage(Refusal),
    /// The client gets the error.
    Redirect(Box<Answer>, Refusal),
}

/// Checks a request against the client its `client_id` led to. Pure: the same at the start, at login, at
/// consent and at issue.
pub fn check(params: &Params, client: Option<&Client>) -> Result<AuthorizationRequest, Denied> {
    let (client, redirect) = prove(params, client).map_err(Denied::ShowPage)?;
    let (answer, outcome) = answer(params, redirect);
    let checked = outcome.and_then(|()| check_request(params, client, &answer));
    checked.map_err(|refusal| Denied::Redirect(Box::new(answer), refusal))
}

/// RFC 6749 §4.1.2.1, RFC 9700 §4.11: without a proven client and redirect URI nothing is sent anywhere.
fn prove<'a>(params: &Params, client: Option<&'a Client>) -> Result<(&'a Client, ProvenRedirect), Refusal> {
    // RFC 6749 §3.1: two values leave open which one counts.
    if params.repeated("client_id") || params.repeated("redirect_uri") {
        return Err(Refusal::RepeatedParameter);
    }
    let named = |client: &&Client| params.get("client_id") == Some(client.id.as_str()) && !client.disabled;
    let client = client.filter(named).ok_or(Refusal::UnknownClientOrRedirect)?;
    // Stricter than RFC 6749 §3.1.2.3: never defaulted, as OIDC Core §3.1.2.1 demands.
    let uri = params.get("redirect_uri").filter(|uri| uri.len() <= redirect_uri::MAX_BYTES);
    let proven = uri.and_then(|uri| ProvenRedirect::prove(client, uri));
    Ok((client, proven.ok_or(Refusal::UnknownClientOrRedirect)?))
}

/// How to answer, also when what the request says about that is wrong: then by query.
fn answer(params: &Params, redirect: ProvenRedirect) -> (Answer, Result<(), Refusal>) {
    let state =
        params.get("state").filter(|state| state.len() <= MAX_STATE_BYTES && !params.repeated("state"));
    let (mode, understood) = match params.get("response_mode") {
        None if object_asks_for_form_post(params) => (ResponseMode::FormPost, true),
        None | Some("query") => (ResponseMode::Query, true),
        Some("form_post") => (ResponseMode::FormPost, true),
        Some(_) => (ResponseMode::Query, false),
    };
    let outcome = if params.any_repeated() {
        Err(if params.repeated("resource") || params.repeated("audience") {
            Refusal::RepeatedResource
        } else {
            Refusal::RepeatedParameter
        })
    } else if params.get("state") != state {
        Err(Refusal::RequestTooLong)
    } else if !understood {
        Err(Refusal::ResponseModeUnsupported)
    } else {
        Ok(())
    };
    (Answer { redirect, mode, state: state.map(str::to_owned) }, outcome)
}

/// OIDC Core §6.1: a request object may hold what stands nowhere else. One is always refused; this only finds the
/// way on which its client listens for that. Nobody has verified it, and nobody needs to: whoever sends it could
/// name the mode beside it as well.
fn object_asks_for_form_post(params: &Params) -> bool {
    let mode = || {
        let claims = base64url::decode(params.get("request")?.split('.').nth(1)?)?;
        // Not longer than the request, which has its own bound.
        json::object(&claims, claims.len())?.remove("response_mode")
    };
    mode().is_some_and(|mode| mode == "form_post")
}

fn check_request(params: &Params, client: &Client, answer: &Answer) -> Result<AuthorizationRequest, Refusal> {
    check_request_object(params)?;
    check_response_type(params, client)?;
    let scope = check_scope(params, client)?;
    let prompt = params.get("prompt").map_or(Ok(Prompt::default()), Prompt::parse)?;
    Ok(AuthorizationRequest {
        answer: answer.clone(),
        scope,
        resource: check_resource(params, client)?,
        pkce: check_pkce(params, client)?,
        nonce: check_nonce(params)?,
        prompt,
        max_age: check_max_age(params)?,
        login_hint: params.get("login_hint").map(str::to_owned),
        id_token_hint: params.get("id_token_hint").map(str::to_owned),
        claims: match params.get("claims") {
            Some(text) => ClaimsRequest::parse(text, &client.scope)?,
            None => ClaimsRequest::default(),
        },
    })
}

/// OIDC Core §6: an object we would ignore might say something else than the parameters.
fn check_request_object(params: &Params) -> Result<(), Refusal> {
    if params.get("request").is_some() {
        return Err(Refusal::RequestObject);
    }
    if params.get("request_uri").is_some() { Err(Refusal::RequestUri) } else { Ok(()) }
}

/// RFC 6749 §3.1.1, §4.1.1.
fn check_response_type(params: &Params, client: &Client) -> Result<(), Refusal> {
    match params.get("response_type") {
        None => Err(Refusal::ResponseTypeMissing),
        Some("code") if client.may_use(GrantType::AuthorizationCode) => Ok(()),
        Some("code") => Err(Refusal::CodeNotAllowed),
        Some(_) => Err(Refusal::ResponseTypeUnsupported),
    }
}

/// RFC 6749 §3.3: what is not allowed is dropped; nothing left is an error.
fn check_scope(params: &Params, client: &Client) -> Result<Scope, Refusal> {
    let requested =
        Scope::parse(params.get("scope").unwrap_or_default()).map_err(|_| Refusal::ScopeMalformed)?;
    let allowed = requested.intersect(&client.scope);
    // OIDC Core §11: without refresh tokens there is nothing that could go on while the user is away.
    let refreshes = client.may_use(GrantType::RefreshToken);
    let scope = if refreshes { allowed } else { allowed.without("offline_access") };
    if scope.is_empty() { Err(Refusal::ScopeEmpty) } else { Ok(scope) }
}

/// RFC 8707 §2: one resource, of those the client is registered for.
fn check_resource(params: &Params, client: &Client) -> Result<Option<String>, Refusal> {
    let Some(uri) = resource_asked(params)? else { return Ok(None) };
    let known = uri.len() <= MAX_RESOURCE_BYTES && client.audiences.iter().any(|own| own == uri);
    if known { Ok(Some(uri.to_owned())) } else { Err(Refusal::ResourceInvalid) }
}

/// RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1: S256, demanded of everybody who is not registered without.
fn check_pkce(params: &Params, client: &Client) -> Result<Pkce, Refusal> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => {
            Challenge::parse(challenge).map(Pkce::S256).ok_or(Refusal::ChallengeShape)
        }
        // RFC 7636 §4.3: without a method it would be `plain`, which is not offered.
        (Some(_), _) => Err(Refusal::ChallengeMethod),
        (None, Some(_)) => Err(Refusal::ChallengeMissing),
        (None, None) if client.pkce_required || !client.is_confidential() => Err(Refusal::ChallengeMissing),
        (None, None) => Ok(Pkce::None),
    }
}

/// OIDC Core §3.1.2.1.
fn check_nonce(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("nonce") {
        Some(nonce) if nonce.len() > MAX_NONCE_BYTES => Err(Refusal::RequestTooLong),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

/// OIDC Core §3.1.2.1: whole seconds, digits only.
fn check_max_age(params: &Params) -> Result<Option<Duration>, Refusal> {
    let Some(text) = params.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse::<u32>().ok().filter(|_| digits).ok_or(Refusal::MaxAgeInvalid)?;
    Ok(Some(Duration::from_secs(seconds.into())))
}
