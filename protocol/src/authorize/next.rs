//! What a checked request needs next: a sign-in, a consent, a code, or a refusal. Asked at the start and after
//! each page, always in the same way, with what was loaded just then.

use super::request::AuthorizationRequest;
use crate::claims::standard;
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

/// Who is signed in in this browser: a live session, loaded in one read with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn<'a> {
    /// The user.
    pub user: &'a User,
    /// The session.
    pub session: &'a Session,
    /// What the user agreed to with this client before.
    pub consent: Option<&'a Consent>,
    /// The realm's generation.
    pub realm: Generation,
}

impl<'a> SignedIn<'a> {
    /// What the user agreed to before, if it counts for this client.
    pub fn agreed_with(&self, client: &Client) -> Option<&'a Consent> {
        self.consent.filter(|consent| consent.counts(self.user, client, self.realm))
    }
}

/// What this request has met so far.
#[derive(Clone, Copy, Debug)]
pub struct Met<'a> {
    /// When the request began.
    pub started_at: Timestamp,
    /// What time it is.
    pub now: Timestamp,
    /// The authentication that was made for this request, on its sign-in or sign-up page.
    pub signed_in: Option<EventId>,
    /// What the user agreed to just now, by the POST of this request's consent page.
    pub agreed: Option<&'a Scope>,
}

/// The next step of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// The user signs in, or signs in anew.
    SignIn,
    /// The user is asked.
    Consent,
    /// The client gets a code.
    Issue(Granted),
    /// The client gets an error.
    Refuse(Refusal),
}

/// Requested, agreed to and allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The grant's scope.
    pub scope: Scope,
    /// Single claims the user agreed to show.
    pub claims: RequestedClaims,
    /// What to remember of the consent, the scopes of single claims among it.
    pub agreed: Scope,
}

/// Decides. `hint` is whom a verified `id_token_hint` is about.
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

/// OIDC Core §3.1.2.1: whether an authentication is new enough for the request. One that was made for it always is,
/// whatever clocks say. `max_age` is counted to the start: what grows too old while the user reads a page has been good
/// enough. What is dated further ahead than clocks differ is of unknown age.
fn is_fresh(request: &AuthorizationRequest, authentication: &Authentication, met: Met<'_>) -> bool {
    let Met { started_at, now, .. } = met;
    let is_young = |most| !authentication.at.is_ahead_of(now) && started_at.since(authentication.at) < most;
    let asks_for_its_own = request.prompt.login || request.prompt.create;
    met.signed_in == Some(authentication.event) || (!asks_for_its_own && request.max_age.is_none_or(is_young))
}

/// What the user has to agree to: the scopes, and for each claim asked for by name the scope it belongs to.
pub fn asked(request: &AuthorizationRequest) -> Scope {
    let names = &request.claims.names;
    let of_claims = names.userinfo.iter().chain(&names.id_token).filter_map(|name| standard::scope_of(name));
    request.scope.union(&of_claims.collect())
}

fn must_ask(
    request: &AuthorizationRequest,
    client: &Client,
    consent: Option<&Consent>,
    asked: &Scope,
) -> bool {
    let redirect = &request.answer.redirect;
    // RFC 8252 §8.6, RFC 6749 §10.2: any program on a device can take a loopback port or a private-use scheme. A
    // client without a secret is known by an address that only its owner can answer at, or not at all.
    let known = client.is_confidential() || redirect.is_https();
    let remembered = known && consent.is_some_and(|consent| consent.scope.covers(asked));
    // OIDC Core §3.1.2.1: `prompt=consent` asks everybody, whatever is remembered.
    request.prompt.consent || (consent::is_required(client, redirect) && !remembered)
}

fn grant(request: &AuthorizationRequest, agreed: Scope) -> Granted {
    let shown = |name: &&String| standard::scope_of(name).is_some_and(|scope| agreed.contains(scope));
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
