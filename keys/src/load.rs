//! What a process has unwrapped of a ring, and what is still to be unwrapped. Everything that is missing is unwrapped at
//! once, and nothing twice.

use super::custody::{Opener, TokenSigner};
use super::error::{SignError, SignErrorKind};
use super::ring::{KeyPolicy, Ring, RingKey, RingMaster};
use crate::seal::{Master, Seals};
use futures_util::future::join_all;
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

type Signer = Arc<dyn TokenSigner>;
type MasterKey = Zeroizing<[u8; 32]>;

/// What a process has unwrapped of a ring.
#[derive(Clone)]
pub(super) struct Unwrapped {
    /// By the key's id. A key's id is derived from its public half, so a signer of this id and algorithm is right whatever
    /// the ring says.
    signers: HashMap<String, Known>,
    seals: Seals,
    /// From which text each master in `seals` was unwrapped.
    masters: HashMap<u16, String>,
    /// Why the keys and masters are missing that were tried.
    refused_keys: HashMap<String, SignError>,
    refused_masters: HashMap<u16, SignError>,
}

#[derive(Clone)]
struct Known {
    signer: Signer,
    /// The text that it was unwrapped from.
    wrapped: String,
}

impl Unwrapped {
    /// Nothing yet.
    pub(super) fn nothing() -> Self {
        Self {
            signers: HashMap::new(),
            seals: Seals::none(),
            masters: HashMap::new(),
            refused_keys: HashMap::new(),
            refused_masters: HashMap::new(),
        }
    }

    /// What remains of it when `ring` follows `former`. A key or master that the ring has wrapped otherwise is to be
    /// unwrapped again; the text that a move adds is as good as the one it replaces.
    pub(super) fn carried(&self, former: &Ring, ring: &Ring) -> Self {
        let mut signers = HashMap::new();
        for key in &ring.keys {
            let Some(known) = self.signers.get(&key.kid).filter(|known| known.signer.alg() == key.alg) else {
                continue;
            };
            let mut known = known.clone();
            let before = former.keys.iter().find(|before| before.kid == key.kid);
            if before.is_some_and(|before| {
                before.wrapped == known.wrapped && is_moved(&before.moved, &key.wrapped)
            }) {
                known.wrapped.clone_from(&key.wrapped);
            }
            signers.insert(key.kid.clone(), known);
        }
        let mut masters = HashMap::new();
        for master in &ring.masters {
            let Some(mut wrapped) = self.masters.get(&master.id) else { continue };
            let before = former.masters.iter().find(|before| before.id == master.id);
            if before
                .is_some_and(|before| before.wrapped == *wrapped && is_moved(&before.moved, &master.wrapped))
            {
                wrapped = &master.wrapped;
            }
            masters.insert(master.id, wrapped.clone());
        }
        let (refused_keys, refused_masters) = (HashMap::new(), HashMap::new());
        Self { signers, seals: self.seals.kept(&times(ring)), masters, refused_keys, refused_masters }
    }

    /// What a round adds to it. `ring` may be another than the round was about: what it has wrapped otherwise doesn't count.
    pub(super) fn with(&self, ring: &Ring, realm: &Realm, found: Found) -> Self {
        let mut next = self.clone();
        for (tried, found) in found.signers {
            if !ring.keys.iter().any(|key| key.kid == tried.kid && key.wrapped == tried.wrapped) {
                continue;
            }
            match found {
                Ok(signer) => {
                    next.refused_keys.remove(&tried.kid);
                    next.signers.insert(tried.kid, Known { signer, wrapped: tried.wrapped });
                }
                Err(error) => {
                    next.refused_keys.insert(tried.kid, error);
                }
            }
        }
        for (tried, found) in found.masters {
            let is_same = |master: &&RingMaster| master.id == tried.id && master.wrapped == tried.wrapped;
            let Some(master) = ring.masters.iter().find(is_same) else { continue };
            let new = found.map(|key| Master { id: tried.id, key, seal_from: master.seal_from });
            let added = new.and_then(|new| {
                next.seals
                    .with(realm, &new)
                    .ok_or(SignError::bare(SignErrorKind::Corrupt, "deriving subkeys"))
            });
            match added {
                Ok(seals) => {
                    next.seals = seals;
                    next.refused_masters.remove(&tried.id);
                    next.masters.insert(tried.id, tried.wrapped);
                }
                Err(error) => {
                    next.refused_masters.insert(tried.id, error);
                }
            }
        }
        next
    }

    pub(super) const fn seals(&self) -> &Seals {
        &self.seals
    }

    pub(super) fn signer(&self, key: &RingKey) -> Option<&Signer> {
        self.signers.get(&key.kid).map(|known| &known.signer)
    }

    /// Why a key has no signer, if that was tried.
    pub(super) fn why_unsigned(&self, key: &RingKey) -> Option<&SignError> {
        self.refused_keys.get(&key.kid)
    }

    /// Why a master can't be used as the ring has it; `None` if it can.
    pub(super) fn why_missing(&self, master: &RingMaster) -> Option<SignError> {
        if self.masters.get(&master.id) == Some(&master.wrapped) {
            return None;
        }
        let untried = || SignError::bare(SignErrorKind::Unavailable, "a sealing master is not unwrapped yet");
        Some(self.refused_masters.get(&master.id).cloned().unwrap_or_else(untried))
    }

    /// Why nothing can be sealed or opened, or not all of it: the first reason among the masters that are in use.
    pub(super) fn why_locked(&self, ring: &Ring, now: Timestamp) -> Option<SignError> {
        let sealing = sealing(ring, now).map(|master| master.id);
        let mut in_use =
            ring.masters.iter().filter(|master| master.seal_from <= now || Some(master.id) == sealing);
        // What is damaged can't be unwrapped by any other process either, so the newest of the others seals. Only what it
        // sealed before can't be opened.
        let is_tolerable =
            |error: &SignError| error.kind() == SignErrorKind::Corrupt && !self.seals.is_empty();
        in_use.find_map(|master| {
            // One that the ring has wrapped otherwise is used as it was until it is unwrapped again.
            let missing = if self.seals.has(master.id) { None } else { self.why_missing(master) };
            missing.filter(|error| !is_tolerable(error))
        })
    }

    fn is_unwrapped(&self, key: &RingKey) -> bool {
        self.signers.get(&key.kid).is_some_and(|known| known.wrapped == key.wrapped)
    }
}

/// The master that seals at `now`: the newest that has begun, else the one that begins first.
fn sealing(ring: &Ring, now: Timestamp) -> Option<&RingMaster> {
    let begun = ring.masters.iter().filter(|master| master.seal_from <= now);
    let newest = begun.max_by_key(|master| (master.seal_from, master.id));
    newest.or_else(|| ring.masters.iter().min_by_key(|master| (master.seal_from, master.id)))
}

fn times(ring: &Ring) -> Vec<(u16, Timestamp)> {
    ring.masters.iter().map(|master| (master.id, master.seal_from)).collect()
}

fn is_moved(moved: &Option<String>, wrapped: &String) -> bool {
    moved.as_ref() == Some(wrapped)
}

/// What a round found: for each key and master that it tried, what came of it.
pub(super) struct Found {
    signers: Vec<(RingKey, Result<Signer, SignError>)>,
    masters: Vec<(RingMaster, Result<MasterKey, SignError>)>,
}

impl Found {
    /// Whether anything failed that may pass without anybody doing anything.
    pub(super) fn may_pass(&self) -> bool {
        let signers = self.signers.iter().filter_map(|(_, found)| found.as_ref().err());
        let masters = self.masters.iter().filter_map(|(_, found)| found.as_ref().err());
        signers.chain(masters).any(|error| error.kind().is_passing())
    }

    /// Whether anything was unwrapped.
    pub(super) fn is_any(&self) -> bool {
        self.signers.iter().any(|(_, found)| found.is_ok())
            || self.masters.iter().any(|(_, found)| found.is_ok())
    }
}

/// One try to unwrap what is missing.
#[derive(Clone, Copy)]
pub(super) struct Round<'a> {
    pub(super) opener: &'a dyn Opener,
    pub(super) policy: &'a KeyPolicy,
    pub(super) ring: &'a Ring,
    pub(super) unwrapped: &'a Unwrapped,
    pub(super) now: Timestamp,
    /// At the start: keys that don't sign yet can wait.
    pub(super) is_first: bool,
}

impl Round<'_> {
    /// Whether anything is missing.
    pub(super) fn is_needed(self) -> bool {
        self.missing_masters().next().is_some()
            || self.policy.algs.iter().any(|alg| self.missing_keys(*alg).next().is_some())
    }

    /// Tries everything that is missing.
    pub(super) async fn run(self) -> Found {
        // While the keys are moved: the ring as the custody has it that they are moved to.
        let moved = self.ring.as_moved();
        let of_algs = self.policy.algs.iter().map(|alg| self.signers_of(*alg, moved.as_ref()));
        let masters = self.masters(self.missing_masters().collect(), moved.as_ref());
        let (masters, signers) = tokio::join!(masters, join_all(of_algs));
        Found { masters, signers: signers.into_iter().flatten().collect() }
    }

    /// Tries one of the things that are missing, another each time.
    pub(super) async fn probe(self, turn: usize) -> Found {
        let moved = self.ring.as_moved();
        let keys: Vec<_> = self.policy.algs.iter().flat_map(|alg| self.missing_keys(*alg)).collect();
        let master: Vec<_> = self.missing_masters().take(1).collect();
        let turn = turn % (keys.len() + master.len()).max(1);
        match keys.get(turn) {
            Some(key) => Found { signers: vec![self.signer(key, moved.as_ref()).await], masters: Vec::new() },
            None => Found { signers: Vec::new(), masters: self.masters(master, moved.as_ref()).await },
        }
    }

    fn missing_masters(&self) -> impl Iterator<Item = &RingMaster> {
        self.ring
            .masters
            .iter()
            .filter(|master| self.unwrapped.masters.get(&master.id) != Some(&master.wrapped))
    }

    async fn masters(
        &self,
        wanted: Vec<&RingMaster>,
        moved: Option<&Ring>,
    ) -> Vec<(RingMaster, Result<MasterKey, SignError>)> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut unwrapped = self.opener.masters(self.ring.wrapping_key.as_deref(), &wanted).await;
        if unwrapped.iter().any(|result| result.as_ref().is_err_and(SignError::is_foreign))
            && let Some(moved) = moved
        {
            let of_id = |master: &&RingMaster| moved.masters.iter().find(|moved| moved.id == master.id);
            let wanted: Vec<_> = wanted.iter().filter_map(of_id).collect();
            unwrapped = self.opener.masters(moved.wrapping_key.as_deref(), &wanted).await;
        }
        let named = |(master, found): (&RingMaster, Result<MasterKey, SignError>)| {
            let found = found.map_err(|error| error.about(format!("sealing master {}", master.id)));
            if let Err(error) = &found {
                tracing::error!(master = master.id, %error, "a sealing master can't be used");
            }
            (master.clone(), found)
        };
        wanted.into_iter().zip(unwrapped).map(named).collect()
    }

    /// The keys that are to be unwrapped: the key that signs; and in a process that runs already those that sign within
    /// the hour.
    fn missing_keys(&self, alg: Algorithm) -> impl Iterator<Item = &RingKey> {
        let in_charge = self.in_charge(alg);
        let is_other = move |key: &&RingKey| in_charge.is_none_or(|signs| signs.kid != key.kid);
        let next = self.ring.soon(alg, self.now).filter(|_| !self.is_first).filter(is_other);
        in_charge.into_iter().chain(next).filter(|key| !self.unwrapped.is_unwrapped(key))
    }

    fn in_charge(&self, alg: Algorithm) -> Option<&RingKey> {
        self.ring.in_charge(alg, self.policy.publish_lead, self.now)
    }

    /// Unwraps what is missing of an algorithm; if nothing can sign then, the keys that may sign in place of the one that
    /// should.
    async fn signers_of(
        &self,
        alg: Algorithm,
        moved: Option<&Ring>,
    ) -> Vec<(RingKey, Result<Signer, SignError>)> {
        let mut found = join_all(self.missing_keys(alg).map(|key| self.signer(key, moved))).await;
        let has_signer = |key: &RingKey| {
            let found = found.iter().any(|(tried, signer)| tried.kid == key.kid && signer.is_ok());
            found || self.unwrapped.signers.contains_key(&key.kid)
        };
        let mut may_sign = self.ring.keys.iter().filter(|key| key.alg == alg && key.may_sign(self.now));
        if self.in_charge(alg).is_some_and(has_signer) || may_sign.any(has_signer) {
            return found;
        }
        let in_charge = self.in_charge(alg).map(|key| key.kid.as_str());
        let stand_ins = self.ring.keys.iter().filter(|key| key.alg == alg && key.may_sign(self.now));
        let stand_ins = stand_ins.filter(|key| in_charge != Some(key.kid.as_str()));
        found.extend(join_all(stand_ins.map(|key| self.signer(key, moved))).await);
        found
    }

    async fn signer(&self, key: &RingKey, moved: Option<&Ring>) -> (RingKey, Result<Signer, SignError>) {
        let mut signer = self.opener.signer(self.ring.wrapping_key.as_deref(), key).await;
        if signer.as_ref().is_err_and(SignError::is_foreign)
            && let Some(moved) = moved
            && let Some(key) = moved.keys.iter().find(|moved| moved.kid == key.kid)
        {
            signer = self.opener.signer(moved.wrapping_key.as_deref(), key).await;
        }
        if let Err(error) = &signer {
            tracing::error!(kid = key.kid, %error, "a signing key can't be used");
        }
        (key.clone(), signer)
    }
}
