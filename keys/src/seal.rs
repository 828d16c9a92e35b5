//! Sealing: opaque strings of ours that locate a record and can't be forged (AES-256-GCM-SIV, RFC 8452).
//!
//! Layout: format version (1 byte), master id (2 bytes, big-endian, in clear), nonce (12), ciphertext with tag (16). The
//! associated data is realm, kind, format version and master id, so nothing sealed for one purpose opens for another. Each
//! pair of master and kind has its own HKDF-SHA256 subkey (RFC 5869), derived once, when the list of masters is built.
//!
//! Absent on purpose: expiry, prefixes and checksums (`protocol::armor`), and the ring that the masters come from.

use crate::entropy::{self, Entropy};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use protocol::id::Realm;
use protocol::time::Timestamp;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The only layout so far.
const FORMAT: u8 = 1;
/// Version, master id, nonce.
const HEAD: usize = 1 + 2 + NONCE_LEN;

/// What something is sealed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// An authorization code.
    Code,
    /// A refresh token.
    RefreshToken,
    /// A session cookie.
    Session,
    /// The accounts that signed in from a browser.
    Device,
    /// The `jti` of a user's access token.
    TokenId,
    /// An authorization request in progress, in the URL of our pages.
    Request,
    /// An authorization request that came by POST, for the GET that it becomes.
    PostedRequest,
    /// A logout request that came by POST, for the GET that it becomes.
    PostedLogout,
    /// An errand to the account page, in the URL of our pages.
    Account,
    /// State of the demo relying party.
    Demo,
}

impl SealKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Code,
        Self::RefreshToken,
        Self::Session,
        Self::Device,
        Self::TokenId,
        Self::Request,
        Self::PostedRequest,
        Self::PostedLogout,
        Self::Account,
        Self::Demo,
    ];

    /// Part of the key and the associated data, so it must never change.
    const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::RefreshToken => "refresh-token",
            Self::Session => "session",
            Self::Device => "device",
            Self::TokenId => "token-id",
            Self::Request => "request",
            Self::PostedRequest => "posted-request",
            Self::PostedLogout => "posted-logout",
            Self::Account => "account",
            Self::Demo => "demo",
        }
    }

    /// Whether equal plaintexts give equal texts. A repeated answer must repeat the same token.
    const fn is_deterministic(self) -> bool {
        matches!(self, Self::Code | Self::RefreshToken)
    }
}

/// What a derived value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A grant's id, from request and user.
    GrantId,
    /// A code's secret, from request and user.
    CodeSecret,
    /// A form's token, from cookie, request, form and user.
    Csrf,
    /// The next refresh secret, from the one before.
    Ratchet,
    /// The key under which an attempt is counted.
    Attempt,
    /// Secrets of the demo user and clients.
    Demo,
}

impl Purpose {
    const ALL: [Self; 6] =
        [Self::GrantId, Self::CodeSecret, Self::Csrf, Self::Ratchet, Self::Attempt, Self::Demo];

    /// Part of the key, so it must never change.
    const fn name(self) -> &'static str {
        match self {
            Self::GrantId => "grant-id",
            Self::CodeSecret => "code-secret",
            Self::Csrf => "csrf",
            Self::Ratchet => "ratchet",
            Self::Attempt => "attempt",
            Self::Demo => "demo",
        }
    }
}

/// A sealing master, as the ring gives it.
pub struct Master {
    /// Its number, which is in clear in everything it seals.
    pub id: u16,
    /// 256 random bits.
    pub key: Zeroizing<[u8; 32]>,
    /// When it begins to seal. It opens at any time.
    pub seal_from: Timestamp,
}

/// What was inside, and which master sealed it.
pub struct Opened {
    /// The master's id.
    pub master: u16,
    /// The plaintext, wiped when dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("master", &self.master).finish_non_exhaustive()
    }
}

/// An immutable list of masters with their subkeys.
#[derive(Clone)]
pub struct Seals {
    /// Each with the time from which it seals, newest first. Empty only in [`Seals::none`].
    masters: Vec<(Timestamp, Arc<Subkeys>)>,
}

impl Seals {
    /// Derives all subkeys. `None` without any master, or if the crypto library fails.
    pub fn new(realm: &Realm, masters: &[Master]) -> Option<Self> {
        let all = masters.iter().try_fold(Self::none(), |seals, master| seals.with(realm, master));
        all.filter(|seals| !seals.is_empty())
    }

    /// No masters: seals and opens nothing. Only for a process that has unwrapped none yet.
    pub(crate) const fn none() -> Self {
        Self { masters: Vec::new() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.masters.is_empty()
    }

    /// The masters that `keep` names, with the times from which they now seal.
    pub(crate) fn kept(&self, keep: &[(u16, Timestamp)]) -> Self {
        let kept = keep.iter().filter_map(|(id, seal_from)| Some((*seal_from, Arc::clone(self.by_id(*id)?))));
        Self::sorted(kept.collect())
    }

    /// The list with another master, which replaces one of the same id. `None` if the crypto library fails.
    pub(crate) fn with(&self, realm: &Realm, master: &Master) -> Option<Self> {
        let others = self.masters.iter().filter(|(_, other)| other.id != master.id).cloned();
        let new = (master.seal_from, Arc::new(Subkeys::derive(realm, master)?));
        Some(Self::sorted(others.chain([new]).collect()))
    }

    fn sorted(mut masters: Vec<(Timestamp, Arc<Subkeys>)>) -> Self {
        masters.sort_by_key(|(seal_from, master)| std::cmp::Reverse((*seal_from, master.id)));
        Self { masters }
    }

    /// Whether a master is on the list.
    pub fn has(&self, master: u16) -> bool {
        self.by_id(master).is_some()
    }

    /// The master that seals at `now`: the newest that has begun, else the oldest.
    pub fn current_master(&self, now: Timestamp) -> u16 {
        self.current(now).map_or(0, |master| master.id)
    }

    /// Seals with the current master. (64 GiB of text can't be sealed: the result would be empty, which nothing opens.)
    pub fn seal(&self, kind: SealKind, plaintext: &[u8], entropy: &dyn Entropy, now: Timestamp) -> Vec<u8> {
        self.current(now).and_then(|master| master.seal(kind, plaintext, entropy)).unwrap_or_default()
    }

    /// Seals with one master; `None` if it is not, or no longer, on the list.
    pub fn seal_with(
        &self,
        master: u16,
        kind: SealKind,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Option<Vec<u8>> {
        self.by_id(master)?.seal(kind, plaintext, entropy)
    }

    /// The master that a text names, whether or not it is on the list.
    pub(crate) fn master_of(sealed: &[u8]) -> Option<u16> {
        let (&format, rest) = sealed.split_first()?;
        rest.first_chunk().filter(|_| format == FORMAT).map(|id| u16::from_be_bytes(*id))
    }

    /// Opens what was sealed as `kind`; `None` for everything else, whatever the reason. What is presented to a server is
    /// opened by [`crate::Snapshot::open`].
    pub fn open(&self, kind: SealKind, sealed: &[u8]) -> Option<Opened> {
        let (head, ciphertext) = sealed.split_at_checked(HEAD)?;
        let (&format, rest) = head.split_first()?;
        let (id, nonce) = rest.split_first_chunk::<2>()?;
        if format != FORMAT {
            return None;
        }
        let master = self.by_id(u16::from_be_bytes(*id))?;
        let subkey = master.kind(kind)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let length = subkey.aead.open_in_place(nonce, Aad::from(&subkey.aad), &mut text).ok()?.len();
        text.truncate(length);
        Some(Opened { master: master.id, plaintext: text })
    }

    /// HMAC-SHA256 under a subkey of `purpose`, over the parts with their lengths. `None` if the master is not, or no longer,
    /// on the list.
    pub fn derive(&self, master: u16, purpose: Purpose, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let key = self.by_id(master)?.purposes.iter().find(|(of, _)| *of == purpose).map(|(_, key)| key)?;
        let mut mac = hmac::Context::with_key(key);
        for part in parts {
            mac.update(&u64::try_from(part.len()).ok()?.to_be_bytes());
            mac.update(part);
        }
        mac.sign().as_ref().try_into().ok()
    }

    fn current(&self, now: Timestamp) -> Option<&Subkeys> {
        let begun = self.masters.iter().find(|(seal_from, _)| *seal_from <= now);
        begun.or(self.masters.last()).map(|(_, master)| &**master)
    }

    fn by_id(&self, id: u16) -> Option<&Arc<Subkeys>> {
        self.masters.iter().map(|(_, master)| master).find(|master| master.id == id)
    }
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seals(…)")
    }
}

/// Everything derived from one master.
struct Subkeys {
    id: u16,
    kinds: Vec<(SealKind, KindKey)>,
    purposes: Vec<(Purpose, hmac::Key)>,
}

struct KindKey {
    aead: LessSafeKey,
    nonce: hmac::Key,
    aad: Vec<u8>,
}

impl Subkeys {
    fn derive(realm: &Realm, master: &Master) -> Option<Self> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward masters 1").extract(master.key.as_ref());
        let subkey = |use_: &str, name: &str| expand(&prk, &label(realm, use_, name));
        let kind = |kind: SealKind| {
            let aead = UnboundKey::new(&AES_256_GCM_SIV, subkey("seal", kind.name())?.as_ref()).ok()?;
            let nonce = hmac::Key::new(hmac::HMAC_SHA256, subkey("nonce", kind.name())?.as_ref());
            let mut aad = label(realm, "seal", kind.name());
            aad.push(FORMAT);
            aad.extend_from_slice(&master.id.to_be_bytes());
            Some((kind, KindKey { aead: LessSafeKey::new(aead), nonce, aad }))
        };
        let purpose = |purpose: Purpose| {
            let key = subkey("derive", purpose.name())?;
            Some((purpose, hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())))
        };
        Some(Self {
            id: master.id,
            kinds: SealKind::ALL.into_iter().map(kind).collect::<Option<_>>()?,
            purposes: Purpose::ALL.into_iter().map(purpose).collect::<Option<_>>()?,
        })
    }

    fn kind(&self, kind: SealKind) -> Option<&KindKey> {
        self.kinds.iter().find(|(of, _)| *of == kind).map(|(_, key)| key)
    }

    fn seal(&self, kind: SealKind, plaintext: &[u8], entropy: &dyn Entropy) -> Option<Vec<u8>> {
        let subkey = self.kind(kind)?;
        let nonce: [u8; NONCE_LEN] = if kind.is_deterministic() {
            *hmac::sign(&subkey.nonce, plaintext).as_ref().first_chunk()?
        } else {
            entropy::bytes(entropy)
        };
        let mut text = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM_SIV.tag_len()));
        text.extend_from_slice(plaintext);
        let unique = Nonce::assume_unique_for_key(nonce);
        subkey.aead.seal_in_place_append_tag(unique, Aad::from(&subkey.aad), &mut *text).ok()?;
        let mut sealed = Vec::with_capacity(HEAD + text.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.id.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        Some(sealed)
    }
}

/// Unambiguous: a NUL can't be part of a realm's name or of ours.
fn label(realm: &Realm, use_: &str, name: &str) -> Vec<u8> {
    [b"keyward\0", realm.as_str().as_bytes(), b"\0", use_.as_bytes(), b"\0", name.as_bytes(), b"\0"].concat()
}

fn expand(prk: &hkdf::Prk, info: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    prk.expand(&[info], hkdf::HKDF_SHA256).ok()?.fill(key.as_mut()).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests;
