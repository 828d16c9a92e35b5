//! Changes of the ring: made by commands, by servers and by a rotation that is run from time to time. Nothing here unwraps
//! a key.
//!
//! Every change is read, decide, make, write. The write is compare-and-set on the ring's version; whoever loses drops its
//! work.

use super::clock::Clock;
use super::custody::{Form, Maker, kept_key};
use super::entropy::{self, Entropy};
use super::error::{KeysError, RingRefusal, SignError};
use super::plan::{self, NewKey, Plan};
use super::retired;
use super::ring::{JWKS_MAX_AGE, KeyPolicy, KeyState, REFRESH_AFTER, Ring};
use super::snapshot::{self, KeyInfo};
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::sync::Arc;
use storage::{RingDocument, Stamp, Store};

/// How often a command tries to change the ring while others change it, too.
pub(super) const ATTEMPTS: usize = 5;

/// When `keys rotate` lets the next keys sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotateWhen {
    /// After the publish lead.
    Scheduled,
    /// At once.
    Now {
        /// Even if verifiers can't know the successor yet.
        force: bool,
    },
}

/// The result of a change, for the command that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeReport {
    /// All keys after it.
    pub keys: Vec<KeyInfo>,
    /// When the new signing keys begin to sign.
    pub signs_from: Timestamp,
    /// The latest instant at which every process uses it.
    pub in_force_by: Timestamp,
    /// Until when APIs and gateways may still accept what the old key signed: its removal from the JWKS, or, if it was
    /// removed at once, the end of the copies they cache.
    pub old_accepted_until: Timestamp,
}

/// What a run of [`Rotator::run`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It made the first ring.
    First,
    /// It made new keys.
    Rotated,
    /// Nothing was due.
    Nothing,
}

/// Changes the ring.
pub struct Rotator {
    pub(super) store: Arc<dyn Store>,
    pub(super) maker: Option<Arc<dyn Maker>>,
    pub(super) policy: KeyPolicy,
    pub(super) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Rotator {
    /// A rotator; without a `maker` it refuses every change that needs new keys.
    pub const fn new(
        store: Arc<dyn Store>,
        maker: Option<Arc<dyn Maker>>,
        policy: KeyPolicy,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, maker, policy, clock, entropy }
    }

    /// The ring with its version.
    ///
    /// # Errors
    /// [`KeysError::NoRing`], [`KeysError::Corrupt`] and [`KeysError::Store`].
    pub async fn ring(&self) -> Result<(u64, Ring), KeysError> {
        read_ring(&*self.store).await?.ok_or(KeysError::NoRing)
    }

    /// Makes the first ring, rotates if that is due, and removes what has expired: all that a ring needs, to be run every
    /// few hours where servers don't rotate.
    ///
    /// # Errors
    /// [`KeysError::Refused`] with [`RingRefusal::MayNotGenerate`], and failures of store or custody.
    pub async fn run(&self) -> Result<Run, KeysError> {
        if self.maker.is_none() {
            return Err(RingRefusal::MayNotGenerate.into());
        }
        let Some((version, ring)) = read_ring(&*self.store).await? else {
            self.make_first().await?;
            return Ok(Run::First);
        };
        let rotated = self.rotate_if_due(version, &ring).await?;
        let (version, ring) = self.ring().await?;
        self.remove_expired(version, &ring).await?;
        Ok(if rotated == Some(true) { Run::Rotated } else { Run::Nothing })
    }

    /// Makes the first ring, or takes the one of a process that was faster.
    ///
    /// # Errors
    /// [`KeysError::NoRing`] if this process makes no keys, and failures of store or custody.
    pub(super) async fn make_first(&self) -> Result<(u64, Ring), KeysError> {
        let maker = self.maker.as_ref().ok_or(KeysError::NoRing)?;
        let now = self.clock.now();
        let plan = plan::first(maker.first_wrapping_key().await?, &self.policy, now)?;
        let ring = self.complete(plan).await?;
        // Done or lost: the ring is what the store has now.
        let stamp = self.stamp(now);
        let done = self.store.replace_ring(RingDocument::Ring, None, &ring.to_text()?, stamp).await?;
        if !done.is_done() {
            report_unused(&ring, &Ring::empty());
        }
        self.ring().await
    }

    /// Rotates if that is due and allowed. `Some`: there is a new ring, of this process or of another; true: with new
    /// keys of this process.
    pub(super) async fn rotate_if_due(&self, version: u64, ring: &Ring) -> Result<Option<bool>, KeysError> {
        let now = self.clock.now();
        let due = match plan::due(ring, &self.policy, now) {
            Ok(Some(due)) if self.maker.is_some() => due,
            Ok(_) => return Ok(None),
            Err(refusal) => {
                tracing::error!(%refusal, "the keys can't be rotated");
                return Ok(None);
            }
        };
        let makes_keys = !due.keys.is_empty();
        let Some(version) = self.claim(version, ring, makes_keys, now).await? else { return Ok(Some(false)) };
        let next = self.complete(due).await?;
        let won = self.replace(version, ring, &next, now).await?;
        Ok(Some(won && makes_keys))
    }

    /// Removes what has expired; true if something had. To be called only while the clock can be trusted.
    pub(super) async fn remove_expired(&self, version: u64, ring: &Ring) -> Result<bool, KeysError> {
        let now = self.clock.now();
        if self.maker.is_none() {
            return Ok(false);
        }
        let Some((next, removed)) = retired::prune(ring, now) else { return Ok(false) };
        // First the copy, then the removal: a failure in between leaves a key in both records, not in neither.
        retired::merge(&*self.store, &next, &removed, now, self.stamp(now)).await?;
        self.replace(version, ring, &next, now).await
    }

    /// `keys rotate`.
    ///
    /// # Errors
    /// [`KeysError::Refused`] if verifiers can't know the next keys yet (without `force`), or a failure of store or
    /// custody.
    pub async fn rotate(&self, when: RotateWhen) -> Result<ChangeReport, KeysError> {
        let now = self.clock.now();
        let ring = self
            .change(|ring| match when {
                RotateWhen::Scheduled => plan::rotate_scheduled(ring, &self.policy, now),
                RotateWhen::Now { force } => plan::rotate_now(ring, &self.policy, force, now),
            })
            .await?;
        Ok(match when {
            // Not always one lead from now: a key that was to begin sooner still does.
            RotateWhen::Scheduled => report_of_pending(&ring, now),
            RotateWhen::Now { .. } => report_of_start(&ring, now, now),
        })
    }

    /// `keys revoke KID`. A key that was removed before can be revoked, too: it then verifies no `id_token_hint` either.
    ///
    /// # Errors
    /// [`KeysError::Refused`] for an unknown key, or if verifiers can't know the successor yet (without `force`).
    pub async fn revoke(&self, kid: &str, force: bool) -> Result<ChangeReport, KeysError> {
        let now = self.clock.now();
        let retired = retired::read(&*self.store).await?.1.keys.iter().any(|key| key.public.kid == kid);
        let ring = self
            .change(|ring| match plan::revoke(ring, &self.policy, kid, force, now) {
                Err(RingRefusal::UnknownKey) if retired => Ok(plan::revoke_retired(ring, kid, now)),
                planned => planned,
            })
            .await?;
        retired::merge(&*self.store, &ring, &[], now, self.stamp(now)).await?;
        Ok(report(&ring, now, now, now.plus(REFRESH_AFTER).plus(JWKS_MAX_AGE)))
    }

    /// Ends everything that was issued before, as after a restore, and corrects the dates that are ahead of this clock.
    pub async fn end_all(&self) -> Result<(), KeysError> {
        let Stamp { at, request } = self.stamp(self.clock.now());
        self.change(|ring| Ok(plan::end_all(ring, &self.policy, request, at))).await.map(drop)
    }

    /// Reads, decides, makes, writes; repeats that if others wrote in between.
    async fn change(&self, decide: impl Fn(&Ring) -> Result<Plan, RingRefusal>) -> Result<Ring, KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            let plan = decide(&ring)?;
            if !plan.keys.is_empty() && self.maker.is_none() {
                return Err(RingRefusal::MayNotGenerate.into());
            }
            let now = self.clock.now();
            let Some(version) = self.claim(version, &ring, !plan.keys.is_empty(), now).await? else {
                continue;
            };
            let next = self.complete(plan).await?;
            if self.replace(version, &ring, &next, self.clock.now()).await? {
                return Ok(next);
            }
        }
        Err(RingRefusal::Contended.into())
    }

    /// Makes the material a plan asks for.
    pub(super) async fn complete(&self, plan: Plan) -> Result<Ring, KeysError> {
        let Some(maker) = &self.maker else { return Ok(plan.complete(&self.policy, Vec::new(), None)) };
        let mut made = Vec::with_capacity(plan.keys.len());
        match make(&**maker, &plan, &mut made).await {
            Ok(master) => Ok(plan.complete(&self.policy, made, master)),
            Err(error) => {
                made.iter().for_each(|key| report_if_kept(&key.material.thumbprint(), &key.wrapped));
                Err(error.into())
            }
        }
    }

    /// Announces that this process makes keys now, where an unused key costs something; returns the version to replace.
    /// `None`: another process does, or was faster.
    async fn claim(
        &self,
        version: u64,
        ring: &Ring,
        makes_keys: bool,
        now: Timestamp,
    ) -> Result<Option<u64>, KeysError> {
        if !makes_keys || self.maker.as_ref().is_none_or(|maker| maker.form() != Form::Kept) {
            return Ok(Some(version));
        }
        if ring.is_claimed(now) {
            return Ok(None);
        }
        self.claim_over(version, ring, now).await
    }

    /// The same although another process may be making keys: its write loses.
    pub(super) async fn claim_over(
        &self,
        version: u64,
        ring: &Ring,
        now: Timestamp,
    ) -> Result<Option<u64>, KeysError> {
        if ring.claimed_at.is_some() {
            report_interrupted(ring);
        }
        let mut claimed = ring.clone();
        claimed.claimed_at = Some(now);
        Ok(self.replace(version, ring, &claimed, now).await?.then_some(version + 1))
    }

    /// Whether the write took effect. `before` is the ring that `next` was made from. Keys in KMS that nothing uses after it
    /// are reported.
    pub(super) async fn replace(
        &self,
        seen: u64,
        before: &Ring,
        next: &Ring,
        now: Timestamp,
    ) -> Result<bool, KeysError> {
        let stamp = self.stamp(now);
        let done = self.store.replace_ring(RingDocument::Ring, Some(seen), &next.to_text()?, stamp).await?;
        let (unused, kept) = if done.is_done() { (before, next) } else { (next, before) };
        report_unused(unused, kept);
        Ok(done.is_done())
    }

    fn stamp(&self, at: Timestamp) -> Stamp {
        stamp(&*self.entropy, at)
    }
}

/// Makes the signing keys of a plan one after the other, and then its master, which is returned.
async fn make(maker: &dyn Maker, plan: &Plan, made: &mut Vec<NewKey>) -> Result<Option<String>, SignError> {
    for (alg, _) in &plan.keys {
        made.push(maker.new_signing_key(plan.wrapping_key(), *alg).await?);
    }
    match &plan.master {
        Some(new) => maker.new_master(plan.wrapping_key(), new.id, plan.former(new)).await.map(Some),
        None => Ok(None),
    }
}

/// Names the keys of a ring that stay in KMS although `kept` has them no more, or never had them.
fn report_unused(ring: &Ring, kept: &Ring) {
    for key in ring.keys.iter().filter(|key| kept.keys.iter().all(|kept| kept.kid != key.kid)) {
        report_if_kept(&key.kid, &key.wrapped);
    }
}

fn report_if_kept(kid: &str, wrapped: &str) {
    if let Some(arn) = kept_key(wrapped) {
        tracing::warn!(
            kid,
            key = arn,
            "nothing uses this KMS key any more: disable it, and schedule its deletion"
        );
    }
}

/// A process announced that it makes keys and has not written them: it was ended, or is still at it. Which keys it made, KMS
/// alone knows.
fn report_interrupted(ring: &Ring) {
    let used: Vec<_> = ring.keys.iter().filter_map(|key| kept_key(&key.wrapped)).collect();
    tracing::warn!(
        ?used,
        "an earlier change was interrupted while it made keys in KMS: of the KMS keys with the tag keyward-purpose=signing-key \
         and this realm's keyward-realm, only those in `used` are in use; schedule the deletion of the others"
    );
}

/// The report of a change after which the pending keys are the next to sign.
pub(super) fn report_of_pending(ring: &Ring, now: Timestamp) -> ChangeReport {
    let pending = ring.keys.iter().filter(|key| key.state(now) == KeyState::Pending);
    report_of_start(ring, now, pending.map(|key| key.sign_from).max().unwrap_or(now))
}

/// The report of a change after which new keys sign from `at`.
fn report_of_start(ring: &Ring, now: Timestamp, at: Timestamp) -> ChangeReport {
    let ended = ring.keys.iter().filter(|key| key.retire_at.is_some_and(|end| end <= at));
    report(ring, now, at, ended.filter_map(|key| key.remove_at).max().unwrap_or(now))
}

fn report(ring: &Ring, now: Timestamp, signs_from: Timestamp, old_accepted_until: Timestamp) -> ChangeReport {
    let keys = snapshot::list(ring, now);
    ChangeReport { keys, signs_from, in_force_by: now.plus(REFRESH_AFTER), old_accepted_until }
}

pub(super) fn stamp(entropy: &dyn Entropy, at: Timestamp) -> Stamp {
    Stamp { at, request: RequestId::from_bytes(entropy::bytes(entropy)) }
}

pub(super) async fn read_ring(store: &dyn Store) -> Result<Option<(u64, Ring)>, KeysError> {
    let Some(document) = store.ring(RingDocument::Ring).await? else { return Ok(None) };
    Ok(Some((document.version, Ring::parse(&document.body)?)))
}
