//! `keyward keys revoke`: first the removal, in one write and without a custody, then the keys that are missing.

use super::claims::Claims;
use super::error::{KeysError, RingRefusal};
use super::plan::Plan;
use super::removal;
use super::retired;
use super::ring::{JWKS_MAX_AGE, REFRESH_AFTER, Ring};
use super::rotator::{ATTEMPTS, ChangeReport, Rotator, report};
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;

/// A ring without the key, and what is still to be made.
struct Removed {
    ring: Ring,
    then: Vec<(Algorithm, Timestamp)>,
    /// Why nothing signs in its place.
    failed: Option<KeysError>,
}

impl Rotator {
    /// `keys revoke KID`. A key that was removed before can be revoked, too: it then verifies no `id_token_hint` either. If
    /// the key is removed and only its replacement fails, that is reported ([`ChangeReport::missing`]).
    ///
    /// # Errors
    /// [`KeysError::Refused`] for an unknown key, or if verifiers can't know the successor yet (without `force`).
    pub async fn revoke(&self, kid: &str, force: bool) -> Result<ChangeReport, KeysError> {
        let now = self.clock.now();
        let is_retired = retired::for_hints(&*self.store).await?.keys.iter().any(|key| key.public.kid == kid);
        let Removed { mut ring, then, mut failed } = self.remove(kid, force, is_retired, now).await?;
        match retired::merge(&*self.store, &ring, &[], now, self.stamp(now)).await {
            // Then none of them verifies anything.
            Ok(()) | Err(KeysError::Corrupt(_)) => {}
            Err(error) => return Err(error),
        }
        if !then.is_empty() {
            match self.change(|ring| removal::supply(ring, &then, now), Claims::Ignored).await {
                Ok(supplied) => ring = supplied,
                Err(error) => failed = Some(error),
            }
        }
        let mut report = report(&ring, now, now, now.plus(REFRESH_AFTER).plus(JWKS_MAX_AGE));
        report.missing = failed.map(|error| error.to_string());
        Ok(report)
    }

    async fn remove(
        &self,
        kid: &str,
        force: bool,
        is_retired: bool,
        now: Timestamp,
    ) -> Result<Removed, KeysError> {
        let mut failed = None;
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            let mut removal = match removal::revoke(&ring, &self.policy, kid, force, now) {
                Err(RingRefusal::UnknownKey) if is_retired => removal::revoke_retired(&ring, kid, now),
                planned => planned?,
            };
            // Nothing would sign: the replacement comes in the same write, unless the custody has failed to make it.
            if failed.is_some() {
                removal.plan.keys.clear();
            } else if removal.plan.makes() {
                match self.make_and_write(version, &ring, removal.plan).await {
                    Ok(Some(ring)) => return Ok(Removed { ring, then: Vec::new(), failed }),
                    Err(error) if force => failed = Some(error),
                    lost_or_failed => drop(lost_or_failed?),
                }
                continue;
            }
            let next = removal.plan.complete(&self.policy, Vec::new(), None);
            if self.replace(version, &ring, &next, now).await? {
                return Ok(Removed { ring: next, then: removal.then, failed });
            }
        }
        Err(RingRefusal::Contended.into())
    }

    async fn make_and_write(&self, version: u64, ring: &Ring, plan: Plan) -> Result<Option<Ring>, KeysError> {
        self.require_maker(ring, &plan).await?;
        self.carry_out(version, ring, plan, Claims::Ignored).await
    }
}
