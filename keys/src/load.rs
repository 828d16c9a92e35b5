//! What a process unwraps of a ring. Everything is asked for at once, and nothing twice.

use super::custody::{Opener, TokenSigner};
use super::error::{KeysError, SignError, SignErrorKind};
use super::ring::{KeyPolicy, Ring, RingKey, RingMaster};
use crate::seal::{Master, Seals};
use futures_util::future::join_all;
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a snapshot is made of, besides the ring.
pub(super) struct Source<'a> {
    pub(super) realm: &'a Realm,
    pub(super) opener: &'a dyn Opener,
    pub(super) policy: &'a KeyPolicy,
    pub(super) now: Timestamp,
}

/// What a process has already.
#[derive(Clone, Copy)]
pub(super) struct Previous<'a> {
    pub(super) seals: &'a Seals,
    pub(super) signers: &'a HashMap<String, Arc<dyn TokenSigner>>,
}

/// A ring that is being loaded.
#[derive(Clone, Copy)]
pub(super) struct Loading<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) ring: &'a Ring,
    /// While the keys are moved: the ring as the custody sees it that they are moved to.
    pub(super) moved: Option<&'a Ring>,
    pub(super) previous: Option<Previous<'a>>,
}

impl Loading<'_> {
    /// The seals, and why they can't be used, if a master is missing that may be in use.
    pub(super) async fn seals(self) -> Result<(Seals, Option<SignError>), KeysError> {
        let Self { source, ring, previous, .. } = self;
        let kept: Vec<_> = ring.masters.iter().map(|master| (master.id, master.seal_from)).collect();
        let is_new = |master: &&RingMaster| previous.is_none_or(|previous| !previous.seals.has(master.id));
        let wanted: Vec<_> = ring.masters.iter().filter(is_new).collect();
        let (mut new, mut locked) = (Vec::new(), None);
        for (master, unwrapped) in wanted.iter().zip(self.unwrap_masters(&wanted).await) {
            match unwrapped {
                Ok(key) => new.push(Master { id: master.id, key, seal_from: master.seal_from }),
                Err(error) if previous.is_none() && !error.kind().is_passing() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(master = master.id, %error, "a sealing master can't be used");
                    // What is damaged can't be used by any other process either: it seals nothing that comes here.
                    if master.seal_from <= source.now && error.kind() != SignErrorKind::Corrupt {
                        locked = Some(error);
                    }
                }
            }
        }
        let seals = match previous {
            Some(previous) => previous.seals.renewed(source.realm, &kept, &new),
            None => Seals::new(source.realm, &new),
        };
        match seals {
            Some(seals) => Ok((seals, locked)),
            None if locked.is_some() => Ok((Seals::none(), locked)),
            None => Err(KeysError::Corrupt("it holds no sealing master")),
        }
    }

    async fn unwrap_masters(self, wanted: &[&RingMaster]) -> Vec<Result<Zeroizing<[u8; 32]>, SignError>> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let opener = self.source.opener;
        let unwrapped = opener.masters(self.ring.wrapping_key.as_deref(), wanted).await;
        let is_foreign = unwrapped.iter().any(|result| result.as_ref().is_err_and(SignError::is_foreign));
        let Some(moved) = self.moved.filter(|_| is_foreign) else { return unwrapped };
        let is_wanted = |master: &&RingMaster| wanted.iter().any(|wanted| wanted.id == master.id);
        let wanted: Vec<_> = moved.masters.iter().filter(is_wanted).collect();
        opener.masters(moved.wrapping_key.as_deref(), &wanted).await
    }

    /// The signers that this process needs: of each algorithm the key that signs, or if that can't be unwrapped the ones
    /// that may sign in its place. A process that runs already also gets the keys that sign within the hour, and keeps
    /// what it had.
    pub(super) async fn signers(self) -> HashMap<String, Arc<dyn TokenSigner>> {
        let of_algs = self.source.policy.algs.iter().map(|alg| self.signers_of(*alg));
        let signers = join_all(of_algs).await.into_iter().flatten();
        signers.map(|signer| (signer.kid().to_owned(), signer)).collect()
    }

    async fn signers_of(self, alg: Algorithm) -> Vec<Arc<dyn TokenSigner>> {
        let (ring, now) = (self.ring, self.source.now);
        let in_charge = ring.in_charge(alg, self.source.policy.publish_lead, now);
        let is_other = |key: &&RingKey| in_charge.is_none_or(|signs| signs.kid != key.kid);
        let stand_ins = ring.keys.iter().filter(|key| key.alg == alg && key.may_sign(now)).filter(is_other);
        let (known, unknown): (Vec<_>, Vec<_>) = stand_ins.partition(|key| self.known(key).is_some());
        let next = ring.soon(alg, now).filter(|key| self.previous.is_some() && is_other(key));
        let first = match in_charge {
            Some(key) => self.signer(key).await,
            None => None,
        };
        let unknown = unknown.into_iter().filter(|_| first.is_none());
        let others = join_all(known.into_iter().chain(next).chain(unknown).map(|key| self.signer(key))).await;
        first.into_iter().chain(others.into_iter().flatten()).collect()
    }

    fn known(self, key: &RingKey) -> Option<Arc<dyn TokenSigner>> {
        self.previous?.signers.get(&key.kid).cloned()
    }

    async fn signer(self, key: &RingKey) -> Option<Arc<dyn TokenSigner>> {
        if let Some(known) = self.known(key) {
            return Some(known);
        }
        let opener = self.source.opener;
        let mut signer = opener.signer(self.ring.wrapping_key.as_deref(), key).await;
        if signer.as_ref().is_err_and(SignError::is_foreign)
            && let Some(moved) = self.moved
            && let Some(key) = moved.keys.iter().find(|moved| moved.kid == key.kid)
        {
            signer = opener.signer(moved.wrapping_key.as_deref(), key).await;
        }
        signer.inspect_err(|error| tracing::error!(kid = key.kid, %error, "a signing key can't be used")).ok()
    }
}
