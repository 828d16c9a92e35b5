//! Changes of the ring: made by commands, by servers and by a rotation that is run from time to time. Nothing here unwraps
//! a key.
//!
//! Every change is read, decide, make, write. The write is compare-and-set on the ring's version; whoever loses drops its
//! work.

use super::claims::{Claims, LOOKS};
use super::clock::Clock;
use super::custody::Maker;
use super::entropy::{self, Entropy};
use super::error::{KeysError, RingRefusal, SignError};
use super::form::kept_key;
use super::plan::{self, NewKey, Plan};
use super::retired;
use super::ring::{KeyPolicy, KeyState, REFRESH_AFTER, Ring};
use super::snapshot::{self, KeyInfo};
use super::unused::{self, Unused};
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Why the key that is to follow was not made, after a revocation; the next rotation makes it.
    pub missing: Option<String>,
    /// An immediate rotation added no sealing master, because there are as many as are kept.
    pub without_master: bool,
}

/// What a run of [`Rotator::run`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// It made the first ring.
    First,
    /// It made new keys.
    Rotated,
    /// Nothing was due.
    Nothing,
    /// Another process makes keys.
    Claimed {
        /// How many seconds ago it began.
        seconds: u64,
    },
    /// Nothing is made until the move that was begun has ended.
    Moving {
        /// The wrapping key that the keys are moved to.
        to: String,
        /// Whether keys are due meanwhile.
        is_due: bool,
    },
}

/// What became of a rotation that may have been due.
enum Renewed {
    /// It was not due.
    Nothing,
    /// Others wrote in between.
    Others,
    /// There is a new ring.
    Written {
        /// With new keys.
        with_keys: bool,
    },
}

/// Changes the ring.
pub struct Rotator {
    pub(super) store: Arc<dyn Store>,
    pub(super) maker: Option<Arc<dyn Maker>>,
    pub(super) policy: KeyPolicy,
    pub(super) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) unused: Unused,
}

impl Rotator {
    /// A rotator; without a `maker` it refuses every change that needs new keys.
    pub fn new(
        store: Arc<dyn Store>,
        maker: Option<Arc<dyn Maker>>,
        policy: KeyPolicy,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, maker, policy, clock, entropy, unused: Unused::default() }
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
        let run = match self.renew(version, &ring).await {
            Ok(Renewed::Written { with_keys: true }) => Run::Rotated,
            Ok(_) => Run::Nothing,
            Err(KeysError::Refused(RingRefusal::Claimed { seconds })) => Run::Claimed { seconds },
            // What has expired may be in the way.
            Err(KeysError::Refused(refusal @ RingRefusal::TooManyKeys)) => {
                tracing::error!(%refusal, "the keys can't be rotated");
                Run::Nothing
            }
            Err(error) => return Err(error),
        };
        let (version, ring) = self.ring().await?;
        self.remove_expired(version, &ring).await?;
        let Some(to) = ring.moving_to.clone() else { return Ok(run) };
        let settled = Ring { moving_to: None, ..ring };
        let due = plan::due(&settled, &self.policy, self.clock.now())?;
        Ok(Run::Moving { to, is_due: due.is_some_and(|due| due.makes()) })
    }

    /// Makes the ring, unless another process is faster.
    pub(super) async fn make_ring(&self, maker: &dyn Maker) -> Result<(u64, Ring), KeysError> {
        let now = self.clock.now();
        let plan = plan::first(maker.first_wrapping_key().await?, maker.form(), &self.policy, now)?;
        let (ring, none) = (self.complete(plan).await?, Ring::empty());
        // Done or lost: the ring is what the store has now.
        let stamp = self.stamp(now);
        let written = self.store.replace_ring(RingDocument::Ring, None, &ring.to_text()?, stamp).await;
        if !written.inspect_err(|_| unused::log_uncertain(&ring, &none))?.is_done() {
            self.unused.note_all(&ring, &none);
        }
        self.ring().await
    }

    /// Rotates if that is due and allowed. `Some`: there is a new ring, of this process or of another; true: with new
    /// keys of this process.
    pub(super) async fn rotate_if_due(&self, version: u64, ring: &Ring) -> Result<Option<bool>, KeysError> {
        if self.maker.is_none() || ring.moving_to.is_some() {
            return Ok(None);
        }
        match self.renew(version, ring).await {
            Ok(Renewed::Nothing) => Ok(None),
            Ok(Renewed::Others) => Ok(Some(false)),
            Ok(Renewed::Written { with_keys }) => Ok(Some(with_keys)),
            Err(KeysError::Refused(RingRefusal::Claimed { .. })) => Ok(Some(false)),
            Err(KeysError::Refused(refusal)) => {
                tracing::error!(%refusal, "the keys can't be rotated");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn renew(&self, version: u64, ring: &Ring) -> Result<Renewed, KeysError> {
        let Some(due) = plan::due(ring, &self.policy, self.clock.now())? else { return Ok(Renewed::Nothing) };
        let with_keys = !due.keys.is_empty();
        if due.makes() {
            self.require_home(ring).await?;
        }
        let written = self.carry_out(version, ring, due, Claims::Count).await?;
        Ok(if written.is_some() { Renewed::Written { with_keys } } else { Renewed::Others })
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
        let is_forced = when == RotateWhen::Now { force: true };
        let claims = if is_forced { Claims::Ignored } else { Claims::Count };
        let without_master = AtomicBool::new(false);
        let plan = |ring: &Ring| match when {
            RotateWhen::Scheduled => plan::rotate_scheduled(ring, &self.policy, now),
            RotateWhen::Now { force } => {
                let plan = plan::rotate_now(ring, &self.policy, force, now)?;
                without_master.store(plan.master.is_none(), Ordering::Relaxed);
                Ok(plan)
            }
        };
        let ring = self.change(plan, claims).await?;
        let mut report = match when {
            // Not always one lead from now: a key that was to begin sooner still does.
            RotateWhen::Scheduled => report_of_pending(&ring, now),
            RotateWhen::Now { .. } => report_of_start(&ring, now, now),
        };
        report.without_master = without_master.into_inner();
        Ok(report)
    }

    /// Ends everything that was issued before, as after a restore, and corrects the dates that are ahead of this clock.
    pub async fn end_all(&self) -> Result<(), KeysError> {
        let Stamp { at, request } = self.stamp(self.clock.now());
        self.change(|ring| Ok(plan::end_all(ring, &self.policy, request, at)), Claims::Ignored)
            .await
            .map(drop)
    }

    /// The KMS keys that nothing uses since changes by this rotator, by their ARNs.
    pub fn unused(&self) -> Vec<String> {
        self.unused.named()
    }

    /// Reads, decides, makes, writes; repeats that if others wrote in between.
    pub(super) async fn change(
        &self,
        decide: impl Fn(&Ring) -> Result<Plan, RingRefusal>,
        claims: Claims,
    ) -> Result<Ring, KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            let plan = decide(&ring)?;
            self.require_maker(&ring, &plan).await?;
            match self.carry_out(version, &ring, plan, claims).await {
                Err(KeysError::Refused(RingRefusal::Claimed { .. })) => self.wait_for_claim(LOOKS).await?,
                Err(error) => return Err(error),
                Ok(Some(next)) => return Ok(next),
                Ok(None) => {}
            }
        }
        Err(RingRefusal::Contended.into())
    }

    /// Refuses a plan that this process can't carry out.
    pub(super) async fn require_maker(&self, ring: &Ring, plan: &Plan) -> Result<(), KeysError> {
        if !plan.keys.is_empty() && self.maker.is_none() {
            return Err(RingRefusal::MayNotGenerate.into());
        }
        if plan.makes() { self.require_home(ring).await } else { Ok(()) }
    }

    /// Makes the material a plan asks for.
    pub(super) async fn complete(&self, plan: Plan) -> Result<Ring, KeysError> {
        let Some(maker) = &self.maker else { return Ok(plan.complete(&self.policy, Vec::new(), None)) };
        let mut made: Vec<NewKey> = Vec::with_capacity(plan.keys.len());
        match make(&**maker, &plan, &mut made).await {
            Ok(master) => Ok(plan.complete(&self.policy, made, master)),
            Err(error) => {
                made.iter().filter_map(|key| kept_key(&key.wrapped)).for_each(|arn| self.unused.note(arn));
                Err(error.into())
            }
        }
    }

    /// Whether the write took effect. `before` is the ring that `next` was made from.
    pub(super) async fn replace(
        &self,
        seen: u64,
        before: &Ring,
        next: &Ring,
        now: Timestamp,
    ) -> Result<bool, KeysError> {
        let stamp = self.stamp(now);
        unused::log_leaving(before, next);
        let written = self.store.replace_ring(RingDocument::Ring, Some(seen), &next.to_text()?, stamp).await;
        let done = written.inspect_err(|_| unused::log_uncertain(next, before))?.is_done();
        let (left, kept) = if done { (before, next) } else { (next, before) };
        self.unused.note_all(left, kept);
        Ok(done)
    }

    pub(super) fn stamp(&self, at: Timestamp) -> Stamp {
        stamp(&*self.entropy, at)
    }
}

/// Makes the keys of a plan, into `made`, and its master.
async fn make(maker: &dyn Maker, plan: &Plan, made: &mut Vec<NewKey>) -> Result<Option<String>, SignError> {
    for (alg, _) in &plan.keys {
        made.push(maker.new_signing_key(plan.wrapping_key(), *alg).await?);
    }
    match &plan.master {
        Some(new) => maker.new_master(plan.wrapping_key(), new.id, plan.former(new)).await.map(Some),
        None => Ok(None),
    }
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

pub(super) fn report(
    ring: &Ring,
    now: Timestamp,
    signs_from: Timestamp,
    old_accepted_until: Timestamp,
) -> ChangeReport {
    ChangeReport {
        keys: snapshot::list(ring, now),
        signs_from,
        in_force_by: now.plus(REFRESH_AFTER),
        old_accepted_until,
        missing: None,
        without_master: false,
    }
}

pub(super) fn stamp(entropy: &dyn Entropy, at: Timestamp) -> Stamp {
    Stamp { at, request: RequestId::from_bytes(entropy::bytes(entropy)) }
}

pub(super) async fn read_ring(store: &dyn Store) -> Result<Option<(u64, Ring)>, KeysError> {
    let Some(document) = store.ring(RingDocument::Ring).await? else { return Ok(None) };
    Ok(Some((document.version, Ring::parse(&document.body)?)))
}
