//! Who makes keys. Where an unused key costs something ([`Form::Kept`]), a process announces first that it makes some, and
//! the others wait or leave it to that process. Only a saving: what counts is the compare-and-set of the write.
//!
//! The announcement is in the ring, and before there is one in the record of retired keys. It ends with the write, with a
//! failure, or, if the process was killed, after five minutes.

use super::claims::{Claims, LOOKS};
use super::custody::Maker;
use super::error::{KeysError, RingRefusal};
use super::form::Form;
use super::plan::Plan;
use super::retired;
use super::ring::{RetiredKeys, Ring, live_claim};
use super::rotator::{ATTEMPTS, Rotator, read_ring};
use super::unused;
use protocol::time::Timestamp;
use std::time::Duration;
use storage::RingDocument;

/// The pause before a command looks again.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 25 } else { 250 });

impl Rotator {
    /// Makes what a plan needs, and writes the ring. `None`: others wrote in between.
    ///
    /// # Errors
    /// [`KeysError::Refused`] with [`RingRefusal::Claimed`], and failures of store or custody.
    pub(super) async fn carry_out(
        &self,
        version: u64,
        ring: &Ring,
        plan: Plan,
        claims: Claims,
    ) -> Result<Option<Ring>, KeysError> {
        let now = self.clock.now();
        let is_costly = self.maker.as_ref().is_some_and(|maker| maker.form() == Form::Kept);
        if plan.keys.is_empty() || !is_costly {
            return self.complete_and_write(version, ring, plan, now).await;
        }
        if let Some(since) = ring.claim(now).filter(|_| claims == Claims::Count) {
            return Err(claimed(since, now));
        }
        if ring.claimed_at.is_some() {
            unused::log_interrupted(ring);
        }
        let claimed = Ring { claimed_at: Some(now), ..ring.clone() };
        if !self.replace(version, ring, &claimed, now).await? {
            return Ok(None);
        }
        let done = self.complete_and_write(version + 1, ring, plan, now).await;
        if !matches!(done, Ok(Some(_)))
            && let Err(error) = self.release(now).await
        {
            tracing::warn!(%error, "the claim to make keys stays for five minutes");
        }
        done
    }

    /// Takes back the claim of `since`, whatever others have written in between.
    async fn release(&self, since: Timestamp) -> Result<(), KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            let released = Ring { claimed_at: None, ..ring.clone() };
            if ring.claimed_at != Some(since)
                || self.replace(version, &ring, &released, self.clock.now()).await?
            {
                return Ok(());
            }
        }
        Err(RingRefusal::Contended.into())
    }

    async fn complete_and_write(
        &self,
        version: u64,
        ring: &Ring,
        plan: Plan,
        now: Timestamp,
    ) -> Result<Option<Ring>, KeysError> {
        let next = self.complete(plan).await?;
        Ok(self.replace(version, ring, &next, now).await?.then_some(next))
    }

    /// Waits until no other process makes keys.
    ///
    /// # Errors
    /// [`KeysError::Refused`] with [`RingRefusal::Claimed`] if that takes too long, and failures of the store.
    pub(super) async fn wait_for_claim(&self, looks: usize) -> Result<(), KeysError> {
        let mut pauses = 1..looks;
        loop {
            let (_, ring) = self.ring().await?;
            let now = self.clock.now();
            let Some(since) = ring.claim(now) else { return Ok(()) };
            if pauses.next().is_none() {
                return Err(claimed(since, now));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Makes the first ring, or takes the one of a process that was faster.
    ///
    /// # Errors
    /// [`KeysError::NoRing`] if this process makes no keys, [`KeysError::Refused`] with [`RingRefusal::Claimed`], and
    /// failures of store or custody.
    pub(super) async fn make_first(&self) -> Result<(u64, Ring), KeysError> {
        let maker = self.maker.as_deref().ok_or(KeysError::NoRing)?;
        if maker.form() != Form::Kept {
            return self.make_ring(maker).await;
        }
        let mut pauses = 1..LOOKS;
        loop {
            if let Some(found) = read_ring(&*self.store).await? {
                return Ok(found);
            }
            let now = self.clock.now();
            let (seen, retired) = retired::read(&*self.store).await?;
            if let Some(since) = live_claim(retired.claimed_at, now) {
                if pauses.next().is_none() {
                    return Err(claimed(since, now));
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let is_cut_off = retired.claimed_at.is_some();
            if self.put_claim(seen, RetiredKeys { claimed_at: Some(now), ..retired }).await? {
                let made = self.make_claimed(maker).await;
                if is_cut_off {
                    let none = Ring::empty();
                    unused::log_interrupted(made.as_ref().map_or(&none, |(_, ring)| ring));
                }
                self.release_first().await?;
                return made;
            }
        }
    }

    async fn make_claimed(&self, maker: &dyn Maker) -> Result<(u64, Ring), KeysError> {
        // Another process may have made it before this one claimed.
        match read_ring(&*self.store).await? {
            Some(found) => Ok(found),
            None => self.make_ring(maker).await,
        }
    }

    async fn release_first(&self) -> Result<(), KeysError> {
        let (seen, retired) = retired::read(&*self.store).await?;
        self.put_claim(seen, RetiredKeys { claimed_at: None, ..retired }).await.map(drop)
    }

    async fn put_claim(&self, seen: Option<u64>, record: RetiredKeys) -> Result<bool, KeysError> {
        let (text, stamp) = (record.to_text()?, self.stamp(self.clock.now()));
        Ok(self.store.replace_ring(RingDocument::RetiredKeys, seen, &text, stamp).await?.is_done())
    }
}

fn claimed(since: Timestamp, now: Timestamp) -> KeysError {
    RingRefusal::Claimed { seconds: now.since(since).as_secs() }.into()
}
