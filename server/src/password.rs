//! Passwords: argon2id (RFC 9106) in a bounded pool whose places callers take in turns ([`crate::admission`]), so that
//! sign-ins can starve neither each other nor token traffic, and the rules for new ones.

mod rules;
mod text;

pub use rules::{BadPassword, check_new};
pub use text::MAX_BYTES;

use crate::admission::{Limiter, Permit, QueueFull, QueueKey};
use crate::attempts::AttemptGuard;
use crate::metrics::{Histogram, PasswordLoad};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use protocol::time::Timestamp;
use protocol::user::PasswordHash;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;
use text::prepare;
use tokio::time::Instant;
use zeroize::{Zeroize, Zeroizing};

/// Memory of one hash in KiB: 19 MiB, as OWASP's minimum for two passes.
const MEMORY: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Length of a hash in bytes.
const OUTPUT: usize = 32;
/// How long unused memory is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Too many at once: 503 with `Retry-After`.
    Busy,
    /// The stored hash can't be read, or asks for more work than ours.
    Corrupt,
    /// Not a password we could have stored: too long, empty, or with control characters. For new ones only.
    Unusable,
    /// The computation ended without a result.
    Failed,
}

impl PasswordError {
    /// Whether trying again may help.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Busy)
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many password checks at once",
            Self::Corrupt => "a stored password hash can't be read",
            Self::Unusable => "not a usable password",
            Self::Failed => "a password check ended without a result",
        })
    }
}

impl std::error::Error for PasswordError {}

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<Pool>,
    /// By what its caller is queued. Operators count as a stranger without a network.
    key: QueueKey,
}

struct Pool {
    limiter: Limiter,
    memory: Mutex<Vec<Vec<Block>>>,
    /// Whether memory was used since [`Passwords::free_idle`] was last called.
    used: AtomicBool,
    idle_since: AtomicU64,
    calls: AtomicU64,
    refused: AtomicU64,
    took: Histogram,
}

impl Passwords {
    /// At most `places` computations at once (19 MiB and one core each). Up to `waiting` strangers may wait, and as many
    /// known callers.
    pub fn new(places: usize, waiting: usize) -> Self {
        let pool = Arc::new(Pool {
            limiter: Limiter::new(places, waiting),
            memory: Mutex::new(Vec::new()),
            used: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            took: Histogram::default(),
        });
        Self { pool, key: QueueKey::Stranger(None) }
    }

    /// The same pool for a caller who is queued by `key`.
    pub fn queued_by(&self, key: QueueKey) -> Self {
        Self { pool: Arc::clone(&self.pool), key }
    }

    /// Waits for a place. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`PasswordError::Busy`].
    pub async fn place(&self) -> Result<Place, PasswordError> {
        let permit = self.pool.limiter.acquire(self.key).await.map_err(|QueueFull| {
            self.pool.refused.fetch_add(1, Ordering::Relaxed);
            PasswordError::Busy
        })?;
        Ok(Place { pool: Arc::clone(&self.pool), permit })
    }

    /// How many strangers wait, and how many known callers.
    pub fn queued(&self) -> (usize, usize) {
        self.pool.limiter.queued()
    }

    /// How many hashes were computed since the start.
    pub fn calls(&self) -> u64 {
        self.pool.calls.load(Ordering::Relaxed)
    }

    /// Gets the memory of one computation ready, so that the first one needn't.
    pub fn warm(&self) {
        self.pool.memory.lock().unwrap_or_else(PoisonError::into_inner).push(new_memory());
    }

    /// The state of the pool.
    pub fn load(&self) -> PasswordLoad<'_> {
        let (strangers, known) = self.queued();
        PasswordLoad {
            places: self.pool.limiter.permits(),
            busy: self.pool.limiter.in_use(),
            strangers,
            known,
            refused: self.pool.refused.load(Ordering::Relaxed),
            took: &self.pool.took,
        }
    }

    /// Frees the memory if it was unused for a minute. To be called about once a minute.
    pub fn free_idle(&self, now: Timestamp) {
        if self.pool.used.swap(false, Ordering::AcqRel) {
            self.pool.idle_since.store(now.millis(), Ordering::Release);
        } else if now.since(Timestamp::from_millis(self.pool.idle_since.load(Ordering::Acquire))) >= IDLE {
            let idle = std::mem::take(&mut *self.pool.memory.lock().unwrap_or_else(PoisonError::into_inner));
            for mut blocks in idle {
                blocks.iter_mut().for_each(Zeroize::zeroize);
            }
        }
    }

    /// How many blocks of memory are kept for the next hash.
    pub fn kept(&self) -> usize {
        self.pool.memory.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

impl Pool {
    fn argon2(&self, password: &str, phc: &Phc) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let params = phc.cost.params(phc.output.len()).ok_or(PasswordError::Corrupt)?;
        let length = params.output_len().unwrap_or(OUTPUT);
        let mut output = Zeroizing::new(vec![0; length]);
        self.used.store(true, Ordering::Release);
        self.calls.fetch_add(1, Ordering::Relaxed);
        let kept = self.memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // Allocated at the first login. No hash needs more than ours (see `Phc::parse`).
        let mut blocks = kept.unwrap_or_else(new_memory);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let began = Instant::now();
        let hashed =
            argon2.hash_password_into_with_memory(password.as_bytes(), &phc.salt, &mut output, &mut blocks);
        self.took.note(began.elapsed());
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
        hashed.map(|()| output).map_err(|_| PasswordError::Failed)
    }
}

fn new_memory() -> Vec<Block> {
    vec![Block::new(); MEMORY as usize]
}

/// A place in the pool, for one computation.
pub struct Place {
    pool: Arc<Pool>,
    permit: Permit,
}

impl Place {
    /// Hashes a new password with a salt of 128 random bits. The rules of [`check_new`] are the caller's.
    ///
    /// # Errors
    /// [`PasswordError::Unusable`], [`PasswordError::Failed`].
    pub async fn hash(
        self,
        password: Zeroizing<String>,
        salt: [u8; 16],
    ) -> Result<PasswordHash, PasswordError> {
        let prepared = prepare(&password).ok_or(PasswordError::Unusable)?;
        let cost = Cost::OURS;
        let output = self.compute(prepared, Phc { cost, salt: salt.to_vec(), output: Vec::new() }).await?;
        Ok(PasswordHash(Phc { cost, salt: salt.to_vec(), output: output.to_vec() }.to_text()))
    }

    /// Whether `password` is the one that was hashed. The guard shows that the attempt was admitted; the caller counts a
    /// failure. Without a hash (no such user, no password) the same work is done and the answer is false. It is also
    /// false, after the same work, for what could never be a password.
    ///
    /// # Errors
    /// [`PasswordError::Corrupt`], [`PasswordError::Failed`].
    pub async fn verify(
        self,
        _: &AttemptGuard,
        password: Zeroizing<String>,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        // Longer than anything we would have hashed: false for every user, so the time tells nothing.
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        let prepared = prepare(&password);
        let possible = hash.is_some() && prepared.is_some();
        let stored = match hash {
            Some(hash) => Phc::parse(&hash.0).ok_or(PasswordError::Corrupt)?,
            None => Phc { cost: Cost::OURS, salt: vec![0; 16], output: vec![0; OUTPUT] },
        };
        let expected = stored.output.clone();
        let output = self.compute(prepared.unwrap_or_default(), stored).await?;
        Ok(bool::from(output.ct_eq(&expected)) && possible)
    }

    async fn compute(
        self,
        password: Zeroizing<String>,
        phc: Phc,
    ) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        // The place moves into the computation, which continues if its caller hangs up: hanging up again and again must
        // not start more computations than the pool has places.
        let done = tokio::task::spawn_blocking(move || {
            let Self { pool, permit } = self;
            let output = pool.argon2(&password, &phc);
            drop(permit);
            output
        });
        done.await.map_err(|_| PasswordError::Failed)?
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    const OURS: Self = Self { memory: MEMORY, passes: PASSES, lanes: LANES };

    fn params(self, output: usize) -> Option<Params> {
        let output = if output == 0 { OUTPUT } else { output };
        Params::new(self.memory, self.passes, self.lanes, Some(output)).ok()
    }
}

/// `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, the PHC string format; base64 without padding.
struct Phc {
    cost: Cost,
    salt: Vec<u8>,
    /// Empty until it is computed.
    output: Vec<u8>,
}

impl Phc {
    fn to_text(&self) -> String {
        let Cost { memory, passes, lanes } = self.cost;
        let (salt, output) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.output));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
    }

    /// Reads a stored hash. One that needs more memory or much more time than ours is refused: whoever can write a
    /// record must not decide how long a sign-in takes.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$m=")?;
        let (memory, rest) = rest.split_once(",t=")?;
        let (passes, rest) = rest.split_once(",p=")?;
        let (lanes, rest) = rest.split_once('$')?;
        let (salt, output) = rest.split_once('$')?;
        let number = |text: &str| text.parse::<u32>().ok();
        let cost = Cost { memory: number(memory)?, passes: number(passes)?, lanes: number(lanes)? };
        let (salt, output) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(output).ok()?);
        let bounded = cost.memory <= MEMORY && cost.passes <= 4 * PASSES && cost.lanes <= 4;
        let sized = (8..=64).contains(&salt.len()) && (16..=64).contains(&output.len());
        (bounded && sized).then_some(Self { cost, salt, output })
    }
}

#[cfg(test)]
mod tests;
