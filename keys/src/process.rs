//! The keys of this process: the ring, read from the store and kept current.

use super::age::Age;
use super::clock::Clock;
use super::custody::{Custody, Opener};
use super::entropy::Entropy;
use super::error::{KeysError, SignError};
use super::load::Source;
use super::retired;
use super::ring::KeyPolicy;
use super::rotator::{ChangeReport, RotateWhen, Rotator, read_ring};
use super::snapshot::Snapshot;
use arc_swap::ArcSwap;
use protocol::id::Realm;
use protocol::time::Timestamp;
use std::sync::Arc;
use storage::Store;
use tokio::sync::Mutex;

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
    opener: Arc<dyn Opener>,
    rotator: Rotator,
    realm: Realm,
    current: ArcSwap<Snapshot>,
    age: Age,
    /// One refresh at a time.
    gate: Mutex<()>,
}

impl Keys {
    /// Reads the ring; if there is none and `create` is set, makes it. If its keys can't be unwrapped because KMS is away
    /// or busy, the public ones are served, and the others are tried again.
    ///
    /// # Errors
    /// [`KeysError::NoRing`], [`KeysError::MissingMasterKey`], [`KeysError::Corrupt`], or a failure of store or custody.
    pub async fn open(
        store: Arc<dyn Store>,
        custody: Custody,
        policy: KeyPolicy,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        create: bool,
    ) -> Result<Arc<Self>, KeysError> {
        let (now, realm) = (clock.now(), Realm::main());
        let Custody { opener, maker } = custody;
        let rotator = Rotator::new(store, maker, policy, clock, entropy);
        let (version, ring) = match read_ring(&*rotator.store).await? {
            Some(found) => found,
            None if create => rotator.make_first().await?,
            None => return Err(KeysError::NoRing),
        };
        opener.check_existing(ring.wrapping_key.as_deref()).await.map_err(KeysError::MissingMasterKey)?;
        let retired = retired::read(&*rotator.store).await?.1;
        let source = Source { realm: &realm, opener: &*opener, policy: &rotator.policy, now };
        let snapshot = Snapshot::load(&source, version, ring, &retired, None).await?;
        if let Some(error) = snapshot.why_locked() {
            tracing::error!(%error, "nothing can be signed or opened until the keys are unwrapped");
        }
        let (current, age, gate) = (ArcSwap::from_pointee(snapshot), Age::new(now), Mutex::new(()));
        Ok(Arc::new(Self { opener, rotator, realm, current, age, gate }))
    }

    /// The snapshot that was loaded last, without I/O.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A snapshot read less than [`super::REFRESH_AFTER`] ago, for everything that signs, seals or verifies. One caller
    /// reads, the others wait for it. Only while the store is away is an older one used, up to [`super::STALE_LIMIT`], and
    /// never one that is known to be out of date.
    ///
    /// # Errors
    /// The error of the reading, or [`KeysError::Stale`] if it failed just now and is not repeated yet.
    pub async fn fresh(&self) -> Result<Arc<Snapshot>, KeysError> {
        if self.is_fresh(self.clock().now()) {
            return Ok(self.current());
        }
        let _one = self.gate.lock().await;
        let now = self.clock().now();
        if self.is_fresh(now) {
            return Ok(self.current());
        }
        if self.age.may_try(now) {
            match self.reload().await {
                Err(error) if self.may_be_used(now) => {
                    tracing::warn!(%error, "the key ring can't be read; the one read last is used");
                }
                read => return read,
            }
        }
        if self.may_be_used(now) {
            return Ok(self.current());
        }
        Err(self.why_locked().filter(|_| self.age.is_fresh(now)).map_or(KeysError::Stale, KeysError::Locked))
    }

    /// The same for the JWKS, which is served for as long as the store or KMS is away: its keys remain valid.
    ///
    /// # Errors
    /// Those of [`Self::fresh`], except while the store or KMS is away.
    pub async fn published(&self) -> Result<Arc<Snapshot>, KeysError> {
        match self.fresh().await {
            Err(_) if self.age.is_away() => Ok(self.current()),
            // Read, but not unwrapped.
            Err(KeysError::Locked(_)) => Ok(self.current()),
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
        let (now, policy) = (self.clock().now(), self.policy());
        let misdated = policy.algs.iter().any(|alg| {
            let ring = snapshot.ring();
            ring.active(*alg, now).is_none() && ring.in_charge(*alg, policy.publish_lead, now).is_some()
        });
        let changed = self.rotator.rotate_if_due(snapshot.version(), snapshot.ring()).await?;
        if changed.is_some() {
            self.refresh().await?;
        }
        let snapshot = self.current();
        let late = |alg| {
            let next = snapshot.ring().active(alg, now).map(|key| key.sign_from.plus(policy.rotation_period));
            snapshot.ring().pending(alg, now).is_none() && next.is_none_or(|next| next.has_passed(now))
        };
        let overdue = policy.algs.iter().any(|alg| late(*alg));
        Ok(Maintained { rotated: changed == Some(true), overdue, misdated })
    }

    /// Removes what has expired. To be called only while the clock can be trusted.
    pub async fn remove_expired(&self) -> Result<(), KeysError> {
        let snapshot = self.fresh().await?;
        if self.rotator.remove_expired(snapshot.version(), snapshot.ring()).await? {
            self.refresh().await?;
        }
        Ok(())
    }

    /// [`Rotator::rotate`], and this process uses the result at once.
    pub async fn rotate(&self, when: RotateWhen) -> Result<ChangeReport, KeysError> {
        let report = self.rotator.rotate(when).await?;
        self.refresh().await?;
        Ok(report)
    }

    /// [`Rotator::revoke`], and this process uses the result at once.
    pub async fn revoke(&self, kid: &str, force: bool) -> Result<ChangeReport, KeysError> {
        let report = self.rotator.revoke(kid, force).await?;
        self.refresh().await?;
        Ok(report)
    }

    /// [`Rotator::end_all`], and this process uses the result at once.
    pub async fn end_all(&self) -> Result<(), KeysError> {
        self.rotator.end_all().await?;
        self.refresh().await.map(drop)
    }

    /// The policy it was opened with.
    pub const fn policy(&self) -> &KeyPolicy {
        &self.rotator.policy
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.rotator.clock
    }

    /// Whether the current snapshot can be used without reading again.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.age.is_fresh(now) && self.why_locked().is_none()
    }

    /// Whether it may be used although it is not fresh.
    fn may_be_used(&self, now: Timestamp) -> bool {
        self.age.may_be_used(now) && self.why_locked().is_none()
    }

    fn why_locked(&self) -> Option<SignError> {
        self.current.load().why_locked().cloned()
    }

    /// Reads the ring and loads what changed. The caller holds the gate.
    async fn reload(&self) -> Result<Arc<Snapshot>, KeysError> {
        let now = self.clock().now();
        let epoch = self.age.begin(now);
        let read = match self.read(now).await {
            // Nobody can have decided anything by it, so the one before is still in force.
            Err(KeysError::Corrupt(what)) => {
                tracing::error!(what, "the key ring in the store is damaged; the last good one is used");
                Ok(self.current())
            }
            read => read,
        };
        self.age.end((now, epoch), &read);
        let snapshot = read?;
        snapshot.why_locked().cloned().map_or(Ok(snapshot), |why| Err(KeysError::Locked(why)))
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<Snapshot>, KeysError> {
        let (version, ring) = self.rotator.ring().await?;
        let previous = self.current();
        // The content is compared, too: after a restored backup the same version may have another one.
        let changed = version != previous.version() || ring != *previous.ring();
        if changed || !previous.is_complete(now) {
            let retired = retired::read(&*self.rotator.store).await?.1;
            let source = Source { realm: &self.realm, opener: &*self.opener, policy: self.policy(), now };
            let snapshot = Snapshot::load(&source, version, ring, &retired, Some(&previous)).await?;
            self.current.store(Arc::new(snapshot));
        }
        Ok(self.current())
    }
}
