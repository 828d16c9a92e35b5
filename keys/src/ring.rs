//! The ring: the record of signing keys and sealing masters. A key's state follows from its timestamps, so it changes as
//! time passes, without a write.
//!
//! The changes of the ring are in [`super::plan`]; this file only says what it means.

use super::error::KeysError;
use super::form::Form;
use protocol::generation::Generation;
use protocol::jwk::{Algorithm, Jwk};
use protocol::time::{CLOCK_SKEW, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// The one version there is.
const FORMAT: u32 = 1;
/// The most keys in the JWKS: some verifiers read no more than ten.
pub const MAX_PUBLISHED: usize = 9;
/// The most algorithms: an active, a pending and a retiring key of each make nine keys.
pub const MAX_ALGORITHMS: usize = 3;
/// How long verifiers may cache the JWKS: its `max-age`.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(900);
/// How old a process's copy of the ring may get before it is read again.
pub const REFRESH_AFTER: Duration = Duration::from_secs(60);
/// How long after its publication every verifier that respects `max-age` knows a key. The last copy of the JWKS without it
/// may come from a process that was about to read the ring again; and one process dates the publication while another one
/// lets the key sign, whose clock may differ by twice the tolerance.
pub const KNOWN_AFTER: Duration =
    REFRESH_AFTER.saturating_add(JWKS_MAX_AGE).saturating_add(CLOCK_SKEW.saturating_mul(2));
/// How long after it was written a new master begins to seal: longer than a process goes without reading the ring
/// (60 s), with tolerance for clocks that differ.
pub const MASTER_LEAD: Duration = Duration::from_secs(180);
/// How long the public halves of removed keys are kept, for `id_token_hint`.
pub const KEEP_RETIRED: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long before it begins to sign a pending key is unwrapped.
pub(super) const UNWRAP_AHEAD: Duration = Duration::from_secs(3600);
/// How long the making of keys may take.
const CLAIM: Duration = Duration::from_secs(5 * 60);

/// What the settings say about keys.
#[derive(Clone, Debug)]
pub struct KeyPolicy {
    /// The signing algorithms, one to three; the first is the default.
    pub algs: Vec<Algorithm>,
    /// How long a key signs (`key_rotation_period`).
    pub rotation_period: Duration,
    /// How long a key is published before it signs (`key_publish_lead`).
    pub publish_lead: Duration,
    /// How long a key stays published after it stopped signing (`key_retire_after`); at least twice the longest token
    /// lifetime.
    pub retire_after: Duration,
    /// How long a master opens after its successor began to seal: the longest lifetime of anything sealed.
    pub seal_retention: Duration,
    /// Whether the issuer is on this machine: minimum times don't apply then.
    pub loopback: bool,
}

/// The state of a key at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not signing yet.
    Pending,
    /// Signs for its algorithm.
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
    /// Its algorithm.
    pub alg: Algorithm,
    /// Its public half.
    pub public: Jwk,
    /// Its private half, as the custody wrapped it; or the name by which the custody knows it.
    pub wrapped: String,
    /// The same by the custody that the keys are moved to, until the move has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<String>,
    /// When it was put into the ring and so into the JWKS, by the clock of the process that did it.
    pub publish_at: Timestamp,
    /// When it begins to sign.
    pub sign_from: Timestamp,
    /// When it stops signing because its successor begins. `None`: no successor yet.
    pub retire_at: Option<Timestamp>,
    /// When it leaves the JWKS.
    pub remove_at: Option<Timestamp>,
}

impl RingKey {
    /// Whether it has left the JWKS. Until then it is published, as every key in the ring is.
    pub fn is_removed(&self, now: Timestamp) -> bool {
        self.remove_at.is_some_and(|at| at.has_passed(now))
    }

    /// Its state.
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

    /// Whether a token may be signed with it: it is active, or stands in for its successor.
    pub fn may_sign(&self, now: Timestamp) -> bool {
        self.sign_from <= now && (self.state(now) == KeyState::Active || self.may_stand_in(now))
    }

    /// Whether it may sign although its successor should: only as long as every token that it signs can be verified until
    /// it expires, which is the first half of its retirement, less the most by which two processes' clocks differ.
    pub fn may_stand_in(&self, now: Timestamp) -> bool {
        let (Some(retire_at), Some(remove_at)) = (self.retire_at, self.remove_at) else { return true };
        now.plus(CLOCK_SKEW * 2) < retire_at.plus(remove_at.since(retire_at) / 2)
    }
}

/// A sealing master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingMaster {
    /// Its number, which is never used twice.
    pub id: u16,
    /// Its key, as the custody wrapped it.
    pub wrapped: String,
    /// The same by the custody that the keys are moved to, until the move has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<String>,
    /// When it begins to seal.
    pub seal_from: Timestamp,
    /// When it is removed. `None`: it is the newest.
    pub remove_at: Option<Timestamp>,
}

/// A key that was revoked: it must not come back among the retired ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKey {
    /// Its id.
    pub kid: String,
    /// When it was revoked.
    pub at: Timestamp,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    pub(super) format: u32,
    /// The name of the wrapping key of everything in it, as the custody gave it: that of the master key file, or the ARN
    /// of the KMS key. `None`: a master key file from before they had names.
    #[serde(rename = "root", default, skip_serializing_if = "Option::is_none")]
    pub wrapping_key: Option<String>,
    /// The form in which its signing keys are made. `None`: a ring from before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The wrapping key that the keys are moved to, until the move has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<String>,
    /// When a process began to make keys where unused ones cost something ([`super::Form::Kept`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// Signing keys.
    pub keys: Vec<RingKey>,
    /// Sealing masters, oldest first.
    pub masters: Vec<RingMaster>,
    /// The keys that were revoked last, at most 100.
    #[serde(default)]
    pub revoked: Vec<RevokedKey>,
    /// The realm's generation. A new one ends everything issued before: after a restore, so that a backup revives nothing.
    #[serde(flatten)]
    pub generation: Generation,
    /// The longest `retire_after` there ever was, in milliseconds: tokens issued under it may still live.
    pub retire_after: u64,
    /// The longest `seal_retention` there ever was, in milliseconds.
    pub seal_retention: u64,
}

impl Ring {
    /// A ring without keys.
    pub const fn empty() -> Self {
        Self {
            format: FORMAT,
            wrapping_key: None,
            form: None,
            moving_to: None,
            claimed_at: None,
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
    /// [`KeysError::Corrupt`] if it is no ring, [`KeysError::Newer`] if it is one of a newer version.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        // The version first: a newer ring may lack members this one needs, and must be reported as newer.
        let Versioned { format } =
            serde_json::from_str(text).map_err(|_| KeysError::Corrupt("it has no version"))?;
        if format != FORMAT {
            return Err(KeysError::Newer);
        }
        let ring: Self = serde_json::from_str(text).map_err(|_| KeysError::Corrupt("it is damaged"))?;
        ring.check()?;
        Ok(ring)
    }

    /// A key is found by its id, so the id has to fit everything else that the ring says about the key.
    fn check(&self) -> Result<(), KeysError> {
        let fits = |key: &RingKey| {
            key.kid == key.public.material.thumbprint()
                && key.kid == key.public.kid
                && key.alg == key.public.alg
        };
        if !self.keys.iter().all(fits) {
            return Err(KeysError::Corrupt("a public key is damaged, or is not the one that its id names"));
        }
        let kids: BTreeSet<_> = self.keys.iter().map(|key| &key.kid).collect();
        let ids: BTreeSet<_> = self.masters.iter().map(|master| master.id).collect();
        if kids.len() < self.keys.len() || ids.len() < self.masters.len() {
            return Err(KeysError::Corrupt("two keys have one id"));
        }
        if self.masters.is_empty() {
            return Err(KeysError::Corrupt("it holds no sealing master"));
        }
        Ok(())
    }

    /// The text to store.
    pub fn to_text(&self) -> Result<String, KeysError> {
        serde_json::to_string(self).map_err(|_| KeysError::Corrupt("it can't be written"))
    }

    /// The ring as the custody sees it that the keys are moved to; `None` if no move is in progress.
    pub fn as_moved(&self) -> Option<Self> {
        let to = self.moving_to.clone()?;
        let mut moved = Self { wrapping_key: Some(to), moving_to: None, ..self.clone() };
        for key in &mut moved.keys {
            key.wrapped = key.moved.take().unwrap_or_else(|| std::mem::take(&mut key.wrapped));
        }
        for master in &mut moved.masters {
            master.wrapped = master.moved.take().unwrap_or_else(|| std::mem::take(&mut master.wrapped));
        }
        Some(moved)
    }

    /// The form in which its signing keys are made: by default that of its newest key.
    pub fn form(&self) -> Form {
        let newest = self.keys.iter().max_by_key(|key| (key.publish_at, key.sign_from));
        self.form.or_else(|| newest.map(|key| Form::of(&key.wrapped))).unwrap_or(Form::File)
    }

    /// When another process began to make keys, so recently that it may still do so. Only a saving: if clocks differ by more
    /// than this, two processes make keys, and one of them loses.
    pub fn claim(&self, now: Timestamp) -> Option<Timestamp> {
        live_claim(self.claimed_at, now)
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

    /// The pending keys of `alg` that begin to sign so soon that they are unwrapped now.
    pub fn soon(&self, alg: Algorithm, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        let begins = move |key: &&RingKey| key.sign_from > now && key.sign_from <= now.plus(UNWRAP_AHEAD);
        self.keys.iter().filter(move |key| key.alg == alg).filter(begins)
    }

    /// The key that signs for `alg` at `now`: its active key. If none has begun, because a clock that ran ahead dated them
    /// and was corrected, it is the one that begins first, provided that verifiers can know it after `lead`.
    pub fn in_charge(&self, alg: Algorithm, lead: Duration, now: Timestamp) -> Option<&RingKey> {
        let first = || self.pending(alg, now).filter(|key| self.is_known(key, lead, now));
        self.active(alg, now).or_else(first)
    }

    /// Whether verifiers can know a key: it has been published for `lead`, or it was in the ring before any key began to
    /// sign and by this clock none has, so that there is nothing older to verify with. Neither is true of the key of an
    /// algorithm that was added to a ring in use.
    pub fn is_known(&self, key: &RingKey, lead: Duration, now: Timestamp) -> bool {
        let is_after = |other: &RingKey| other.sign_from > now && other.sign_from >= key.publish_at;
        key.publish_at.plus(lead).has_passed(now) || self.keys.iter().all(is_after)
    }

    /// The algorithms of the active and pending keys.
    pub fn algorithms(&self, now: Timestamp) -> BTreeSet<Algorithm> {
        let current = |key: &&RingKey| matches!(key.state(now), KeyState::Active | KeyState::Pending);
        self.keys.iter().filter(current).map(|key| key.alg).collect()
    }

    /// How many keys are published.
    pub fn published(&self, now: Timestamp) -> usize {
        self.keys.iter().filter(|key| !key.is_removed(now)).count()
    }

    /// Computes the ends: every key retires when its successor begins, and every master is removed when nothing that it
    /// sealed can be valid any more. Idempotent, and the only place that does so.
    pub(super) fn compute_ends(&mut self, policy: &KeyPolicy, now: Timestamp) {
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
            // A key that retired in the past keeps that date; other settings can only keep it published for longer.
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

/// When keys began to be made, if that may not have ended.
pub(super) fn live_claim(claimed_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    claimed_at.filter(|at| at.since(now).max(now.since(*at)) < CLAIM)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Public halves of removed keys, in a record of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKeys {
    pub(super) format: u32,
    /// When a process began to make the first ring, as [`Ring::claimed_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The keys.
    pub keys: Vec<RetiredKey>,
}

/// A removed key's public half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKey {
    /// The key.
    pub public: Jwk,
    /// Until when it is kept.
    pub until: Timestamp,
}

impl RetiredKeys {
    /// None yet.
    pub const fn empty() -> Self {
        Self { format: FORMAT, claimed_at: None, keys: Vec::new() }
    }

    /// Reads the stored text.
    ///
    /// # Errors
    /// [`KeysError::Corrupt`], as for the ring.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let keys: Self =
            serde_json::from_str(text).map_err(|_| KeysError::Corrupt("the retired keys are damaged"))?;
        if keys.format != FORMAT {
            return Err(KeysError::Newer);
        }
        Ok(keys)
    }

    /// The text to store.
    pub fn to_text(&self) -> Result<String, KeysError> {
        serde_json::to_string(self).map_err(|_| KeysError::Corrupt("the retired keys can't be written"))
    }
}
