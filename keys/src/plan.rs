//! The changes of the ring: pure functions from a ring, a policy and `now` to a [`Plan`], which names the key material it
//! needs. The material is made elsewhere and added; nothing here draws a random number.

use super::error::RingRefusal;
use super::form::Form;
use super::ring::{
    KNOWN_AFTER, KeyPolicy, KeyState, MASTER_LEAD, MAX_ALGORITHMS, MAX_PUBLISHED, Ring, RingKey, RingMaster,
    UNWRAP_AHEAD,
};
use protocol::id::RequestId;
use protocol::jwk::{Algorithm, Jwk, KeyMaterial};
use protocol::time::Timestamp;
use std::collections::BTreeSet;

/// The most masters that are kept; beyond, none is added and the newest continues to seal.
const MAX_MASTERS: usize = 64;

/// The next ring, and the material it still needs.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) ring: Ring,
    at: Timestamp,
    /// The signing keys to make: algorithm, and when the key begins to sign.
    pub keys: Vec<(Algorithm, Timestamp)>,
    /// The master to make.
    pub master: Option<NewMaster>,
}

/// A sealing master that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewMaster {
    /// Its number.
    pub id: u16,
    /// When it begins to seal.
    pub seal_from: Timestamp,
    /// Whether the former ones may have leaked, so that it must not share their source.
    pub is_independent: bool,
}

/// A new signing key.
pub struct NewKey {
    /// Its public numbers.
    pub material: KeyMaterial,
    /// Its private half, as the custody wrapped it.
    pub wrapped: String,
}

impl Plan {
    pub(super) const fn of(ring: Ring, at: Timestamp) -> Self {
        Self { ring, at, keys: Vec::new(), master: None }
    }

    /// The name of the key that wraps the new material: during a move, that of the new custody.
    pub fn wrapping_key(&self) -> Option<&str> {
        self.ring.moving_to.as_deref().or(self.ring.wrapping_key.as_deref())
    }

    /// The master whose source the new one may share: the newest, unless it may have leaked.
    pub fn former(&self, new: &NewMaster) -> Option<&RingMaster> {
        let newest = self.ring.masters.iter().max_by_key(|master| master.id);
        newest.filter(|_| !new.is_independent)
    }

    /// The ring with the new material, in the order of [`Plan::keys`].
    pub fn complete(mut self, policy: &KeyPolicy, made: Vec<NewKey>, master: Option<String>) -> Ring {
        if !made.is_empty() {
            self.ring.claimed_at = None;
        }
        for ((alg, sign_from), new) in self.keys.into_iter().zip(made) {
            let public = Jwk::new(alg, new.material);
            self.ring.keys.push(RingKey {
                kid: public.kid.clone(),
                alg,
                public,
                wrapped: new.wrapped,
                moved: None,
                publish_at: self.at,
                sign_from,
                retire_at: None,
                remove_at: None,
            });
        }
        if let (Some(new), Some(wrapped)) = (self.master, master) {
            let NewMaster { id, seal_from, .. } = new;
            self.ring.masters.push(RingMaster { id, wrapped, moved: None, seal_from, remove_at: None });
        }
        self.ring.compute_ends(policy, self.at);
        self.ring
    }

    /// Whether it needs a custody.
    pub const fn makes(&self) -> bool {
        !self.keys.is_empty() || self.master.is_some()
    }

    /// With one more master, which shares nothing with the former ones.
    pub fn with_master(mut self) -> Self {
        self.add_master(true);
        self
    }

    /// Refuses a tenth published key, however it was requested.
    pub(super) fn within_limits(self) -> Result<Self, RingRefusal> {
        if self.ring.published(self.at) + self.keys.len() > MAX_PUBLISHED {
            return Err(RingRefusal::TooManyKeys);
        }
        Ok(self)
    }

    fn add_master(&mut self, is_independent: bool) {
        begin_sealing(&mut self.ring, self.at);
        let newest = self.ring.masters.iter().map(|master| master.id).max();
        let id = newest.map_or(Some(1), |id| id.checked_add(1));
        if let Some(id) = id.filter(|_| self.ring.masters.len() < MAX_MASTERS) {
            // The first seals at once: no process can have sealed with another.
            let seal_from = if newest.is_some() { self.at.plus(MASTER_LEAD) } else { self.at };
            self.master = Some(NewMaster { id, seal_from, is_independent });
        }
    }
}

/// The first ring, with the name of its wrapping key and the form of its signing keys: for each algorithm an active key
/// and its successor.
pub fn first(
    wrapping_key: String,
    form: Form,
    policy: &KeyPolicy,
    now: Timestamp,
) -> Result<Plan, RingRefusal> {
    check(policy)?;
    let mut plan = Plan::of(Ring::empty(), now);
    (plan.ring.wrapping_key, plan.ring.form) = (Some(wrapping_key), Some(form));
    for alg in &policy.algs {
        plan.keys.push((*alg, now));
        plan.keys.push((*alg, now.plus(policy.rotation_period.max(policy.publish_lead))));
    }
    plan.add_master(true);
    plan.within_limits()
}

/// `keys rewrap`: one more sealing master.
pub fn add_master(ring: Ring, now: Timestamp) -> Result<Plan, RingRefusal> {
    let mut plan = Plan::of(ring, now);
    plan.add_master(true);
    if plan.master.is_some() { Ok(plan) } else { Err(RingRefusal::TooManyMasters) }
}

/// The change that the passing of time or new settings require; `None` if none, and while the keys are moved.
pub fn due(ring: &Ring, policy: &KeyPolicy, now: Timestamp) -> Result<Option<Plan>, RingRefusal> {
    check(policy)?;
    if ring.moving_to.is_some() {
        return Ok(None);
    }
    let mut plan = Plan::of(correct(ring, policy, now), now);
    drop_algorithms(&mut plan.ring, policy, now);
    let mut rotated = plan.ring.masters.is_empty();
    for alg in &policy.algs {
        if plan.ring.pending(*alg, now).is_some() {
            if is_held_up(&plan.ring, policy, *alg, now) {
                bring_forward(&mut plan.ring, *alg, now.plus(policy.publish_lead), now);
            }
            continue;
        }
        rotated = true;
        plan.keys.push((*alg, next_signs_from(&plan.ring, policy, *alg, now)));
    }
    if rotated {
        plan.add_master(false);
    }
    let mut next = plan.ring.clone();
    next.compute_ends(policy, now);
    if plan.keys.is_empty() && plan.master.is_none() && next == *ring {
        return Ok(None);
    }
    plan.within_limits().map(Some)
}

/// When a key that is made now, a successor or the first of its algorithm, begins to sign.
pub(super) fn next_signs_from(ring: &Ring, policy: &KeyPolicy, alg: Algorithm, now: Timestamp) -> Timestamp {
    let lead = now.plus(policy.publish_lead);
    ring.active(alg, now).map_or_else(
        // An algorithm that is new in the settings: verifiers have to learn its key first.
        || if policy.loopback { now } else { lead },
        |active| active.sign_from.plus(policy.rotation_period).max(lead),
    )
}

/// Corrects dates from a clock that ran ahead and was corrected since: the key that signs although it has not begun, and
/// the master that seals, begin now. No other date is changed, since this clock may be the wrong one, and behind. For
/// the processes with a right clock nothing changes then: what they use began before.
pub(super) fn correct(ring: &Ring, policy: &KeyPolicy, now: Timestamp) -> Ring {
    let mut corrected = ring.clone();
    for alg in ring.algorithms(now) {
        // By the ring as it was: a correction for one algorithm says nothing about the next.
        if ring.active(alg, now).is_none() && ring.in_charge(alg, policy.publish_lead, now).is_some() {
            bring_forward(&mut corrected, alg, now, now);
        }
    }
    begin_sealing(&mut corrected, now);
    corrected
}

/// While no master has begun, the oldest seals (`Seals::current_master`). It begins now, so that no later one begins first.
fn begin_sealing(ring: &mut Ring, now: Timestamp) {
    if ring.masters.iter().all(|master| master.seal_from > now)
        && let Some(first) = ring.masters.iter_mut().min_by_key(|master| (master.seal_from, master.id))
    {
        first.seal_from = now;
    }
}

/// Whether the active key has signed for a whole period while its successor waits for a date from a clock that ran ahead.
/// If there are two successors, another process is rotating, and it is this clock that is behind.
fn is_held_up(ring: &Ring, policy: &KeyPolicy, alg: Algorithm, now: Timestamp) -> bool {
    let is_over = |key: &RingKey| key.sign_from.plus(policy.rotation_period).has_passed(now);
    let ahead: Vec<_> =
        ring.keys.iter().filter(|key| key.alg == alg && key.state(now) == KeyState::Pending).collect();
    ring.active(alg, now).is_some_and(is_over) && matches!(&ahead[..], [only] if only.publish_at > now)
}

/// `keys rotate`: the pending keys begin to sign one publish lead from now, or when they were to if that is sooner. Like
/// the other commands it goes by the keys in the ring: the operator's settings may name other algorithms than the
/// server's.
pub fn rotate_scheduled(ring: &Ring, policy: &KeyPolicy, now: Timestamp) -> Result<Plan, RingRefusal> {
    check(policy)?;
    settled(ring)?;
    let mut plan = Plan::of(correct(ring, policy, now), now);
    for alg in rotating(ring, policy, now) {
        let soon = now.plus(policy.publish_lead);
        if !bring_forward(&mut plan.ring, alg, soon, now) {
            plan.keys.push((alg, soon));
        }
    }
    plan.within_limits()
}

/// The algorithms that `keys rotate` is about: those of the ring, or of the settings if the ring has no key.
fn rotating(ring: &Ring, policy: &KeyPolicy, now: Timestamp) -> BTreeSet<Algorithm> {
    let of_ring = ring.algorithms(now);
    if of_ring.is_empty() { policy.algs.iter().copied().collect() } else { of_ring }
}

/// `keys rotate --now`: the pending keys sign at once and get successors.
pub fn rotate_now(ring: &Ring, policy: &KeyPolicy, force: bool, now: Timestamp) -> Result<Plan, RingRefusal> {
    check(policy)?;
    settled(ring)?;
    let mut plan = Plan::of(correct(ring, policy, now), now);
    for alg in rotating(ring, policy, now) {
        require_known(&plan.ring, ring, alg, policy, force, now)?;
        activate(&mut plan, alg, policy, now);
    }
    plan.add_master(true);
    plan.within_limits()
}

/// `keys move`: of each algorithm that has a key of which `is_foreign` is true, the keys that wait for their time are
/// replaced by one of the new custody, which signs one publish lead from now. A key that begins within the hour stays: a
/// process whose clock is ahead may sign with it already.
pub fn renew(
    ring: Ring,
    policy: &KeyPolicy,
    is_foreign: impl Fn(&RingKey) -> bool,
    now: Timestamp,
) -> Result<Plan, RingRefusal> {
    check(policy)?;
    let mut plan = Plan::of(ring, now);
    let signs = |key: &&RingKey| matches!(key.state(now), KeyState::Active | KeyState::Pending);
    for alg in plan.ring.algorithms(now) {
        let mut ours = plan.ring.keys.iter().filter(|key| key.alg == alg).filter(signs);
        // The last one decides: what signs before it is replaced by it anyway.
        if ours.next_back().is_some_and(&is_foreign) {
            let soon = now.plus(UNWRAP_AHEAD);
            plan.ring.keys.retain(|key| key.alg != alg || key.sign_from <= soon);
            plan.keys.push((alg, now.plus(policy.publish_lead)));
        }
    }
    plan.within_limits()
}

/// `call` begins the realm's next generation, which ends everything issued before. Dates ahead of `now` are corrected.
pub fn end_all(ring: &Ring, policy: &KeyPolicy, call: RequestId, now: Timestamp) -> Plan {
    let mut ring = correct_dates(ring, policy, now);
    ring.generation = ring.generation.next(call, now);
    Plan::of(ring, now)
}

/// Corrects all dates ahead of `now`, as an operator vouches for this clock: what was put into the ring by a clock that
/// ran ahead counts as put there now, and begins when it then would.
fn correct_dates(ring: &Ring, policy: &KeyPolicy, now: Timestamp) -> Ring {
    let mut ring = correct(ring, policy, now);
    for alg in ring.algorithms(now) {
        let next = next_signs_from(&ring, policy, alg, now);
        for key in ring.keys.iter_mut().filter(|key| key.alg == alg && key.publish_at > now) {
            key.publish_at = now;
            key.sign_from = key.sign_from.min(next);
        }
    }
    for master in &mut ring.masters {
        master.seal_from = master.seal_from.min(now.plus(MASTER_LEAD));
    }
    ring
}

/// Nothing is made while some processes have the former custody and some the next: each could use only its own.
pub(super) fn settled(ring: &Ring) -> Result<(), RingRefusal> {
    ring.moving_to.clone().map_or(Ok(()), |to| Err(RingRefusal::Moving(to)))
}

fn check(policy: &KeyPolicy) -> Result<(), RingRefusal> {
    let unique: BTreeSet<_> = policy.algs.iter().collect();
    let count = policy.algs.len();
    if count == 0 || count > MAX_ALGORITHMS || unique.len() != count {
        return Err(RingRefusal::BadAlgorithms);
    }
    Ok(())
}

/// Keys of algorithms that left the settings: one that never signed is removed, one that signs retires. Keys dated later
/// than now are left alone: this clock can't tell whether they have signed.
fn drop_algorithms(ring: &mut Ring, policy: &KeyPolicy, now: Timestamp) {
    let is_over = |key: &RingKey| !policy.algs.contains(&key.alg) && key.publish_at <= now;
    ring.keys.retain(|key| !is_over(key) || key.sign_from <= now);
    for key in ring.keys.iter_mut().filter(|key| is_over(key)) {
        if key.retire_at.is_none_or(|at| !at.has_passed(now)) {
            // Its removal date assumed that it signs for longer.
            (key.retire_at, key.remove_at) = (Some(now), None);
        }
    }
}

/// Lets the pending key of `alg` begin at `at` if it would begin later, with `now` as the latest date of its publication.
/// False if there is none.
fn bring_forward(ring: &mut Ring, alg: Algorithm, at: Timestamp, now: Timestamp) -> bool {
    let Some(kid) = ring.pending(alg, now).map(|key| key.kid.clone()) else { return false };
    for key in ring.keys.iter_mut().filter(|key| key.kid == kid) {
        key.sign_from = key.sign_from.min(at);
        key.publish_at = key.publish_at.min(now);
    }
    true
}

/// Refuses while verifiers may not know the key of `alg` that signs next, according to the ring as it was `before`.
pub(super) fn require_known(
    ring: &Ring,
    before: &Ring,
    alg: Algorithm,
    policy: &KeyPolicy,
    force: bool,
    now: Timestamp,
) -> Result<(), RingRefusal> {
    let next = ring.pending(alg, now);
    if force || policy.loopback || next.is_some_and(|key| before.is_known(key, KNOWN_AFTER, now)) {
        return Ok(());
    }
    let wait = next.map_or(KNOWN_AFTER, |key| key.publish_at.plus(KNOWN_AFTER).since(now));
    Err(RingRefusal::TooYoung { alg, wait_seconds: wait.as_millis().div_ceil(1000) as u64 })
}

/// Lets the pending key of `alg` sign from `at` on and plans its successor.
pub(super) fn activate(plan: &mut Plan, alg: Algorithm, policy: &KeyPolicy, at: Timestamp) {
    let now = plan.at;
    // Without a pending key (no server ran for a long time) one is made that signs at once.
    if !bring_forward(&mut plan.ring, alg, at, now) {
        plan.keys.push((alg, now));
    }
    plan.keys.push((alg, now.plus(policy.rotation_period.max(policy.publish_lead))));
}
