//! Refreshing (RFC 6749 §6) as a ratchet.
//!
//! A refresh token contains its generation, and its successor is derived from it. So a rotated token is recognised
//! without a list of old tokens, and a lost answer is repeated without being stored. At most one rotation happens
//! within a grace period, so parallel tabs and retries end with the same token.

use crate::client::Client;
use crate::grant::{DependsOn, Grant, Refresh};
use crate::id::RequestId;
use crate::lifetimes::Lifetimes;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::secret::Digest;
use crate::time::Timestamp;
use std::time::Duration;

/// The least time between two extensions of the idle expiry of a token that is not rotated.
const PROLONG_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The refresh token of a token request, unsealed. The client is already authenticated.
#[derive(Clone, Copy, Debug)]
pub struct PresentedRefreshToken {
    /// The call that serves the request.
    pub call: RequestId,
    /// How many rotations came before it.
    pub generation: u32,
    /// Hash of the secret in it.
    pub digest: Digest,
    /// Hash of the secret derived from it, that of its successor.
    pub successor: Digest,
}

/// Which token to send, and what to commit before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// Send the same token; nothing to commit.
    Same,
    /// Send its successor, which is the tip already; nothing to commit.
    Successor,
    /// Send the same token, its idle expiry extended; commit this tip.
    Prolong(Refresh),
    /// Send its successor; commit this tip.
    Rotate(Refresh),
}

/// The settings that a refresh depends on.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// How long tokens live.
    pub lifetimes: &'a Lifetimes,
    /// How long after a rotation the previous token is still accepted; zero: not at all. If another process rotated it,
    /// [`Grant::skew`] is added, because clocks may differ.
    pub grace: Duration,
}

/// The first refresh token of a grant, issued when its code is redeemed. `None` unless the client has the grant type
/// and `offline_access` was granted.
pub fn first(
    grant: &Grant,
    client: &Client,
    secret: Digest,
    master: u16,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Option<Refresh> {
    let may = grant.offline && client.may_use(crate::client::GrantType::RefreshToken);
    let expires_at = grant.created_at.plus(lifetimes.refresh_token_absolute);
    may.then(|| Refresh {
        digest: secret,
        generation: 0,
        rotated_at: None,
        master,
        idle_expires_at: now.plus(lifetimes.refresh_token_idle).min(expires_at),
        expires_at,
    })
}

/// Decides a refresh. `Ok`: commit the tip in it, then issue tokens. On a refusal, commit its [`Refusal::consequence`].
pub fn decide(
    presented: PresentedRefreshToken,
    grant: &Grant,
    on: &DependsOn<'_>,
    policy: Policy<'_>,
    now: Timestamp,
) -> Result<Refreshed, Refusal> {
    // RFC 6749 §6: bound to the client it was issued to. Another client learns nothing and changes nothing.
    if grant.client != on.client.id {
        return Err(Refusal::RefreshOfOtherClient);
    }
    let tip = grant.refresh.as_ref().ok_or(Refusal::RefreshInvalid)?;
    if !grant.is_alive(on, now) {
        return Err(Refusal::RefreshEnded);
    }
    if tip.idle_expires_at.has_passed(now) || tip.expires_at.has_passed(now) {
        return Err(Refusal::RefreshExpired);
    }
    // Without a grace period, the generation alone decides whether a token was rotated; no clock is read.
    let grace = policy.grace.saturating_add(grant.skew(&presented.call));
    let rotated_lately =
        !policy.grace.is_zero() && tip.rotated_at.is_some_and(|at| now.is_just_after(at, grace));
    if presented.generation > tip.generation {
        // An older backup was restored: the token is refused and an alarm is raised, but this is not a theft.
        return Err(Refusal::RefreshAhead);
    }
    if presented.generation == tip.generation {
        return if presented.digest == tip.digest {
            Ok(current(presented, tip, on.client, rotated_lately, policy, now))
        } else {
            Err(Refusal::RefreshInvalid)
        };
    }
    let is_predecessor = presented.generation.checked_add(1) == Some(tip.generation);
    if is_predecessor && rotated_lately {
        // A lost answer or another tab: send the same successor again.
        let same = presented.successor == tip.digest;
        return if same { Ok(Refreshed::Successor) } else { Err(Refusal::RefreshInvalid) };
    }
    // RFC 9700 §4.14.2: an authentic token used again after its rotation: two parties have tokens of this grant.
    Err(Refusal::RefreshReused)
}

/// Decides for the tip itself.
fn current(
    presented: PresentedRefreshToken,
    tip: &Refresh,
    client: &Client,
    rotated_lately: bool,
    policy: Policy<'_>,
    now: Timestamp,
) -> Refreshed {
    let idle = policy.lifetimes.refresh_token_idle;
    let idle_expires_at = now.plus(idle).min(tip.expires_at);
    // RFC 9700 §2.2.2: tokens of public clients rotate; those of confidential clients are bound by authentication.
    if client.is_confidential() {
        let prolong_after = PROLONG_AFTER.min(idle / 10);
        let due = idle_expires_at.since(tip.idle_expires_at) >= prolong_after;
        let prolonged = Refresh { idle_expires_at, ..tip.clone() };
        return if due { Refreshed::Prolong(prolonged) } else { Refreshed::Same };
    }
    if rotated_lately {
        return Refreshed::Same;
    }
    Refreshed::Rotate(Refresh {
        digest: presented.successor,
        generation: tip.generation.saturating_add(1),
        rotated_at: Some(now),
        master: tip.master,
        idle_expires_at,
        expires_at: tip.expires_at,
    })
}

/// The scope of a refresh (RFC 6749 §6): no more than the grant's; less if less was requested, or if the client has
/// lost scopes since. The grant keeps its scope, so the next refresh may request all of it again.
///
/// # Errors
/// [`Refusal::ScopeMalformed`], [`Refusal::ScopeWider`], or [`Refusal::ScopeEmpty`] if nothing is left.
pub fn scope(grant: &Grant, client: &Client, asked: Option<&str>) -> Result<Scope, Refusal> {
    let granted = grant.scope.intersect(&client.scope);
    let Some(asked) = asked else { return Ok(granted) };
    let asked = Scope::parse(asked).map_err(|_| Refusal::ScopeMalformed)?;
    if !grant.scope.covers(&asked) {
        return Err(Refusal::ScopeWider);
    }
    let scope = asked.intersect(&granted);
    if scope.is_empty() { Err(Refusal::ScopeEmpty) } else { Ok(scope) }
}
