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

use super::claims::{Claims, FEW_LOOKS};
use super::custody::{Maker, Opener};
use super::error::{KeysError, RingRefusal, SignError};
use super::form::Form;
use super::plan::{self, Plan};
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
        let mut claims = Claims::Count;
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            let now = self.clock.now();
            let (plan, ends) = match (&ring.wrapping_key, &ring.moving_to) {
                (Some(there), Some(begun)) if *there == name && ring.form() == maker.form() => {
                    let given_up = given_up(&ring, maker.form(), now);
                    let next = given_up.ok_or_else(|| RingRefusal::Moving(begun.clone()))?;
                    if self.replace(version, &ring, &next, now).await? {
                        return Ok(Moved::GivenUp);
                    }
                    continue;
                }
                (_, Some(begun)) if *begun != name => {
                    return Err(RingRefusal::Moving(begun.clone()).into());
                }
                (_, Some(_)) if !restarted => {
                    return Ok(Moved::Begun { restart_from: restart_from(&ring, now) });
                }
                (Some(there), None) if *there == name && ring.form() == maker.form() => {
                    return Ok(Moved::Nothing);
                }
                (there, None) if there.as_ref() != Some(&name) => {
                    (self.begin(&ring, from, maker, &name, now).await?, false)
                }
                _ => (self.end(&ring, to, maker.form(), now).await?, true),
            };
            match self.carry_out(version, &ring, plan, claims).await {
                // Perhaps of a run of this command that was interrupted.
                Err(KeysError::Refused(RingRefusal::Claimed { .. })) => {
                    let ended = self.wait_for_claim(FEW_LOOKS).await;
                    claims = if ended.is_ok() { Claims::Count } else { Claims::Ignored };
                }
                Err(error) => return Err(error),
                Ok(Some(next)) if ends => return Ok(Moved::Ended(report_of_pending(&next, now))),
                Ok(Some(next)) => return Ok(Moved::Begun { restart_from: restart_from(&next, now) }),
                Ok(None) => {}
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
    ) -> Result<Plan, KeysError> {
        let wrapped = wrapped_by(ring, from, maker, name).await?;
        let mut next = ring.clone();
        (next.moving_to, next.form) = (Some(name.to_owned()), Some(ring.form()));
        for (key, wrapped) in next.keys.iter_mut().zip(wrapped.keys) {
            key.moved = (key.wrapped != wrapped.wrapped).then_some(wrapped.wrapped);
        }
        for (master, wrapped) in next.masters.iter_mut().zip(wrapped.masters) {
            master.moved = Some(wrapped.wrapped);
        }
        let stays = |key: &RingKey| maker.form() == Form::File && Form::of(&key.wrapped) == Form::Kept;
        Ok(plan::renew(next, &self.policy, stays, now)?)
    }

    /// Takes the ring as the new custody sees it.
    async fn end(&self, ring: &Ring, to: &dyn Opener, form: Form, now: Timestamp) -> Result<Plan, KeysError> {
        let moved = Ring { form: Some(form), ..ring.as_moved().unwrap_or_else(|| ring.clone()) };
        check_opens(&moved, to, now).await?;
        // By the ring as it was: what was wrapped a second time was made elsewhere.
        let before = |key: &RingKey| ring.keys.iter().find(|before| before.kid == key.kid);
        // A key that stays in KMS has the former wrapping key in its tags, and permissions go by these.
        let is_elsewhere = ring.wrapping_key != moved.wrapping_key;
        let is_tagged = |key: &RingKey| is_elsewhere && Form::of(&key.wrapped) == Form::Kept;
        let is_foreign = |key: &RingKey| {
            Form::of(&key.wrapped) != form
                || is_tagged(key)
                || before(key).is_some_and(|key| key.moved.is_some())
        };
        Ok(plan::renew(moved, &self.policy, is_foreign, now)?.with_master())
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
    // A retiring one is of the move before.
    let may_sign = |key: &RingKey| matches!(key.state(now), KeyState::Pending | KeyState::Active);
    let is_new =
        |key: &RingKey| may_sign(key) && (Form::of(&key.wrapped) == Form::File) != (form == Form::File);
    let begun = former.keys.iter().any(|key| is_new(key) && key.state(now) != KeyState::Pending);
    former.keys.retain(|key| !is_new(key));
    (!begun).then_some(former)
}
