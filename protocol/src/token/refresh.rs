//! Refreshing (RFC 6749 §6) as a ratchet.
//!
//! A refresh token carries its generation, and its successor follows from it: what was rotated away is recognised
//! without being remembered, and a lost answer is repeated without being stored. At most one rotation happens
//! within a grace period, so parallel tabs and retries converge on one tip and nothing forks.

use crate::client::Client;
use crate::grant::{DependsOn, Grant, Refresh};
use crate::id::RequestId;
use crate::lifetimes::Lifetimes;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::secret::Digest;
use crate::time::Timestamp;
use std::time::Duration;

/// A used token that doesn't rotate is prolonged at most this often.
const PROLONG_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The refresh token of a token request, unsealed. The client is already authenticated.
#[derive(Clone, Copy, Debug)]
pub struct PresentedRefreshToken {
    /// The call that presents it.
    pub call: RequestId,
    /// How often it was rotated when it was issued.
    pub generation: u32,
    /// Hash of the secret in it.
    pub digest: Digest,
    /// Hash of the secret that follows from it.
    pub successor: Digest,
}

/// What the answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The same token again, and nothing to commit.
    Same,
    /// Its successor, which is the tip already: nothing to commit.
    Successor,
    /// The same token, prolonged: commit this tip.
    Prolong(Refresh),
    /// Its successor: commit this tip.
    Rotate(Refresh),
}

/// What the settings say.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// How long tokens live.
    pub lifetimes: &'a Lifetimes,
    /// How long after a rotation the former token is answered, too; zero: never. If another process rotated, it is
    /// [`Grant::skew`] longer, because clocks may differ by that.
    pub grace: Duration,
}

/// The first tip of a grant, issued with its code's redemption; `None` if it gets none. Issued iff the client has
/// the grant type and `offline_access` was granted.
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

/// Decides about a refresh. `Ok`: commit what it holds, then issue. The refusal says what else to commit.
pub fn decide(
    presented: PresentedRefreshToken,
    grant: &Grant,
    on: &DependsOn<'_>,
    policy: Policy<'_>,
    now: Timestamp,
) -> Result<Refreshed, Refusal> {
    // RFC 6749 §6: bound to the client it was issued to. Another one learns and changes nothing.
    if grant.client != on.client.id {
        return Err(Refusal::RefreshOfOtherClient);
    }
    let tip = grant.refresh.as_ref().ok_or(Refusal::RefreshInvalid)?;
    if !grant.is_alive(on, now) {
        return Err(Refusal::RefreshInvalid);
    }
    if tip.idle_expires_at.has_passed(now) || tip.expires_at.has_passed(now) {
        return Err(Refusal::RefreshExpired);
    }
    // Without a grace, what was rotated away is told by its generation alone, and no clock is asked.
    let grace = policy.grace.saturating_add(grant.skew(&presented.call));
    let rotated_lately =
        !policy.grace.is_zero() && tip.rotated_at.is_some_and(|at| now.is_just_after(at, grace));
    if presented.generation > tip.generation {
        // A restored backup knows less than its tokens: refused with an alarm, and nobody is accused.
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
        // A lost answer, or another tab: the same successor again.
        let same = presented.successor == tip.digest;
        return if same { Ok(Refreshed::Successor) } else { Err(Refusal::RefreshInvalid) };
    }
    // RFC 9700 §4.14.2: authentic, rotated away, and back: two parties hold this chain.
    Err(Refusal::RefreshReused)
}

/// The tip itself was presented.
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
    // RFC 9700 §2.2.2: public clients rotate; who authenticates is bound to the token anyway.
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

/// RFC 6749 §6: no more than the grant; less if asked for less, or if the client may have less by now. The grant
/// keeps its own scope, so the next refresh may ask for all of it again.
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
