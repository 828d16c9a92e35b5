//! `keyward keys move`: another custody gets the keys, while servers with the former setting and with the new one run.
//!
//! The begin wraps everything a second time, by the new custody, next to what there is: servers use whichever they can
//! unwrap. Then the servers are restarted with the new setting, one after the other. The end drops the former wrapping and
//! replaces the keys that wait for their time by keys that the new custody makes, so that nothing that was elsewhere signs
//! for longer than one publish lead. Until then nothing else is changed. Each step is one write, and the same command
//! continues from wherever it was interrupted.
//!
//! A key that never leaves KMS can't be wrapped by another custody. If it signs, the begin makes its successor there, and
//! the servers are restarted once that signs.

use super::custody::{Form, Maker, Opener};
use super::error::{KeysError, RingRefusal, SignError};
use super::plan;
use super::rewrap::wrapped_by;
use super::ring::{KeyState, Ring, RingKey};
use super::rotator::{ATTEMPTS, ChangeReport, Rotator, report_of_pending};
use protocol::time::Timestamp;

/// How far a move has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Servers may be restarted with the new setting.
    Begun {
        /// Not before this, because until then a key signs that stays with the former custody.
        restart_from: Option<Timestamp>,
    },
    /// The new custody has everything.
    Ended(ChangeReport),
    /// It had everything before.
    Nothing,
    /// A move that was begun is given up: the former custody has everything.
    GivenUp,
}

impl Rotator {
    /// The next step of a move. `from` opens by the setting in use, `to` by the new one; the maker of this rotator is the
    /// new custody's. `restarted`: the setting in use is the new one, so servers have been restarted with it.
    ///
    /// # Errors
    /// [`KeysError::Sign`] if a custody doesn't open what it has to, [`KeysError::Refused`] with
    /// [`RingRefusal::Moving`] if the keys are being moved to a third custody, and failures of store or custody.
    pub async fn step_move(
        &self,
        from: &dyn Opener,
        to: &dyn Opener,
        restarted: bool,
    ) -> Result<Moved, KeysError> {
        let maker = self.maker.as_deref().ok_or(RingRefusal::MayNotGenerate)?;
        let name = maker.first_wrapping_key().await?;
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            let now = self.clock.now();
            let (version, next, moved) = match (&ring.wrapping_key, &ring.moving_to) {
                (Some(there), Some(begun)) if *there == name => {
                    let given_up = given_up(&ring, maker.form(), now);
                    (version, given_up.ok_or_else(|| RingRefusal::Moving(begun.clone()))?, Moved::GivenUp)
                }
                (_, Some(begun)) if *begun != name => {
                    return Err(RingRefusal::Moving(begun.clone()).into());
                }
                (_, Some(_)) if !restarted => {
                    return Ok(Moved::Begun { restart_from: restart_from(&ring, now) });
                }
                (Some(there), None) if *there == name && !has_foreign(&ring, maker.form(), now) => {
                    return Ok(Moved::Nothing);
                }
                (there, None) if there.as_ref() != Some(&name) => {
                    let (next, moved) = self.begin(&ring, from, maker, &name, now).await?;
                    (version, next, moved)
                }
                _ => match self.end(version, &ring, to, maker.form(), now).await? {
                    Some(ended) => ended,
                    None => continue,
                },
            };
            if self.replace(version, &ring, &next, now).await? {
                return Ok(moved);
            }
        }
        Err(RingRefusal::Contended.into())
    }

    async fn begin(
        &self,
        ring: &Ring,
        from: &dyn Opener,
        maker: &dyn Maker,
        name: &str,
        now: Timestamp,
    ) -> Result<(Ring, Moved), KeysError> {
        let wrapped = wrapped_by(ring, from, maker, name).await?;
        let mut next = ring.clone();
        next.moving_to = Some(name.to_owned());
        for (key, wrapped) in next.keys.iter_mut().zip(wrapped.keys) {
            key.moved = (key.wrapped != wrapped.wrapped).then_some(wrapped.wrapped);
        }
        for (master, wrapped) in next.masters.iter_mut().zip(wrapped.masters) {
            master.moved = Some(wrapped.wrapped);
        }
        let stays = |key: &RingKey| maker.form() == Form::File && Form::of(&key.wrapped) == Form::Kept;
        let next = self.complete(plan::renew(next, &self.policy, stays, now)?).await?;
        let restart_from = restart_from(&next, now);
        Ok((next, Moved::Begun { restart_from }))
    }

    /// Takes the ring as the new custody sees it. Returns the version to replace; `None`: another process was faster.
    async fn end(
        &self,
        mut version: u64,
        ring: &Ring,
        to: &dyn Opener,
        form: Form,
        now: Timestamp,
    ) -> Result<Option<(u64, Ring, Moved)>, KeysError> {
        let moved = ring.as_moved().unwrap_or_else(|| ring.clone());
        check_opens(&moved, to, now).await?;
        // By the ring as it was: what was wrapped a second time was made elsewhere.
        let before = |key: &RingKey| ring.keys.iter().find(|before| before.kid == key.kid);
        let is_foreign = |key: &RingKey| {
            Form::of(&key.wrapped) != form || before(key).is_some_and(|key| key.moved.is_some())
        };
        let plan = plan::renew(moved, &self.policy, is_foreign, now)?;
        if form == Form::Kept && !plan.keys.is_empty() {
            // Also over the claim of a run of this command that was interrupted.
            let Some(claimed) = self.claim_over(version, ring, now).await? else { return Ok(None) };
            version = claimed;
        }
        let next = self.complete(plan.with_master()).await?;
        let report = report_of_pending(&next, now);
        Ok(Some((version, next, Moved::Ended(report))))
    }
}

/// Whether a custody opens everything of a ring that is still needed: every master, and every key that may sign.
async fn check_opens(ring: &Ring, opener: &dyn Opener, now: Timestamp) -> Result<(), SignError> {
    let (name, masters): (_, Vec<_>) = (ring.wrapping_key.as_deref(), ring.masters.iter().collect());
    for master in opener.masters(name, &masters).await {
        master?;
    }
    let may_sign = |key: &&RingKey| matches!(key.state(now), KeyState::Pending | KeyState::Active);
    for key in ring.keys.iter().filter(may_sign) {
        opener.signer(name, key).await?;
    }
    Ok(())
}

/// Whether a key that is yet to sign has another form than the maker's, as after a change from `kms-envelope` to `kms-sign`
/// with the same wrapping key.
fn has_foreign(ring: &Ring, form: Form, now: Timestamp) -> bool {
    let mut pending = ring.keys.iter().filter(|key| key.state(now) == KeyState::Pending);
    pending.any(|key| Form::of(&key.wrapped) != form)
}

/// When the keys that only the former custody has stop signing; `None`: there are none.
fn restart_from(ring: &Ring, now: Timestamp) -> Option<Timestamp> {
    let stays = |key: &&RingKey| key.state(now) == KeyState::Active && Form::of(&key.wrapped) == Form::Kept;
    let is_left = ring.moving_to.as_ref().is_some_and(|to| !to.starts_with("arn:"));
    ring.keys.iter().filter(|key| is_left && stays(key)).filter_map(|key| key.retire_at).max()
}

/// The ring without a move that was begun; `None` if a key that the new custody made signs already. `form`: that of the
/// former custody.
fn given_up(ring: &Ring, form: Form, now: Timestamp) -> Option<Ring> {
    let mut former = ring.clone();
    former.moving_to = None;
    former.masters.iter_mut().for_each(|master| master.moved = None);
    former.keys.iter_mut().for_each(|key| key.moved = None);
    let is_new = |key: &RingKey| (Form::of(&key.wrapped) == Form::File) != (form == Form::File);
    let begun = former.keys.iter().any(|key| is_new(key) && key.state(now) != KeyState::Pending);
    former.keys.retain(|key| !is_new(key));
    (!begun).then_some(former)
}
