//! What every handler can reach: configuration, keys, storage, and one cache. No state of a request lives here.

use crate::admission::{Limiter, Permit, QueueFull, QueueKey};
use crate::attempts::Attempt;
use crate::clock::Clock;
use crate::config::Settings;
use crate::cookies::Cookies;
use crate::entropy::{self, Entropy};
use crate::in_flight::InFlight;
use crate::keys::Keys;
use crate::password::Passwords;
use crate::server_error::ServerError;
use crate::shares::Shares;
use crate::single_flight::SingleFlight;
use crate::telemetry::{FailureLog, LogThrottle};
use axum::body::Bytes;
use protocol::attempts::AttemptKey;
use protocol::client::Client;
use protocol::discovery::Metadata;
use protocol::id::{ClientId, RequestId, SessionId};
use protocol::session::Session;
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use storage::{Store, StoreError, StoreErrorKind};

/// How long a client's record may be used without asking the store.
const CLIENT_CACHE: Duration = Duration::from_secs(60);
/// How long it may be used by the client itself while the store is away.
const CLIENT_CACHE_IN_NEED: Duration = Duration::from_secs(15 * 60);
/// How many clients are remembered at most: some megabytes.
const CLIENT_CACHE_SIZE: usize = 10_000;
/// How many clients are looked up at a time that may not exist.
const LOOKING_UP: usize = 4;
/// How many more wait for it: as many as there can be connections, so that none has to be refused.
const WAITING_TO_LOOK_UP: usize = 10_000;
/// How many pages of account lists may wait: some tenths of a second.
const WAITING_FOR_LISTS: usize = 64;

/// What an [`App`] is made of.
pub struct Parts {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The key ring.
    pub keys: Arc<Keys>,
    /// The password pool.
    pub passwords: Passwords,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// Tells the calls of this process from those of others.
    process: [u8; 6],
    cookies: Cookies,
    metadata: Bytes,
    looking_up: Limiter,
    in_flight: InFlight<AttemptKey>,
    shares: Shares,
    lists: InFlight<SessionId>,
    listing: Limiter,
    readiness: SingleFlight<Result<(), ServerError>>,
    failure_log: FailureLog,
    unreadable_callers: LogThrottle,
    tokens_ahead: LogThrottle,
    clients: RwLock<HashMap<ClientId, Remembered>>,
    /// Grows when another process wrote: what was read before is not fresh any more.
    epoch: AtomicU64,
}

struct Remembered {
    read_at: Timestamp,
    epoch: u64,
    client: Arc<Client>,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the metadata can't be written, which only a mistake of ours can cause.
    pub fn new(parts: Parts) -> Result<Self, serde_json::Error> {
        let Settings { issuer, signing_algs, lifetimes, signup, .. } = &*parts.settings;
        let cookies = Cookies::new(issuer, lifetimes.session_absolute);
        let metadata = serde_json::to_vec(&Metadata::new(issuer, signing_algs, *signup))?.into();
        Ok(Self(Arc::new(Inner {
            process: entropy::bytes(&*parts.entropy),
            cookies,
            metadata,
            looking_up: Limiter::new(LOOKING_UP, WAITING_TO_LOOK_UP),
            in_flight: InFlight::default(),
            shares: Shares::default(),
            lists: InFlight::default(),
            listing: Limiter::new(1, WAITING_FOR_LISTS),
            readiness: SingleFlight::default(),
            failure_log: FailureLog::default(),
            unreadable_callers: LogThrottle::default(),
            tokens_ahead: LogThrottle::default(),
            clients: RwLock::default(),
            epoch: AtomicU64::new(0),
            parts,
        })))
    }

    /// The id of a new call.
    pub fn call_id(&self) -> RequestId {
        RequestId::of_process(self.0.process, entropy::bytes(&*self.entropy))
    }

    /// The metadata document.
    pub fn metadata(&self) -> &Bytes {
        &self.0.metadata
    }

    /// Begins an attempt at a password.
    pub fn begin_attempt(&self, now: Timestamp) -> Attempt {
        Attempt::begin(self.keys.current(), self.0.in_flight.clone(), self.settings.rate_limits, now)
    }

    /// The attempts that are being checked.
    pub fn in_flight(&self) -> &InFlight<AttemptKey> {
        &self.0.in_flight
    }

    /// What callers behind front ends have in work.
    pub fn shares(&self) -> &Shares {
        &self.0.shares
    }

    /// Whether this process can work.
    pub fn readiness(&self) -> &SingleFlight<Result<(), ServerError>> {
        &self.0.readiness
    }

    /// What callers fail at, for the log.
    pub fn failure_log(&self) -> &FailureLog {
        &self.0.failure_log
    }

    /// Callers behind a front end that doesn't say who they are.
    pub fn unreadable_callers(&self) -> &LogThrottle {
        &self.0.unreadable_callers
    }

    /// Refresh tokens that are newer than the store.
    pub fn tokens_ahead(&self) -> &LogThrottle {
        &self.0.tokens_ahead
    }

    /// The sessions for which an account is being listed, or that wait for it.
    pub fn lists(&self) -> &InFlight<SessionId> {
        &self.0.lists
    }

    /// A turn to read a page of what somebody has, to be kept until it was. One is read at a time: what each may hold
    /// is bounded, and how many there are must be, too. Accounts take turns, and inside one its sessions.
    ///
    /// # Errors
    /// [`QueueFull`], for the account with the most in line.
    pub async fn permit_to_list(&self, session: &Session) -> Result<Permit, QueueFull> {
        self.0.listing.acquire(QueueKey::of_session(session)).await
    }

    /// A turn to look up a client that may not exist, to be kept until it was. None is needed for one that was there
    /// a while ago. Networks take turns, so whoever makes up ids delays their own network's first sight of a client,
    /// and refuses nobody's.
    ///
    /// # Errors
    /// [`QueueFull`], with more in line than there can be connections.
    pub async fn permit_to_look_up(&self, id: &ClientId, key: QueueKey) -> Result<Option<Permit>, QueueFull> {
        let in_need = |known: &Remembered| is_within(known, CLIENT_CACHE_IN_NEED, self.clock.now());
        match self.remembered(id, in_need) {
            Some(_) => Ok(None),
            None => self.0.looking_up.acquire(key).await.map(Some),
        }
    }

    /// Our cookies.
    pub fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// A client, at most a minute old. Unknown ones are never remembered, so a new client works at once.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        let (now, epoch) = (self.clock.now(), self.0.epoch.load(Ordering::Acquire));
        let fresh = |known: &Remembered| known.epoch == epoch && is_within(known, CLIENT_CACHE, now);
        if let Some(known) = self.remembered(id, fresh) {
            return Ok(Some(known));
        }
        let Some(client) = self.store.client(id).await?.map(Arc::new) else {
            self.forget(id);
            return Ok(None);
        };
        self.remember(id, Remembered { read_at: now, epoch, client: Arc::clone(&client) });
        Ok(Some(client))
    }

    /// A client as it was known a quarter of an hour ago or later, for one that acts for itself while the store is
    /// away. Not for a store that is busy, which callers can make it; nor what is known to be out of date, since
    /// somebody changed the store (where a backend tells).
    ///
    /// # Errors
    /// `error`, by which the client could not be read.
    pub fn client_while_away(
        &self,
        id: &ClientId,
        error: StoreError,
        now: Timestamp,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        let epoch = self.0.epoch.load(Ordering::Acquire);
        let usable = |known: &Remembered| known.epoch == epoch && is_within(known, CLIENT_CACHE_IN_NEED, now);
        let away = error.kind() == StoreErrorKind::Unavailable;
        let known = if away { self.remembered(id, usable) } else { None };
        known.map(Some).ok_or(error)
    }

    /// What was read is not fresh any more: another process changed the store, or may have.
    pub fn distrust_caches(&self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
        self.keys.distrust();
    }

    fn remembered(&self, id: &ClientId, usable: impl FnOnce(&Remembered) -> bool) -> Option<Arc<Client>> {
        let clients = self.0.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.get(id).filter(|known| usable(known)).map(|known| Arc::clone(&known.client))
    }

    fn remember(&self, id: &ClientId, known: Remembered) {
        let mut clients = self.0.clients.write().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENT_CACHE_SIZE && !clients.contains_key(id) {
            clients.clear();
        }
        clients.insert(id.clone(), known);
    }

    /// A client that was deleted can't be used while the store is away either.
    fn forget(&self, id: &ClientId) {
        if self.remembered(id, |_| true).is_some() {
            self.0.clients.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
    }
}

/// A clock that jumped back makes a record look new: then it is read again, too.
fn is_within(known: &Remembered, age: Duration, now: Timestamp) -> bool {
    known.read_at <= now && now.since(known.read_at) < age
}
