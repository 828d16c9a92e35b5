//! The checks of an authorization request's parameters: one function each, in one list. A request that arrives another
//! way, pushed (RFC 9126) or signed (RFC 9101), goes through the same list.

use super::request::{AuthorizationRequest, ClaimsRequest, Prompt};
use super::respond::Answer;
use crate::claims::Catalog;
use crate::client::{Client, GrantType};
use crate::params::Params;
use crate::pkce::{Challenge, Pkce};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::token::resource_asked;
use std::time::Duration;

/// The longest `nonce`, in bytes.
pub const MAX_NONCE_BYTES: usize = 512;
/// The longest `resource`, in bytes.
pub const MAX_RESOURCE_BYTES: usize = 512;

/// Reads one parameter, refuses it, or puts what it says into the request.
type Check = fn(&Params, &Client, &mut AuthorizationRequest) -> Result<(), Refusal>;

/// In this order: the first refusal is the answer.
const CHECKS: [Check; 9] =
    [request_object, response_type, scope, prompt, resource, pkce, nonce, max_age, hints];

/// Runs the list; last come the claims, which depend on those that there are.
pub(super) fn check(
    params: &Params,
    client: &Client,
    catalog: &Catalog,
    answer: &Answer,
) -> Result<AuthorizationRequest, Refusal> {
    let mut request = AuthorizationRequest::unchecked(answer.clone());
    CHECKS.iter().try_for_each(|check| check(params, client, &mut request))?;
    request.claims = claims(params, client, catalog)?;
    Ok(request)
}

/// OIDC Core §6: an object that we ignored might say something else than the parameters.
fn request_object(params: &Params, _: &Client, _: &mut AuthorizationRequest) -> Result<(), Refusal> {
    if params.get("request").is_some() {
        return Err(Refusal::RequestObject);
    }
    if params.get("request_uri").is_some() { Err(Refusal::RequestUri) } else { Ok(()) }
}

/// RFC 6749 §3.1.1, §4.1.1.
fn response_type(params: &Params, client: &Client, _: &mut AuthorizationRequest) -> Result<(), Refusal> {
    match params.get("response_type") {
        None => Err(Refusal::ResponseTypeMissing),
        Some("code") if client.may_use(GrantType::AuthorizationCode) => Ok(()),
        Some("code") => Err(Refusal::CodeNotAllowed),
        Some(_) => Err(Refusal::ResponseTypeUnsupported),
    }
}

/// RFC 6749 §3.3: without the parameter, the client's registered scope, as at the token endpoint. Scopes that the client may
/// not have are dropped; if none is left, that is an error.
fn scope(params: &Params, client: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    let allowed = match params.get("scope") {
        None => client.scope.clone(),
        Some(text) => Scope::parse(text).map_err(|_| Refusal::ScopeMalformed)?.intersect(&client.scope),
    };
    // OIDC Core §11: without refresh tokens a client has nothing to use while the user is away.
    let refreshes = client.may_use(GrantType::RefreshToken);
    request.scope = if refreshes { allowed } else { allowed.without("offline_access") };
    if request.scope.is_empty() { Err(Refusal::ScopeEmpty) } else { Ok(()) }
}

/// OIDC Core §3.1.2.1.
fn prompt(params: &Params, _: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    request.prompt = params.get("prompt").map_or(Ok(Prompt::default()), Prompt::parse)?;
    Ok(())
}

/// RFC 8707 §2: one resource, of those that the client is registered for.
fn resource(params: &Params, client: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    let Some(uri) = resource_asked(params)? else { return Ok(()) };
    if uri.len() > MAX_RESOURCE_BYTES || !client.audiences.iter().any(|own| own == uri) {
        return Err(Refusal::ResourceInvalid);
    }
    request.resource = Some(uri.to_owned());
    Ok(())
}

/// RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1: S256, required of every client that is not registered without it.
fn pkce(params: &Params, client: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    request.pkce = match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => {
            Challenge::parse(challenge).map(Pkce::S256).ok_or(Refusal::ChallengeShape)?
        }
        // RFC 7636 §4.3: without a method it would be `plain`, which is not offered.
        (Some(_), _) => return Err(Refusal::ChallengeMethod),
        (None, Some(_)) => return Err(Refusal::ChallengeMissing),
        (None, None) if client.pkce_required || !client.is_confidential() => {
            return Err(Refusal::ChallengeMissing);
        }
        (None, None) => Pkce::None,
    };
    Ok(())
}

/// OIDC Core §3.1.2.1.
fn nonce(params: &Params, _: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    request.nonce = params.get("nonce").map(str::to_owned);
    let too_long = request.nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_NONCE_BYTES);
    if too_long { Err(Refusal::RequestTooLong) } else { Ok(()) }
}

/// OIDC Core §3.1.2.1: whole seconds, digits only.
fn max_age(params: &Params, _: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    let Some(text) = params.get("max_age") else { return Ok(()) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse::<u32>().ok().filter(|_| digits).ok_or(Refusal::MaxAgeInvalid)?;
    request.max_age = Some(Duration::from_secs(seconds.into()));
    Ok(())
}

/// OIDC Core §3.1.2.1. Whom an ID token names is decided where it can be verified.
fn hints(params: &Params, _: &Client, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    request.login_hint = params.get("login_hint").map(str::to_owned);
    request.id_token_hint = params.get("id_token_hint").map(str::to_owned);
    Ok(())
}

/// OIDC Core §5.5.
fn claims(params: &Params, client: &Client, catalog: &Catalog) -> Result<ClaimsRequest, Refusal> {
    let parse = |text| ClaimsRequest::parse(text, &client.scope, catalog);
    params.get("claims").map_or_else(|| Ok(ClaimsRequest::default()), parse)
}
