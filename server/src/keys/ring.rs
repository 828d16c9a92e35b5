//! The ring: the record of signing keys and sealing masters. A key's state is read off its timestamps, so it
//! changes by itself as time passes and needs no write to do so.
//!
//! What changes the ring is in [`super::plan`]; this file only says what it means.

use super::error::KeysError;
use protocol::generation::Generation;
use protocol::jwk::{Algorithm, Jwk};
use protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// The one version there is.
const FORMAT: u32 = 1;
/// Some verifiers read no more than ten keys.
pub const MAX_PUBLISHED: usize = 9;
/// An active, a pending and a retiring key each make nine.
pub const MAX_ALGORITHMS: usize = 3;
/// How long verifiers may keep our JWKS; also its `max-age`.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(900);
/// How old a process' copy of the ring may be before it is read again.
pub const REFRESH_AFTER: Duration = Duration::from_secs(60);
/// How long after it was written a new master begins to seal: longer than any process goes without reading the
/// ring (60 s), with room for clocks that differ.
pub const MASTER_LEAD: Duration = Duration::from_secs(180);
/// How long public halves of removed keys stay, for `id_token_hint`.
pub const KEEP_RETIRED: Duration = Duration::from_secs(90 * 24 * 3600);

/// What the settings say about keys.
#[derive(Clone, Debug)]
pub struct KeyPolicy {
    /// One to three; the first is the default.
    pub algs: Vec<Algorithm>,
    /// How long a key signs (`key_rotation_period`).
    pub rotation_period: Duration,
    /// How long a key is published before it signs (`key_publish_lead`).
    pub publish_lead: Duration,
    /// How long a key is published after it signed (`key_retire_after`); at least twice as long as any token
    /// lives.
    pub retire_after: Duration,
    /// How long a master opens after its successor began to seal: the longest life of anything sealed.
    pub seal_retention: Duration,
    /// The issuer is on this machine: minimum times are lifted.
    pub loopback: bool,
}

/// Where a key stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not signing yet.
    Pending,
    /// The one of its algorithm that signs.
    Active,
    /// Published, no longer signing.
    Retiring,
    /// Not published any more.
    Removed,
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub alg: Algorithm,
    /// Its public half.
    pub public: Jwk,
    /// Its private half, as the custody sealed it; or the name by which the custody knows it.
    pub wrapped: String,
    /// When it was put into the ring, which is when the JWKS began to show it, by the clock that did.
    pub publish_at: Timestamp,
    /// Signs from here.
    pub sign_from: Timestamp,
    /// Signs no longer from here: when its successor begins. `None`: no successor yet.
    pub retire_at: Option<Timestamp>,
    /// Out of the JWKS from here.
    pub remove_at: Option<Timestamp>,
}

impl RingKey {
    /// Whether it has left the JWKS for good. Until then the JWKS shows it: what is in the ring is published.
    pub fn is_removed(&self, now: Timestamp) -> bool {
        self.remove_at.is_some_and(|at| at.has_passed(now))
    }

    /// Where it stands.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.is_removed(now) {
            KeyState::Removed
        } else if self.retire_at.is_some_and(|at| at.has_passed(now)) {
            KeyState::Retiring
        } else if self.sign_from <= now {
            KeyState::Active
        } else {
            KeyState::Pending
        }
    }

    /// Whether it may sign although its successor should: only while what it signs is sure to be verifiable
    /// for as long as it lives, which the first half of its retirement is.
    pub fn may_stand_in(&self, now: Timestamp) -> bool {
        let (Some(retire_at), Some(remove_at)) = (self.retire_at, self.remove_at) else { return true };
        now < retire_at.plus(remove_at.since(retire_at) / 2)
    }
}

/// A sealing master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingMaster {
    /// Its number; never used twice.
    pub id: u16,
    /// Its key, as the custody sealed it.
    pub wrapped: String,
    /// Seals from here.
    pub seal_from: Timestamp,
    /// Gone from here. `None`: the newest.
    pub remove_at: Option<Timestamp>,
}

/// A key that was revoked: it must not come back as a retired one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKey {
    /// Its name.
    pub kid: String,
    /// When.
    pub at: Timestamp,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    format: u32,
    /// Which root key wraps all of it, by the name its custody gave: of local custody, which master key file. `None`:
    /// the one there was before they had names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Signing keys.
    pub keys: Vec<RingKey>,
    /// Sealing masters, oldest first.
    pub masters: Vec<RingMaster>,
    /// Keys revoked in the last 90 days and a bit.
    #[serde(default)]
    pub revoked: Vec<RevokedKey>,
    /// Changes when everything issued before ends: after a restore, so that a backup revives nothing.
    #[serde(flatten)]
    pub generation: Generation,
    /// The longest `retire_after` there ever was, in milliseconds: tokens issued under it may still live.
    pub retire_after: u64,
    /// The longest `seal_retention` there ever was, in milliseconds.
    pub seal_retention: u64,
}

impl Ring {
    /// Nothing yet.
    pub const fn empty() -> Self {
        Self {
            format: FORMAT,
            root: None,
            keys: Vec::new(),
            masters: Vec::new(),
            revoked: Vec::new(),
            generation: Generation { id: None, not_before: Timestamp::EPOCH },
            retire_after: 0,
            seal_retention: 0,
        }
    }

    /// Reads the stored text.
    ///
    /// # Errors
    /// [`KeysError::Corrupt`] for what isn't a ring, or is one of a newer version.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        // The version first: a newer ring may lack members this one needs, and must be named for what it is.
        let Versioned { format } =
            serde_json::from_str(text).map_err(|_| KeysError::Corrupt("it has no version"))?;
        if format != FORMAT {
            return Err(KeysError::Corrupt("it was written by a newer version of this program"));
        }
        serde_json::from_str(text).map_err(|_| KeysError::Corrupt("it is damaged"))
    }

    /// The text to store.
    pub fn to_text(&self) -> Result<String, KeysError> {
        serde_json::to_string(self).map_err(|_| KeysError::Corrupt("it can't be written"))
    }

    /// The key of `alg` that signs at `now`: the newest that has begun. The later in the list wins a tie.
    pub fn active(&self, alg: Algorithm, now: Timestamp) -> Option<&RingKey> {
        let begun = self.keys.iter().filter(|key| key.alg == alg && key.state(now) == KeyState::Active);
        begun.max_by_key(|key| key.sign_from)
    }

    /// The key of `alg` that signs next.
    pub fn pending(&self, alg: Algorithm, now: Timestamp) -> Option<&RingKey> {
        let ahead = self.keys.iter().filter(|key| key.alg == alg && key.state(now) == KeyState::Pending);
        ahead.min_by_key(|key| key.sign_from)
    }

    /// What signs by `alg` at `now`: its active key. Where none has begun, since a clock that ran ahead dated them and
    /// was put back, the one that begins first, if verifiers can know it after `lead`.
    pub fn in_charge(&self, alg: Algorithm, lead: Duration, now: Timestamp) -> Option<&RingKey> {
        let first = || self.pending(alg, now).filter(|key| self.is_known(key, lead, now));
        self.active(alg, now).or_else(first)
    }

    /// Whether verifiers can know a key: it has been published for as long as they need; or it was there before any
    /// key of the ring began to sign, and by this clock none has, so that there is nothing older to verify by. Of
    /// an algorithm that was added to a ring at work neither is true.
    pub fn is_known(&self, key: &RingKey, lead: Duration, now: Timestamp) -> bool {
        let is_after = |other: &RingKey| other.sign_from > now && other.sign_from >= key.publish_at;
        key.publish_at.plus(lead).has_passed(now) || self.keys.iter().all(is_after)
    }

    /// The algorithms that sign, or are about to.
    pub fn algorithms(&self, now: Timestamp) -> BTreeSet<Algorithm> {
        let current = |key: &&RingKey| matches!(key.state(now), KeyState::Active | KeyState::Pending);
        self.keys.iter().filter(current).map(|key| key.alg).collect()
    }

    /// How many keys the JWKS shows, or is about to.
    pub fn published(&self, now: Timestamp) -> usize {
        self.keys.iter().filter(|key| !key.is_removed(now)).count()
    }

    /// Makes every key end where its successor begins and every master leave when nothing it sealed can live.
    /// Idempotent; the one place that computes ends.
    pub(super) fn settle(&mut self, policy: &KeyPolicy, now: Timestamp) {
        self.retire_after = self.retire_after.max(millis(policy.retire_after));
        self.seal_retention = self.seal_retention.max(millis(policy.seal_retention));
        let (retire_after, retention) =
            (Duration::from_millis(self.retire_after), Duration::from_millis(self.seal_retention));
        self.keys.sort_by_key(|key| (key.alg, key.sign_from));
        let mut successor: Option<(Algorithm, Timestamp)> = None;
        for key in self.keys.iter_mut().rev() {
            let next = successor.filter(|(alg, _)| *alg == key.alg).map(|(_, sign_from)| sign_from);
            successor = Some((key.alg, key.sign_from));
            let over = key.retire_at.filter(|at| at.has_passed(now));
            // What has ended stays ended when it did; a later config can only keep it published for longer.
            key.retire_at = over.or(next);
            let removal = key.retire_at.map(|at| at.plus(retire_after));
            key.remove_at = if over.is_some() { key.remove_at.max(removal) } else { removal };
        }
        self.masters.sort_by_key(|master| (master.seal_from, master.id));
        let mut next: Option<Timestamp> = None;
        for master in self.masters.iter_mut().rev() {
            master.remove_at = next.map(|at| at.plus(retention));
            next = Some(master.seal_from);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Public halves of removed keys, in a record of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKeys {
    format: u32,
    /// The keys.
    pub keys: Vec<RetiredKey>,
}

/// A removed key's public half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKey {
    /// The key.
    pub public: Jwk,
    /// Forgotten from here.
    pub until: Timestamp,
}

impl RetiredKeys {
    /// None yet.
    pub const fn empty() -> Self {
        Self { format: FORMAT, keys: Vec::new() }
    }

    /// Reads the stored text.
    ///
    /// # Errors
    /// [`KeysError::Corrupt`], as for the ring.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let keys: Self =
            serde_json::from_str(text).map_err(|_| KeysError::Corrupt("the retired keys are damaged"))?;
        if keys.format != FORMAT {
            return Err(KeysError::Corrupt("the retired keys were written by a newer version"));
        }
        Ok(keys)
    }
}
