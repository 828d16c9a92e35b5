//! `keys revoke`: which ring is left without a key, and which keys are then to be made. Pure functions, as in
//! [`super::plan`].

use super::error::RingRefusal;
use super::form::Form;
use super::plan::{Plan, activate, correct, next_signs_from, require_known, settled};
use super::ring::{KeyPolicy, RevokedKey, Ring, RingKey};
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;

/// The removal of a key.
pub(super) struct Removal {
    /// The ring without it. The plan may have keys to make if nothing would sign otherwise.
    pub(super) plan: Plan,
    /// The keys to make afterwards: the removal must not wait for a custody that is away.
    pub(super) then: Vec<(Algorithm, Timestamp)>,
}

/// The key is removed at once. If it was the one that signs, the pending key signs now.
pub(super) fn revoke(
    ring: &Ring,
    policy: &KeyPolicy,
    kid: &str,
    force: bool,
    now: Timestamp,
) -> Result<Removal, RingRefusal> {
    let key = ring.keys.iter().find(|key| key.kid == kid).ok_or(RingRefusal::UnknownKey)?;
    let alg = key.alg;
    let signed = ring.in_charge(alg, policy.publish_lead, now).is_some_and(|signs| signs.kid == kid);
    let mut plan = Plan::of(forget(&correct(ring, policy, now), kid, now), now);
    if signed {
        require_known(&plan.ring, ring, alg, policy, force, now)?;
        require_usable(&plan.ring, alg, force, now)?;
        // Servers whose clocks are behind ours have no other key now, so the successor may sign from the moment it was
        // published, not from our `now`, which they have not reached.
        let since = plan.ring.pending(alg, now).map_or(now, |key| key.publish_at.min(now));
        activate(&mut plan, alg, policy, since);
    } else if plan.ring.active(alg, now).is_some() && plan.ring.pending(alg, now).is_none() {
        plan.keys.push((alg, next_signs_from(&plan.ring, policy, alg, now)));
    }
    let mut plan = plan.within_limits()?;
    let is_replaced = plan.ring.active(alg, now).is_some();
    let mut then = if is_replaced { std::mem::take(&mut plan.keys) } else { Vec::new() };
    // The end of a move makes what is missing.
    then.retain(|_| ring.moving_to.is_none());
    Ok(Removal { plan, then })
}

/// `keys revoke KID` of a key that has left the ring.
pub(super) fn revoke_retired(ring: &Ring, kid: &str, now: Timestamp) -> Removal {
    Removal { plan: Plan::of(forget(ring, kid, now), now), then: Vec::new() }
}

/// The keys that were to be made after a removal, unless another process has made them.
pub(super) fn supply(
    ring: &Ring,
    keys: &[(Algorithm, Timestamp)],
    now: Timestamp,
) -> Result<Plan, RingRefusal> {
    settled(ring)?;
    let mut plan = Plan::of(ring.clone(), now);
    plan.keys.extend(keys.iter().filter(|(alg, _)| ring.pending(*alg, now).is_none()));
    plan.within_limits()
}

/// Takes a key out and notes that it was revoked.
fn forget(ring: &Ring, kid: &str, now: Timestamp) -> Ring {
    let mut ring = ring.clone();
    // While its newest key is still there.
    ring.form = Some(ring.form());
    ring.keys.retain(|key| key.kid != kid);
    ring.revoked.push(RevokedKey { kid: kid.to_owned(), at: now });
    ring
}

/// Refuses during a move if the key of `alg` that signs next is one that only some of the servers can use (without
/// `force`), or if there is none: which custody would make it?
fn require_usable(ring: &Ring, alg: Algorithm, force: bool, now: Timestamp) -> Result<(), RingRefusal> {
    let Some(to) = &ring.moving_to else { return Ok(()) };
    let by_both =
        |key: &RingKey| key.moved.is_some() || Form::of(&key.wrapped) == Form::Kept && to.starts_with("arn:");
    let next = ring.pending(alg, now);
    if next.is_some_and(|key| force || by_both(key)) { Ok(()) } else { Err(RingRefusal::Moving(to.clone())) }
}
