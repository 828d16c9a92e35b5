//! The keys of this process: the ring, read from the store and kept current, and the commands that change it.

use super::age::Age;
use super::custody::Custody;
use super::error::{KeysError, RingRefusal};
use super::plan::{self, Plan};
use super::retired;
use super::ring::{JWKS_MAX_AGE, KeyPolicy, KeyState, REFRESH_AFTER, Ring};
use super::snapshot::{self, KeyInfo, Snapshot, Source};
use crate::clock::Clock;
use crate::entropy::{self, Entropy};
use arc_swap::ArcSwap;
use protocol::id::{Realm, RequestId};
use protocol::time::Timestamp;
use std::sync::Arc;
use storage::{RingDocument, Stamp, Store};
use tokio::sync::Mutex;

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

/// What [`Keys::maintain`] did and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// New keys were made.
    pub rotated: bool,
    /// A rotation is due and has not been made: an alarm.
    pub overdue: bool,
    /// The key that signs is still pending by this clock: an alarm. A clock ran ahead and was corrected, or this one is
    /// behind.
    pub misdated: bool,
}

/// The keys of this process.
pub struct Keys {
    pub(super) store: Arc<dyn Store>,
    pub(super) custody: Arc<dyn Custody>,
    pub(super) policy: KeyPolicy,
    pub(super) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    realm: Realm,
    current: ArcSwap<Snapshot>,
    age: Age,
    /// One refresh at a time.
    gate: Mutex<()>,
}

impl Keys {
    /// Reads the ring; if there is none and `create` is set, makes it.
    ///
    /// # Errors
    /// [`KeysError::NoRing`], [`KeysError::MissingMasterKey`], [`KeysError::Corrupt`], or a failure of store or custody.
    pub async fn open(
        store: Arc<dyn Store>,
        custody: Arc<dyn Custody>,
        policy: KeyPolicy,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        create: bool,
    ) -> Result<Arc<Self>, KeysError> {
        let (now, realm) = (clock.now(), Realm::main());
        let (version, ring) = match read_ring(&*store).await? {
            Some(found) => found,
            None if create => make_first(&*store, &*custody, &policy, &*entropy, now).await?,
            None => return Err(KeysError::NoRing),
        };
        custody.check_existing(ring.wrapping_key.as_deref()).await.map_err(KeysError::MissingMasterKey)?;
        let retired = retired::read(&*store).await?.1;
        let source = Source { realm: &realm, custody: &*custody, policy: &policy, now };
        let snapshot = Snapshot::load(&source, version, ring, &retired, None).await?;
        let (current, age, gate) = (ArcSwap::from_pointee(snapshot), Age::new(now), Mutex::new(()));
        Ok(Arc::new(Self { store, custody, policy, clock, entropy, realm, current, age, gate }))
    }

    /// The snapshot that was loaded last, without I/O.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A snapshot read less than [`REFRESH_AFTER`] ago, for everything that signs, seals or verifies. One caller reads,
    /// the others wait for it. Only while the store is away is an older one used, up to [`super::STALE_LIMIT`], and never
    /// one that is known to be out of date.
    ///
    /// # Errors
    /// The error of the reading, or [`KeysError::Stale`] if it failed just now and is not repeated yet.
    pub async fn fresh(&self) -> Result<Arc<Snapshot>, KeysError> {
        if self.age.is_fresh(self.clock.now()) {
            return Ok(self.current());
        }
        let _one = self.gate.lock().await;
        let now = self.clock.now();
        if self.age.is_fresh(now) {
            return Ok(self.current());
        }
        if self.age.may_try(now) {
            match self.reload().await {
                Err(error) if self.age.may_be_used(now) => {
                    tracing::warn!(%error, "the key ring can't be read; the one read last is used");
                }
                read => return read,
            }
        }
        if self.age.may_be_used(now) { Ok(self.current()) } else { Err(KeysError::Stale) }
    }

    /// The same for the JWKS, which is served for as long as the store is away: its keys remain valid.
    ///
    /// # Errors
    /// Those of [`Self::fresh`], except while the store is away.
    pub async fn published(&self) -> Result<Arc<Snapshot>, KeysError> {
        match self.fresh().await {
            Err(_) if self.age.is_away() => Ok(self.current()),
            read => read,
        }
    }

    /// Another process changed the store: nothing uses what was read until it is read again.
    pub fn distrust(&self) {
        self.age.distrust();
    }

    /// Reads the ring now.
    pub async fn refresh(&self) -> Result<Arc<Snapshot>, KeysError> {
        let _one = self.gate.lock().await;
        self.reload().await
    }

    /// What the background task does every minute: refresh, and rotate if that is due and allowed.
    pub async fn maintain(&self) -> Result<Maintained, KeysError> {
        let snapshot = self.refresh().await?;
        let now = self.clock.now();
        let misdated = self.policy.algs.iter().any(|alg| {
            let ring = snapshot.ring();
            ring.active(*alg, now).is_none() && ring.in_charge(*alg, self.policy.publish_lead, now).is_some()
        });
        let rotated = self.rotate_if_due(&snapshot, now).await?;
        let snapshot = self.current();
        let late = |alg| {
            let next =
                snapshot.ring().active(alg, now).map(|key| key.sign_from.plus(self.policy.rotation_period));
            snapshot.ring().pending(alg, now).is_none() && next.is_none_or(|next| next.has_passed(now))
        };
        Ok(Maintained { rotated, overdue: self.policy.algs.iter().any(|alg| late(*alg)), misdated })
    }

    /// Removes what has expired. To be called only while the clock can be trusted.
    pub async fn remove_expired(&self) -> Result<(), KeysError> {
        let snapshot = self.fresh().await?;
        if self.custody.can_generate() { self.prune(&snapshot, self.clock.now()).await } else { Ok(()) }
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
        let pending = ring.keys.iter().filter(|key| key.state(now) == KeyState::Pending);
        let at = match when {
            // Not always one lead from now: a key that was to begin sooner still does.
            RotateWhen::Scheduled => pending.map(|key| key.sign_from).max().unwrap_or(now),
            RotateWhen::Now { .. } => now,
        };
        let ended = ring.keys.iter().filter(|key| key.retire_at.is_some_and(|end| end <= at));
        let old_accepted_until = ended.filter_map(|key| key.remove_at).max().unwrap_or(now);
        Ok(self.report(&ring, now, at, old_accepted_until))
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
        Ok(self.report(&ring, now, now, now.plus(REFRESH_AFTER).plus(JWKS_MAX_AGE)))
    }

    /// Ends everything that was issued before, as after a restore, and corrects the dates that are ahead of this clock.
    pub async fn end_all(&self) -> Result<(), KeysError> {
        let Stamp { at, request } = self.stamp(self.clock.now());
        self.change(|ring| Ok(plan::end_all(ring, &self.policy, request, at))).await.map(drop)
    }

    /// The policy it was opened with.
    pub const fn policy(&self) -> &KeyPolicy {
        &self.policy
    }

    /// Reads the ring and loads what changed. The caller holds the gate.
    async fn reload(&self) -> Result<Arc<Snapshot>, KeysError> {
        let now = self.clock.now();
        let epoch = self.age.begin(now);
        let read = self.read(now).await;
        self.age.end((now, epoch), &read);
        read
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<Snapshot>, KeysError> {
        let (version, ring) = read_ring(&*self.store).await?.ok_or(KeysError::NoRing)?;
        let previous = self.current();
        // The content is compared, too: after a restored backup the same version may have another one.
        let changed = version != previous.version() || ring != *previous.ring();
        if changed || !previous.is_complete(now) {
            let retired = retired::read(&*self.store).await?.1;
            let source = Source { realm: &self.realm, custody: &*self.custody, policy: &self.policy, now };
            let snapshot = Snapshot::load(&source, version, ring, &retired, Some(&previous)).await?;
            self.current.store(Arc::new(snapshot));
        }
        Ok(self.current())
    }

    async fn rotate_if_due(&self, snapshot: &Snapshot, now: Timestamp) -> Result<bool, KeysError> {
        let due = match plan::due(snapshot.ring(), &self.policy, now) {
            Ok(Some(due)) if self.custody.can_generate() => due,
            Ok(_) => return Ok(false),
            Err(refusal) => {
                tracing::error!(%refusal, "the keys can't be rotated");
                return Ok(false);
            }
        };
        let makes_keys = !due.keys.is_empty();
        let ring = complete(due, &*self.custody, &self.policy).await?;
        let won = self.replace(snapshot.version(), &ring, now).await?;
        // Won or lost, there is a new ring.
        self.refresh().await?;
        Ok(won && makes_keys)
    }

    async fn prune(&self, snapshot: &Snapshot, now: Timestamp) -> Result<(), KeysError> {
        let Some((ring, removed)) = plan::prune(snapshot.ring(), now) else { return Ok(()) };
        // First the copy, then the removal: a failure in between leaves a key in both records, not in neither.
        retired::merge(&*self.store, &ring, &removed, now, self.stamp(now)).await?;
        if self.replace(snapshot.version(), &ring, now).await? {
            self.refresh().await?;
        }
        Ok(())
    }

    /// Reads, decides, makes, writes; repeats that if others wrote in between.
    async fn change(&self, decide: impl Fn(&Ring) -> Result<Plan, RingRefusal>) -> Result<Ring, KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = read_ring(&*self.store).await?.ok_or(KeysError::NoRing)?;
            let plan = decide(&ring)?;
            if !plan.keys.is_empty() && !self.custody.can_generate() {
                return Err(RingRefusal::MayNotGenerate.into());
            }
            let ring = complete(plan, &*self.custody, &self.policy).await?;
            if self.replace(version, &ring, self.clock.now()).await? {
                self.refresh().await?;
                return Ok(ring);
            }
        }
        Err(RingRefusal::Contended.into())
    }

    /// Whether the write took effect.
    pub(super) async fn replace(&self, seen: u64, ring: &Ring, now: Timestamp) -> Result<bool, KeysError> {
        let stamp = self.stamp(now);
        let done = self.store.replace_ring(RingDocument::Ring, Some(seen), &ring.to_text()?, stamp).await?;
        Ok(done.is_done())
    }

    fn report(
        &self,
        ring: &Ring,
        now: Timestamp,
        signs_from: Timestamp,
        old_accepted_until: Timestamp,
    ) -> ChangeReport {
        let keys = snapshot::list(ring, now);
        ChangeReport { keys, signs_from, in_force_by: now.plus(REFRESH_AFTER), old_accepted_until }
    }

    fn stamp(&self, at: Timestamp) -> Stamp {
        stamp(&*self.entropy, at)
    }
}

pub(super) fn stamp(entropy: &dyn Entropy, at: Timestamp) -> Stamp {
    Stamp { at, request: RequestId::from_bytes(entropy::bytes(entropy)) }
}

pub(super) async fn read_ring(store: &dyn Store) -> Result<Option<(u64, Ring)>, KeysError> {
    let Some(document) = store.ring(RingDocument::Ring).await? else { return Ok(None) };
    Ok(Some((document.version, Ring::parse(&document.body)?)))
}

/// Makes the material a plan asks for.
pub(super) async fn complete(
    plan: Plan,
    custody: &dyn Custody,
    policy: &KeyPolicy,
) -> Result<Ring, KeysError> {
    let mut made = Vec::with_capacity(plan.keys.len());
    for (alg, _) in &plan.keys {
        made.push(custody.new_signing_key(plan.wrapping_key(), *alg).await?);
    }
    let master = match plan.master {
        Some((id, _)) if custody.can_generate() => Some(custody.new_master(plan.wrapping_key(), id).await?),
        _ => None,
    };
    Ok(plan.complete(policy, made, master))
}

/// Makes the first ring, or takes the one of a process that was faster.
async fn make_first(
    store: &dyn Store,
    custody: &dyn Custody,
    policy: &KeyPolicy,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(u64, Ring), KeysError> {
    if !custody.can_generate() {
        return Err(KeysError::NoRing);
    }
    let ring =
        complete(plan::first(custody.first_wrapping_key().await?, policy, now)?, custody, policy).await?;
    // Done or lost: the ring is what the store has now.
    let _ = store.replace_ring(RingDocument::Ring, None, &ring.to_text()?, stamp(entropy, now)).await?;
    read_ring(store).await?.ok_or(KeysError::NoRing)
}
