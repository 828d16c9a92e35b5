//! What a checked request needs next: a sign-in, a consent, a code, or a refusal. The same function decides at the
//! start and after each page, with records loaded at that moment.

use super::request::AuthorizationRequest;
use crate::client::Client;
use crate::consent::{self, Consent};
use crate::generation::Generation;
use crate::grant::RequestedClaims;
use crate::id::{EventId, Subject};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::session::{Authentication, Session};
use crate::time::Timestamp;
use crate::user::User;

/// The user who is signed in in this browser: a live session, loaded in one read with its related records.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn<'a> {
    /// The user.
    pub user: &'a User,
    /// The session.
    pub session: &'a Session,
    /// The remembered consent for this client.
    pub consent: Option<&'a Consent>,
    /// The realm's generation.
    pub realm: Generation,
}

impl<'a> SignedIn<'a> {
    /// The remembered consent, if it is valid for this client.
    pub fn agreed_with(&self, client: &Client) -> Option<&'a Consent> {
        self.consent.filter(|consent| consent.counts(self.user, client, self.realm))
    }
}

/// What has happened to this request so far.
#[derive(Clone, Copy, Debug)]
pub struct Met<'a> {
    /// When the request began.
    pub started_at: Timestamp,
    /// The current time.
    pub now: Timestamp,
    /// The authentication made for this request, on its sign-in or sign-up page.
    pub signed_in: Option<EventId>,
    /// What the user agreed to just now, by the POST of this request's consent page.
    pub agreed: Option<&'a Scope>,
}

/// The next step of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// The user must sign in, or sign in again.
    SignIn,
    /// The user must be asked for consent.
    Consent,
    /// Issue a code.
    Issue(Granted),
    /// Answer with an error.
    Refuse(Refusal),
}

/// What was requested, agreed to and allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The grant's scope.
    pub scope: Scope,
    /// Claims requested by name that the user agreed to.
    pub claims: RequestedClaims,
    /// The consent to remember, including the scopes of claims requested by name.
    pub agreed: Scope,
}

/// Decides the next step. `hint` is the subject of a verified `id_token_hint`.
pub fn next(
    request: &AuthorizationRequest,
    client: &Client,
    hint: Option<&Subject>,
    signed_in: Option<SignedIn<'_>>,
    met: Met<'_>,
) -> NextStep {
    let wanted =
        |user: &User| hint.into_iter().chain(&request.claims.subject).all(|wanted| *wanted == user.subject);
    let will_do = |signed_in: &SignedIn<'_>| {
        is_fresh(request, &signed_in.session.authentication, met) && wanted(signed_in.user)
    };
    let Some(signed_in) = signed_in.filter(will_do) else {
        return if request.prompt.none { NextStep::Refuse(Refusal::LoginRequired) } else { NextStep::SignIn };
    };
    let asked = asked(request);
    let agreed = match met.agreed {
        Some(agreed) => asked.intersect(agreed),
        None if must_ask(request, client, signed_in.agreed_with(client), &asked) => {
            return if request.prompt.none {
                NextStep::Refuse(Refusal::ConsentRequired)
            } else {
                NextStep::Consent
            };
        }
        None => asked,
    };
    let granted = grant(request, agreed);
    if granted.scope.is_empty() { NextStep::Refuse(Refusal::ConsentDenied) } else { NextStep::Issue(granted) }
}

/// OIDC Core §3.1.2.1: whether an authentication is recent enough for the request. One that was made for this request
/// always is, whatever the clocks say. `max_age` is measured to the start of the request, so a sign-in does not become
/// too old while the user reads a page. One dated further ahead than the clock skew has an unknown age.
fn is_fresh(request: &AuthorizationRequest, authentication: &Authentication, met: Met<'_>) -> bool {
    let Met { started_at, now, .. } = met;
    let is_young = |most| !authentication.at.is_ahead_of(now) && started_at.since(authentication.at) < most;
    let asks_for_its_own = request.prompt.login || request.prompt.create;
    met.signed_in == Some(authentication.event) || (!asks_for_its_own && request.max_age.is_none_or(is_young))
}

/// The scopes that the user must agree to: those requested, and the scope of each claim requested by name.
pub fn asked(request: &AuthorizationRequest) -> Scope {
    let (names, scopes) = (&request.claims.names, &request.claims.scopes);
    let of_claims = names.userinfo.iter().chain(&names.id_token).filter_map(|name| scopes.get(name));
    request.scope.union(&of_claims.map(String::as_str).collect())
}

fn must_ask(
    request: &AuthorizationRequest,
    client: &Client,
    consent: Option<&Consent>,
    asked: &Scope,
) -> bool {
    let redirect = &request.answer.redirect;
    // RFC 8252 §8.6, RFC 6749 §10.2: any program on a device can take a loopback port or a private-use scheme. Without
    // a secret, only an https redirect URI identifies a client.
    let known = client.is_confidential() || redirect.is_https();
    let remembered = known && consent.is_some_and(|consent| consent.scope.covers(asked));
    // OIDC Core §3.1.2.1: `prompt=consent` always asks, whatever is remembered.
    request.prompt.consent || (consent::is_required(client, redirect) && !remembered)
}

fn grant(request: &AuthorizationRequest, agreed: Scope) -> Granted {
    let scopes = &request.claims.scopes;
    let shown = |name: &&String| scopes.get(*name).is_some_and(|scope| agreed.contains(scope));
    let names = &request.claims.names;
    Granted {
        scope: request.scope.intersect(&agreed),
        claims: RequestedClaims {
            userinfo: names.userinfo.iter().filter(shown).cloned().collect(),
            id_token: names.id_token.iter().filter(shown).cloned().collect(),
        },
        agreed,
    }
}
