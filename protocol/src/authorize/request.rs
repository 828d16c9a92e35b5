//! An authorization request, all its parameters checked.

use super::respond::Answer;
use crate::claims::Catalog;
use crate::grant::RequestedClaims;
use crate::id::Subject;
use crate::json;
use crate::pkce::Pkce;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::session::ACR_PASSWORD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The parameters we read. Others are ignored (RFC 6749 §3.1) and not kept.
pub const PARAMETERS: [&str; 16] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "claims",
    "resource",
    "audience",
];

/// The longest `claims` parameter, in bytes; refused by size before it is parsed.
pub const MAX_CLAIMS_BYTES: usize = 1024;

/// What a client requests; no user has decided about it yet.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Where and how to send the answer.
    pub answer: Answer,
    /// The scope requested and allowed to the client; never empty.
    pub scope: Scope,
    /// The resource (RFC 8707).
    pub resource: Option<String>,
    /// The code challenge (RFC 7636).
    pub pkce: Pkce,
    /// Copied into the ID token.
    pub nonce: Option<String>,
    /// Which pages the user must see, or that none may be shown.
    pub prompt: Prompt,
    /// The greatest age of a sign-in that is accepted.
    pub max_age: Option<Duration>,
    /// Prefills the user name.
    pub login_hint: Option<String>,
    /// Not verified here, because that needs keys.
    pub id_token_hint: Option<String>,
    /// Claims requested by name.
    pub claims: ClaimsRequest,
}

impl AuthorizationRequest {
    /// Before any parameter is checked: without scope, which no request that passed the checks is.
    pub(super) fn unchecked(answer: Answer) -> Self {
        Self {
            answer,
            scope: Scope::default(),
            resource: None,
            pkce: Pkce::None,
            nonce: None,
            prompt: Prompt::default(),
            max_age: None,
            login_hint: None,
            id_token_hint: None,
            claims: ClaimsRequest::default(),
        }
    }
}

/// The `prompt` parameter (OIDC Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Show no page at all.
    pub none: bool,
    /// Sign in again. `select_account` means the same here, because signing in is how an account is chosen.
    pub login: bool,
    /// Ask for consent even if it is remembered.
    pub consent: bool,
    /// Show the sign-up page (OpenID Connect Prompt Create 1.0).
    pub create: bool,
}

impl Prompt {
    /// The values understood, for the metadata; `create` only where sign-up is open.
    pub const SUPPORTED: [&'static str; 5] = ["none", "login", "consent", "select_account", "create"];

    /// Parses the parameter; `none` is only valid alone.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut prompt = Self::default();
        for value in text.split(' ') {
            match value {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                "create" => prompt.create = true,
                _ => return Err(Refusal::PromptInvalid),
            }
        }
        let others = prompt.login || prompt.consent || prompt.create;
        if prompt.none && others { Err(Refusal::PromptInvalid) } else { Ok(prompt) }
    }
}

/// The members of the `claims` parameter (OIDC Core §5.5) that we support.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimsRequest {
    /// The names of the requested claims.
    pub names: RequestedClaims,
    /// The scope that gives each of them.
    pub scopes: BTreeMap<String, String>,
    /// OIDC Core §5.5.1: the only subject that is accepted.
    pub subject: Option<Subject>,
}

impl ClaimsRequest {
    /// Parses the parameter. Unknown members, and claims that no scope of the client gives, are ignored (OIDC Core
    /// §5.5).
    pub fn parse(text: &str, allowed: &Scope, catalog: &Catalog) -> Result<Self, Refusal> {
        if text.len() > MAX_CLAIMS_BYTES {
            return Err(Refusal::RequestTooLong);
        }
        let whole = json::object(text.as_bytes(), MAX_CLAIMS_BYTES).ok_or(Refusal::ClaimsInvalid)?;
        let mut request = Self::default();
        for (place, members) in &whole {
            let names = match place.as_str() {
                "userinfo" => &mut request.names.userinfo,
                "id_token" => &mut request.names.id_token,
                _ => continue,
            };
            let members = members.as_object().ok_or(Refusal::ClaimsInvalid)?;
            for (name, wish) in members {
                if !wish.is_null() && !wish.is_object() {
                    return Err(Refusal::ClaimsInvalid);
                }
                if name == "acr" && !acr_can_be_met(wish) {
                    return Err(Refusal::AcrUnmet);
                }
                if let ("sub", Some(value)) = (name.as_str(), wish.get("value").and_then(Value::as_str)) {
                    request.subject = Some(Subject::from_text(value));
                }
                if let Some(scope) = catalog.scope_of(name).filter(|scope| allowed.contains(scope)) {
                    names.push(name.clone());
                    request.scopes.insert(name.clone(), scope.to_owned());
                }
            }
        }
        Ok(request)
    }
}

/// OIDC Core §5.5.1.1: if `acr` is essential and has values, it must be one of them; otherwise it is voluntary.
fn acr_can_be_met(wish: &Value) -> bool {
    let essential = wish.get("essential").and_then(Value::as_bool).unwrap_or(false);
    let one = wish.get("value").and_then(Value::as_str);
    let many = wish.get("values").and_then(Value::as_array);
    let named = one.is_some() || many.is_some();
    let has_ours =
        one == Some(ACR_PASSWORD) || many.is_some_and(|values| values.iter().any(|v| v == ACR_PASSWORD));
    !essential || !named || has_ours
}
