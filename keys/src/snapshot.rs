//! The ring as a process uses it: parsed, unwrapped, rendered, immutable. Every method takes `now`, so a snapshot remains
//! valid as time passes.

use super::custody::TokenSigner;
use super::error::{KeysError, SignError, SignErrorKind};
use super::form::kept_key;
use super::load::{Found, Unwrapped};
use super::ring::{KeyPolicy, KeyState, RetiredKeys, Ring, RingKey};
use super::verified::Verified;
use crate::seal::{Opened, Purpose, SealKind, Seals};
use aws_lc_rs::digest;
use bytes::Bytes;
use guard::PublicKey;
use protocol::base64url;
use protocol::generation::Generation;
use protocol::id::Realm;
use protocol::jwk::{Algorithm, JwkSet};
use protocol::jwt::Compact;
use protocol::time::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The answer of `/jwks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks {
    /// JSON of RFC 7517 §5.
    pub body: Bytes,
    /// A strong entity tag with its quotes (RFC 9110 §8.8.3).
    pub etag: String,
}

/// A key as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Its id.
    pub kid: String,
    /// Its algorithm.
    pub alg: Algorithm,
    /// Its state.
    pub state: KeyState,
    /// When it was put into the ring and so into the JWKS, by the clock of the process that did it.
    pub publish_at: Timestamp,
    /// When it begins to sign.
    pub sign_from: Timestamp,
    /// When it stops signing.
    pub retire_at: Option<Timestamp>,
    /// When it leaves the JWKS.
    pub remove_at: Option<Timestamp>,
    /// Its ARN, if it stays in KMS.
    pub kms_key: Option<String>,
}

/// One version of the ring, ready for use.
pub struct Snapshot {
    public: Arc<Public>,
    unwrapped: Unwrapped,
}

/// What follows from the ring without any secret.
struct Public {
    version: u64,
    ring: Ring,
    algs: Vec<Algorithm>,
    publish_lead: Duration,
    published: HashMap<String, PublicKey>,
    verified: Verified,
    retired: HashMap<String, (PublicKey, Timestamp)>,
    /// The JWKS up to each instant, in order; the last without end.
    jwks: Vec<(Option<Timestamp>, Jwks)>,
}

impl Snapshot {
    /// Parses a ring, of which nothing is unwrapped yet.
    ///
    /// # Errors
    /// [`KeysError::Corrupt`].
    pub(super) fn new(
        policy: &KeyPolicy,
        (version, ring): (u64, Ring),
        retired: &RetiredKeys,
    ) -> Result<Self, KeysError> {
        let parse = |key: &RingKey| Some((key.kid.clone(), PublicKey::parse(&key.public)?));
        let published = ring.keys.iter().map(parse).collect::<Option<_>>();
        let published = published.ok_or(KeysError::Corrupt("a public key is damaged"))?;
        let unrevoked = |kid: &str| ring.revoked.iter().all(|revoked| revoked.kid != kid);
        let retired = retired.keys.iter().filter(|key| unrevoked(&key.public.kid));
        let retired = retired
            .filter_map(|key| Some((key.public.kid.clone(), (PublicKey::parse(&key.public)?, key.until))));
        let (retired, jwks) = (retired.collect(), render(&ring)?);
        let (algs, publish_lead) = (policy.algs.clone(), policy.publish_lead);
        let verified = Verified::default();
        let public = Public { version, ring, algs, publish_lead, published, verified, retired, jwks };
        Ok(Self { public: Arc::new(public), unwrapped: Unwrapped::nothing() })
    }

    /// This one with what `former` has unwrapped.
    pub(super) fn after(self, former: &Self) -> Self {
        let unwrapped = former.unwrapped.carried(former.ring(), self.ring());
        Self { unwrapped, ..self }
    }

    /// The same version with what a round found.
    pub(super) fn with(&self, realm: &Realm, found: Found) -> Self {
        let unwrapped = self.unwrapped.with(self.ring(), realm, found);
        Self { public: Arc::clone(&self.public), unwrapped }
    }

    pub(super) const fn unwrapped(&self) -> &Unwrapped {
        &self.unwrapped
    }

    /// The signer at `now`: the active key of `alg` (`None`: of the first configured algorithm that has one, whether or not
    /// it is unwrapped, since verifiers may know no other algorithm), or its predecessor while the active one can't be
    /// unwrapped and [`RingKey::may_stand_in`]; if none has begun by this clock, the one that [`Ring::in_charge`] names. An
    /// algorithm that left the settings never signs, so removing one takes effect at once.
    ///
    /// # Errors
    /// [`SignErrorKind::Unavailable`].
    pub fn signer(&self, alg: Option<Algorithm>, now: Timestamp) -> Result<&Arc<dyn TokenSigner>, SignError> {
        let in_charge = |alg| self.ring().in_charge(alg, self.public.publish_lead, now);
        let mut algs = self.public.algs.iter().copied();
        let alg = algs.find(|of| alg.map_or_else(|| in_charge(*of).is_some(), |alg| *of == alg));
        alg.and_then(|alg| self.signer_of(alg, now)).ok_or_else(|| {
            let cause = alg.and_then(in_charge).and_then(|key| self.unwrapped.why_unsigned(key));
            let none = "no key can sign at this time";
            cause.map_or(SignError::bare(SignErrorKind::Unavailable, none), |cause| {
                SignError::new(SignErrorKind::Unavailable, none, cause.clone())
            })
        })
    }

    /// Whether this process has a signer for every configured algorithm. An algorithm that was just added doesn't count:
    /// until verifiers know its first key no process signs with it, so sending callers to another one would not help.
    ///
    /// # Errors
    /// [`SignErrorKind::Unavailable`].
    pub fn can_sign(&self, now: Timestamp) -> Result<(), SignError> {
        self.signer(None, now)?;
        let is_due = |alg: &Algorithm| self.ring().in_charge(*alg, self.public.publish_lead, now).is_some();
        let mut due = self.public.algs.iter().copied().filter(is_due);
        due.try_for_each(|alg| self.signer(Some(alg), now).map(|_| ()))
    }

    /// The signers of all configured algorithms, as far as there are any.
    pub fn signers(&self, now: Timestamp) -> impl Iterator<Item = &Arc<dyn TokenSigner>> {
        self.public.algs.iter().filter_map(move |alg| self.signer_of(*alg, now))
    }

    fn signer_of(&self, alg: Algorithm, now: Timestamp) -> Option<&Arc<dyn TokenSigner>> {
        // From the end, since the later in the list wins a tie.
        let ours = self.ring().keys.iter().rev().filter(|key| key.alg == alg);
        let mut begun: Vec<_> = ours.filter(|key| key.may_sign(now)).collect();
        begun.sort_by_key(|key| std::cmp::Reverse(key.sign_from));
        let first = || self.ring().in_charge(alg, self.public.publish_lead, now);
        begun.iter().find_map(|key| self.unwrapped.signer(key)).or_else(|| self.unwrapped.signer(first()?))
    }

    /// Whether a key that is published at `now` signed the token.
    pub fn verify(&self, token: &Compact<'_>, now: Timestamp) -> bool {
        let Some(kid) = token.header.kid.as_deref() else { return false };
        let published = self.ring().keys.iter().any(|key| key.kid == kid && !key.is_removed(now));
        let is_right = |key: &PublicKey| self.public.verified.or_check(token, || key.verify(token));
        published && self.public.published.get(kid).is_some_and(is_right)
    }

    /// As [`Self::verify`], but keys that were removed less than 90 days ago count, too. For `id_token_hint` only, whose
    /// expiry doesn't matter (OIDC RP-Initiated Logout §2).
    pub fn verify_hint(&self, token: &Compact<'_>, now: Timestamp) -> bool {
        let retired = || {
            let (key, until) = self.public.retired.get(token.header.kid.as_deref()?)?;
            Some(!until.has_passed(now) && key.verify(token))
        };
        // A key that has left the JWKS but not yet the ring counts as removed.
        let removed = || {
            let kid = token.header.kid.as_deref()?;
            let key = self.ring().keys.iter().find(|key| key.kid == kid && key.is_removed(now))?;
            Some(self.public.published.get(&key.kid)?.verify(token))
        };
        self.verify(token, now) || retired() == Some(true) || removed() == Some(true)
    }

    /// The public keys at `now`.
    pub fn jwks(&self, now: Timestamp) -> Jwks {
        let current =
            self.public.jwks.iter().find(|(until, _)| until.is_none_or(|until| !until.has_passed(now)));
        current.map(|(_, jwks)| jwks.clone()).unwrap_or_else(empty_jwks)
    }

    /// Why this snapshot can't be used for sealing and opening at `now`; `None` if it can. It becomes unusable as time
    /// passes, when a master begins to seal that is not unwrapped.
    pub(super) fn why_locked(&self, now: Timestamp) -> Option<SignError> {
        self.unwrapped.why_locked(self.ring(), now)
    }

    /// Seals, and opens what this snapshot has sealed.
    pub const fn seals(&self) -> &Seals {
        self.unwrapped.seals()
    }

    /// Opens what was sealed as `kind`; `None` for everything else.
    ///
    /// # Errors
    /// [`KeysError::Locked`] if the master that it names is one of the ring's and can't be used: another process may have
    /// sealed it.
    pub fn open(&self, kind: SealKind, sealed: &[u8]) -> Result<Option<Opened>, KeysError> {
        let opened = self.seals().open(kind, sealed);
        match Seals::master_of(sealed).filter(|_| opened.is_none()) {
            Some(master) => self.check_master(master).map(|()| None),
            None => Ok(opened),
        }
    }

    /// As [`Seals::derive`], by a master that a caller names.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn derive(
        &self,
        master: u16,
        purpose: Purpose,
        parts: &[&[u8]],
    ) -> Result<Option<[u8; 32]>, KeysError> {
        match self.seals().derive(master, purpose, parts) {
            None => self.check_master(master).map(|()| None),
            derived => Ok(derived),
        }
    }

    fn check_master(&self, id: u16) -> Result<(), KeysError> {
        let master = self.ring().masters.iter().find(|master| master.id == id);
        let missing = master.and_then(|master| self.unwrapped.why_missing(master));
        missing.map_or(Ok(()), |why| Err(KeysError::Locked(why)))
    }

    /// The realm's generation.
    pub fn generation(&self) -> Generation {
        self.ring().generation
    }

    /// The keys, as operators see them.
    pub fn list(&self, now: Timestamp) -> Vec<KeyInfo> {
        list(self.ring(), now)
    }

    /// The ring's version.
    pub fn version(&self) -> u64 {
        self.public.version
    }

    /// The record itself.
    pub fn ring(&self) -> &Ring {
        &self.public.ring
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("version", &self.public.version).finish_non_exhaustive()
    }
}

/// The keys of a ring, as operators see them.
pub fn list(ring: &Ring, now: Timestamp) -> Vec<KeyInfo> {
    let info = |key: &RingKey| KeyInfo {
        kid: key.kid.clone(),
        alg: key.alg,
        state: key.state(now),
        publish_at: key.publish_at,
        sign_from: key.sign_from,
        retire_at: key.retire_at,
        remove_at: key.remove_at,
        kms_key: kept_key(&key.wrapped).map(str::to_owned),
    };
    ring.keys.iter().map(info).collect()
}

/// The JWKS at first and after each instant at which a key leaves it, so that no request renders it. From the beginning of
/// time: the clock may be set back.
fn render(ring: &Ring) -> Result<Vec<(Option<Timestamp>, Jwks)>, KeysError> {
    let mut edges: Vec<_> = ring.keys.iter().filter_map(|key| key.remove_at).collect();
    edges.sort_unstable();
    edges.dedup();
    let starts = std::iter::once(Timestamp::EPOCH).chain(edges.iter().copied());
    let ends = edges.iter().copied().map(Some).chain(std::iter::once(None));
    starts.zip(ends).map(|(start, end)| Ok((end, render_at(ring, start)?))).collect()
}

fn render_at(ring: &Ring, at: Timestamp) -> Result<Jwks, KeysError> {
    let mut published: Vec<_> = ring.keys.iter().filter(|key| !key.is_removed(at)).collect();
    // Newest first: verifiers find the key of most tokens first, and the next one comes before the retired ones.
    published.sort_by_key(|key| std::cmp::Reverse(key.sign_from));
    let set = JwkSet { keys: published.into_iter().map(|key| key.public.clone()).collect() };
    let body = serde_json::to_vec(&set).map_err(|_| KeysError::Corrupt("the JWKS can't be written"))?;
    Ok(jwks_of(body))
}

fn jwks_of(body: Vec<u8>) -> Jwks {
    let hash = digest::digest(&digest::SHA256, &body);
    let etag = format!("\"{}\"", base64url::encode(hash.as_ref().get(..16).unwrap_or_default()));
    Jwks { body: body.into(), etag }
}

fn empty_jwks() -> Jwks {
    jwks_of(b"{\"keys\":[]}".to_vec())
}
