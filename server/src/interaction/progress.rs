//! The sealed form of a request in progress. The request inside is raw: every page checks it again, so that a client that
//! was disabled or a URI that was removed meanwhile counts.

use crate::web::failure::Failure;
use keys::Snapshot;
use keys::entropy::Entropy;
use keys::seal::{Opened, SealKind};
use protocol::Refusal;
use protocol::authorize::request::PARAMETERS;
use protocol::base64url;
use protocol::id::EventId;
use protocol::lifetimes;
use protocol::params::Params;
use protocol::time::Timestamp;

/// The longest sealed request, in bytes of a URL.
pub const MAX_SEALED_BYTES: usize = 7000;

/// Marks that the event of the sign-in made for the request follows.
const SIGNED_IN: u8 = 2;
/// Marks that as many meaningless bytes follow. A former version put an event there that must not count.
const NOT_SIGNED_IN: u8 = 1;

/// A request in progress.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Random; grant and code are derived from it.
    pub id: [u8; 16],
    /// When it began.
    pub started_at: Timestamp,
    /// The authentication that was made for it.
    pub signed_in: Option<EventId>,
    /// What the client asked for.
    pub params: Params,
    /// The master that seals it and everything derived from it.
    pub master: u16,
}

impl Progress {
    /// As text for a URL or a form, with the parameters that mean anything to us.
    ///
    /// # Errors
    /// [`Refusal::RequestTooLong`].
    pub fn seal(&self, ring: &Snapshot, entropy: &dyn Entropy) -> Result<String, Refusal> {
        let mut text = self.id.to_vec();
        text.extend_from_slice(&self.started_at.millis().to_be_bytes());
        // The same length with and without an event: what fits before the sign-in fits after it.
        text.push(if self.signed_in.is_some() { SIGNED_IN } else { NOT_SIGNED_IN });
        text.extend_from_slice(self.signed_in.as_ref().map_or(&[0; 16], |event| event.as_bytes()));
        write_params(&self.params.only(&PARAMETERS), &mut text);
        let sealed = ring.seals().seal_with(self.master, SealKind::Request, &text, entropy);
        as_text(&sealed.ok_or(Refusal::RequestExpired)?)
    }

    /// Opens what [`Self::seal`] made, whether or not it has expired.
    ///
    /// # Errors
    /// [`Refusal::RequestUnknown`] for what is altered or none of ours; and as [`Snapshot::open`].
    pub fn open(text: &str, ring: &Snapshot) -> Result<Self, Failure> {
        let opened = open(SealKind::Request, text, ring)?;
        let parse = || {
            let (id, rest) = opened.plaintext.split_first_chunk::<16>()?;
            let (started_at, rest) = rest.split_first_chunk::<8>()?;
            let (signed_in, rest) = match rest.split_first()? {
                // Sealed by a former version, which didn't keep it.
                (0, rest) => (None, rest),
                (kind, rest) => {
                    let (event, rest) = rest.split_first_chunk::<16>()?;
                    ((*kind == SIGNED_IN).then(|| EventId::from_bytes(*event)), rest)
                }
            };
            let started_at = Timestamp::from_millis(u64::from_be_bytes(*started_at));
            let params = read_params(rest)?;
            Some(Self { id: *id, started_at, signed_in, params, master: opened.master })
        };
        Ok(parse().ok_or(Refusal::RequestUnknown)?)
    }

    /// Whether it has not expired.
    pub fn is_current(&self, now: Timestamp) -> bool {
        is_current(self.started_at, now)
    }
}

/// Seals parameters that came by POST, for the GET that they become. Nothing has begun with them.
///
/// # Errors
/// [`Refusal::RequestTooLong`].
pub fn seal_posted(
    kind: SealKind,
    params: &Params,
    ring: &Snapshot,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<String, Refusal> {
    let mut text = now.millis().to_be_bytes().to_vec();
    write_params(params, &mut text);
    as_text(&ring.seals().seal(kind, &text, entropy, now))
}

/// Opens what [`seal_posted`] made.
///
/// # Errors
/// [`Refusal::RequestExpired`], and as [`Progress::open`].
pub fn open_posted(kind: SealKind, text: &str, ring: &Snapshot, now: Timestamp) -> Result<Params, Failure> {
    let opened = open(kind, text, ring)?;
    let parse = || {
        let (posted_at, rest) = opened.plaintext.split_first_chunk::<8>()?;
        let posted_at = Timestamp::from_millis(u64::from_be_bytes(*posted_at));
        Some((posted_at, read_params(rest)?))
    };
    let (posted_at, params) = parse().ok_or(Refusal::RequestUnknown)?;
    if is_current(posted_at, now) { Ok(params) } else { Err(Refusal::RequestExpired.into()) }
}

fn open(kind: SealKind, text: &str, ring: &Snapshot) -> Result<Opened, Failure> {
    let sealed = base64url::decode(text).ok_or(Refusal::RequestUnknown)?;
    Ok(ring.open(kind, &sealed)?.ok_or(Refusal::RequestUnknown)?)
}

pub(super) fn is_current(began: Timestamp, now: Timestamp) -> bool {
    !began.plus(lifetimes::REQUEST).has_passed(now)
}

fn as_text(sealed: &[u8]) -> Result<String, Refusal> {
    let text = base64url::encode(sealed);
    if text.len() <= MAX_SEALED_BYTES { Ok(text) } else { Err(Refusal::RequestTooLong) }
}

/// Names and values, each ended by a NUL, which no parameter can hold.
fn write_params(params: &Params, text: &mut Vec<u8>) {
    for (name, value) in params.iter() {
        for part in [name, value] {
            text.extend_from_slice(part.as_bytes());
            text.push(0);
        }
    }
}

fn read_params(text: &[u8]) -> Option<Params> {
    let text = std::str::from_utf8(text).ok()?;
    let parts: Vec<&str> = text.split_terminator('\0').collect();
    let pairs = parts.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((*name, *value)),
        _ => None,
    });
    Some(Params::from_pairs(pairs))
}
