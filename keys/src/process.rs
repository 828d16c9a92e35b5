//! The keys of this process: the ring, read from the store and kept current.

use super::age::Age;
use super::clock::Clock;
use super::custody::{Custody, TokenSigner};
use super::entropy::Entropy;
use super::error::{KeysError, SignError};
use super::form::Form;
use super::home::custody_of;
use super::retired;
use super::retry::Retry;
use super::ring::KeyPolicy;
use super::rotator::{ChangeReport, RotateWhen, Rotator, read_ring};
use super::snapshot::Snapshot;
use super::unwrapping::Unwrapping;
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use storage::Store;
use tokio::sync::Mutex;

/// How long a start waits for its keys to be unwrapped: longer than one call of KMS takes.
const AT_START: Duration = Duration::from_secs(5);

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

/// The ring as this process knows it, for whoever watches the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingStatus {
    /// When it was last read.
    pub read_at: Timestamp,
    /// When the first algorithm changes its signing key, or should have.
    pub rotation_due: Timestamp,
    /// Whether that has passed without a successor: an alarm, as [`Maintained::overdue`].
    pub overdue: bool,
}

/// The keys of this process.
pub struct Keys {
    rotator: Rotator,
    unwrapping: Arc<Unwrapping>,
    age: Age,
    retry: Retry,
    /// One refresh at a time.
    gate: Mutex<()>,
}

impl Keys {
    /// Reads the ring; if there is none and `create` is set, makes it. If its keys can't be unwrapped within five seconds
    /// because KMS is away or busy, the public ones are served, and the others are tried again.
    ///
    /// # Errors
    /// [`KeysError::NoRing`], [`KeysError::MissingMasterKey`], [`KeysError::InKms`], [`KeysError::Corrupt`], a failure of the
    /// store, or one of the custody that doesn't pass without anybody doing anything.
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
        let rotator = Rotator::new(store, maker, policy, Arc::clone(&clock), entropy);
        let read = match read_ring(&*rotator.store).await? {
            Some(found) => found,
            None if create => rotator.make_first().await?,
            None => return Err(KeysError::NoRing),
        };
        let ring = &read.1;
        opener.check_existing(ring.wrapping_key.as_deref()).await.map_err(|file| match ring.form() {
            Form::File => KeysError::MissingMasterKey(file),
            Form::Encrypted | Form::Kept => KeysError::InKms { ring: custody_of(ring), file },
        })?;
        let retired = retired::for_hints(&*rotator.store).await?;
        let snapshot = Snapshot::new(&rotator.policy, read, &retired)?;
        let unwrapping = Unwrapping::new(opener, rotator.policy.clone(), realm, clock, snapshot);
        unwrapping.first_round(AT_START).await;
        let keys =
            Self { rotator, unwrapping, age: Age::new(now), retry: Retry::default(), gate: Mutex::new(()) };
        match keys.why_locked() {
            Some(error) if !error.kind().is_passing() => return Err(error.into()),
            Some(error) => {
                tracing::error!(%error, "nothing can be signed or opened until the keys are unwrapped")
            }
            None => {}
        }
        Ok(Arc::new(keys))
    }

    /// The snapshot that was loaded last, without I/O.
    pub fn current(&self) -> Arc<Snapshot> {
        self.unwrapping.current()
    }

    /// A snapshot read less than [`super::REFRESH_AFTER`] ago, for everything that signs, seals or verifies. One caller
    /// reads, the others wait for it. Only while the store is away is an older one used, up to [`super::STALE_LIMIT`], and
    /// never one that is known to be out of date. If a master that is in use is not unwrapped, this waits for that, a
    /// second at most.
    ///
    /// # Errors
    /// The error of the reading; [`KeysError::Stale`] if it failed just now and is not repeated yet; [`KeysError::Locked`].
    pub async fn fresh(&self) -> Result<Arc<Snapshot>, KeysError> {
        let read = self.read_if_old().await?;
        if read.why_locked(self.clock().now()).is_none() {
            return Ok(read);
        }
        let is_open = |snapshot: &Snapshot| snapshot.why_locked(self.clock().now()).is_none();
        let snapshot = self.unwrapping.wait_until(is_open).await;
        snapshot.why_locked(self.clock().now()).map_or(Ok(snapshot), |why| Err(KeysError::Locked(why)))
    }

    /// The same for the JWKS, which waits for no custody, and which is served for as long as the store is away: its keys
    /// remain valid.
    ///
    /// # Errors
    /// Those of the reading, except while the store is away.
    pub async fn published(&self) -> Result<Arc<Snapshot>, KeysError> {
        match self.read_if_old().await {
            Err(_) if self.age.is_away() => Ok(self.current()),
            read => read,
        }
    }

    /// The signer of `ring` at `now`, as [`Snapshot::signer`]. If the ring has one that is not unwrapped, this waits for
    /// that, a second at most.
    ///
    /// # Errors
    /// As [`Snapshot::signer`].
    pub async fn signer(
        &self,
        ring: &Snapshot,
        alg: Option<Algorithm>,
        now: Timestamp,
    ) -> Result<Arc<dyn TokenSigner>, SignError> {
        if let Ok(signer) = ring.signer(alg, now) {
            return Ok(Arc::clone(signer));
        }
        let can_sign = |snapshot: &Snapshot| snapshot.signer(alg, now).is_ok();
        let later = self.unwrapping.wait_until(can_sign).await;
        later.signer(alg, now).cloned()
    }

    /// Another process changed the store: nothing uses what was read until it is read again.
    pub fn distrust(&self) {
        self.age.distrust();
    }

    /// Reads the ring now. What is new in it is unwrapped in the background.
    pub async fn read_now(&self) -> Result<Arc<Snapshot>, KeysError> {
        let _one = self.gate.lock().await;
        self.reload().await
    }

    /// Reads the ring now, tries at once to unwrap what is missing, and waits for that, a second at most.
    pub async fn refresh(&self) -> Result<Arc<Snapshot>, KeysError> {
        self.read_now().await?;
        self.unwrapping.hurry();
        Ok(self.unwrapping.wait_until(|snapshot| self.unwrapping.is_complete(snapshot)).await)
    }

    /// What the background task does every minute: refresh, and rotate if that is due and allowed. If the custody failed to
    /// make keys, it is tried again after a minute, then less often, at last once an hour.
    pub async fn maintain(&self) -> Result<Maintained, KeysError> {
        let snapshot = self.refresh().await?;
        let (now, policy) = (self.clock().now(), self.policy());
        let misdated = policy.algs.iter().any(|alg| {
            let ring = snapshot.ring();
            ring.active(*alg, now).is_none() && ring.in_charge(*alg, policy.publish_lead, now).is_some()
        });
        let changed = if self.retry.is_due(now) {
            let tried = self.rotator.rotate_if_due(snapshot.version(), snapshot.ring()).await;
            self.retry.note(self.clock().now(), &tried);
            tried?
        } else {
            None
        };
        if changed.is_some() {
            self.refresh().await?;
        }
        Ok(Maintained { rotated: changed == Some(true), overdue: self.status(now).overdue, misdated })
    }

    /// How the ring stands, without I/O.
    pub fn status(&self, now: Timestamp) -> RingStatus {
        let (snapshot, policy) = (self.current(), self.policy());
        let due_of = |alg| match snapshot.ring().pending(alg, now) {
            Some(next) => next.sign_from,
            // A key without a successor signs for its period, and then for as long as it takes.
            None => {
                snapshot.ring().active(alg, now).map_or(now, |key| key.sign_from.plus(policy.rotation_period))
            }
        };
        let rotation_due = policy.algs.iter().map(|alg| due_of(*alg)).min().unwrap_or(now);
        RingStatus { read_at: self.age.read_at(), rotation_due, overdue: rotation_due.has_passed(now) }
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

    fn why_locked(&self) -> Option<SignError> {
        self.current().why_locked(self.clock().now())
    }

    /// The snapshot, after the ring was read if it is too old.
    async fn read_if_old(&self) -> Result<Arc<Snapshot>, KeysError> {
        if self.age.is_fresh(self.clock().now()) {
            return Ok(self.current());
        }
        let _one = self.gate.lock().await;
        let now = self.clock().now();
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

    /// Reads the ring, and uses it if it has changed. The caller holds the gate.
    async fn reload(&self) -> Result<Arc<Snapshot>, KeysError> {
        let now = self.clock().now();
        let epoch = self.age.begin(now);
        let read = match self.read().await {
            // Nobody can have decided anything by it, so the one before is still in force.
            Err(KeysError::Corrupt(what)) => {
                tracing::error!(what, "the key ring in the store is damaged; the last good one is used");
                Ok(())
            }
            read => read,
        };
        self.age.end((now, epoch), self.clock().now(), &read);
        read?;
        // Keys begin to sign as time passes, so something may be missing now that was not.
        self.unwrapping.retry().await;
        Ok(self.current())
    }

    async fn read(&self) -> Result<(), KeysError> {
        let (version, ring) = self.rotator.ring().await?;
        let former = self.current();
        // The content is compared, too: after a restored backup the same version may have another one.
        if version != former.version() || ring != *former.ring() {
            let retired = retired::for_hints(&*self.rotator.store).await?;
            let snapshot = Snapshot::new(self.policy(), (version, ring), &retired)?;
            self.unwrapping.use_ring(|former| snapshot.after(former));
        }
        Ok(())
    }
}
