//! What every handler can reach: settings, keys, storage, limits, and one cache. It has no state of a request.

use crate::admission::{Limiter, Permit, QueueFull, QueueKey};
use crate::attempts::Attempt;
use crate::config::Settings;
use crate::cookies::Cookies;
use crate::in_flight::InFlight;
use crate::metrics::{Gauges, Registry};
use crate::password::Passwords;
use crate::server_error::ServerError;
use crate::shares::Shares;
use crate::single_flight::SingleFlight;
use crate::telemetry::{FailureLog, LogThrottle};
use axum::body::Bytes;
use keys::clock::Clock;
use keys::entropy::{self, Entropy};
use keys::{Keys, SignError, TokenSigner};
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
use tokio::time::{sleep, timeout};

/// How long a client's record may be used without reading it again.
const CLIENT_CACHE: Duration = Duration::from_secs(60);
/// How long it may be used for the client itself while the store is unavailable.
const CLIENT_CACHE_WHILE_AWAY: Duration = Duration::from_secs(15 * 60);
/// How many clients are cached at most: some megabytes.
const CLIENT_CACHE_SIZE: usize = 10_000;
/// How many clients that may not exist are looked up at a time.
const LOOKUPS: usize = 4;
/// How many lookups may wait: as many as there can be connections, so that none has to be refused.
const WAITING_LOOKUPS: usize = 10_000;
/// How many pages of account lists may wait: some tenths of a second of work.
const WAITING_LISTS: usize = 64;
/// How many answers may wait for signatures: more than there can be connections.
const WAITING_SIGNATURES: usize = 10_000;
/// How long an answer waits for its signatures.
const WAIT_TO_SIGN: Duration = Duration::from_secs(1);

/// What an [`App`] is made of.
#[derive(Clone)]
pub struct Parts {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The key ring.
    pub keys: Arc<Keys>,
    /// The password pool.
    pub passwords: Passwords,
    /// What is counted.
    pub metrics: Arc<Registry>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    cookies: Cookies,
    metadata: Bytes,
    state: Arc<State>,
}

/// What stays when settings are reloaded.
struct State {
    started_at: Timestamp,
    /// Distinguishes the requests of this process from those of others.
    process: [u8; 6],
    looking_up: Limiter,
    in_flight: InFlight<AttemptKey>,
    shares: Shares,
    lists: InFlight<SessionId>,
    listing: Limiter,
    signing: Limiter,
    readiness: SingleFlight<Result<(), ServerError>>,
    failure_log: FailureLog,
    unreadable_callers: LogThrottle,
    tokens_ahead: LogThrottle,
    clients: RwLock<HashMap<ClientId, Remembered>>,
    /// Grows when another process has written: what was read before is no longer fresh.
    epoch: AtomicU64,
}

/// Leave to have tokens signed: their signatures count already.
pub struct Turn(Arc<dyn TokenSigner>);

impl std::ops::Deref for Turn {
    type Target = dyn TokenSigner;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
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
    /// If the metadata can't be serialized, by a mistake of ours only.
    pub fn new(parts: Parts) -> Result<Self, serde_json::Error> {
        let state = State {
            started_at: parts.clock.now(),
            process: entropy::bytes(&*parts.entropy),
            looking_up: Limiter::new(LOOKUPS, WAITING_LOOKUPS),
            in_flight: InFlight::default(),
            shares: Shares::default(),
            lists: InFlight::default(),
            listing: Limiter::new(1, WAITING_LISTS),
            signing: Limiter::new(1, WAITING_SIGNATURES),
            readiness: SingleFlight::default(),
            failure_log: FailureLog::default(),
            unreadable_callers: LogThrottle::default(),
            tokens_ahead: LogThrottle::default(),
            clients: RwLock::default(),
            epoch: AtomicU64::new(0),
        };
        Self::of(parts, Arc::new(state))
    }

    fn of(parts: Parts, state: Arc<State>) -> Result<Self, serde_json::Error> {
        let Settings { issuer, signing_algs, lifetimes, signup, claims, .. } = &*parts.settings;
        let cookies = Cookies::new(issuer, lifetimes.session_absolute);
        let metadata = serde_json::to_vec(&Metadata::new(issuer, signing_algs, *signup, claims))?.into();
        Ok(Self(Arc::new(Inner { parts, cookies, metadata, state })))
    }

    /// The same process with other settings, of those that can change in a running one
    /// ([`what_needs_a_restart`](crate::config::what_needs_a_restart)).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_settings(&self, settings: Arc<Settings>) -> Result<Self, serde_json::Error> {
        Self::of(Parts { settings, ..self.0.parts.clone() }, Arc::clone(&self.0.state))
    }

    /// An id for a new request.
    pub fn request_id(&self) -> RequestId {
        RequestId::of_process(self.0.state.process, entropy::bytes(&*self.entropy))
    }

    /// The state of the process, for whoever reads the metrics.
    pub fn gauges(&self) -> Gauges<'_> {
        let now = self.clock.now();
        Gauges {
            now,
            started_at: self.0.state.started_at,
            passwords: self.passwords.load(),
            ring: self.keys.status(now),
            keys: self.keys.current().list(now).into_iter().map(|key| key.state).collect(),
        }
    }

    /// The metadata document.
    pub fn metadata(&self) -> &Bytes {
        &self.0.metadata
    }

    /// Begins an attempt at a password.
    pub fn begin_attempt(&self, now: Timestamp) -> Attempt {
        Attempt::begin(self.keys.current(), self.0.state.in_flight.clone(), self.settings.rate_limits, now)
    }

    /// The attempts that are being checked, by counter.
    pub fn in_flight(&self) -> &InFlight<AttemptKey> {
        &self.0.state.in_flight
    }

    /// The requests in progress of callers behind front ends.
    pub fn shares(&self) -> &Shares {
        &self.0.state.shares
    }

    /// Whether this process can serve.
    pub fn readiness(&self) -> &SingleFlight<Result<(), ServerError>> {
        &self.0.state.readiness
    }

    /// Log lines about what callers fail at.
    pub fn failure_log(&self) -> &FailureLog {
        &self.0.state.failure_log
    }

    /// Log lines about callers whose address the front end doesn't tell.
    pub fn unreadable_callers(&self) -> &LogThrottle {
        &self.0.state.unreadable_callers
    }

    /// Log lines about refresh tokens that are newer than the store.
    pub fn tokens_ahead(&self) -> &LogThrottle {
        &self.0.state.tokens_ahead
    }

    /// The sessions whose account is being listed or waits for it.
    pub fn lists(&self) -> &InFlight<SessionId> {
        &self.0.state.lists
    }

    /// A permit to read a page of what a user has, to be kept until it is read. One page is read at a time: the size of
    /// each is bounded, so their number must be, too. Accounts take turns, and inside one its sessions.
    ///
    /// # Errors
    /// [`QueueFull`], for the account with the most waiting.
    pub async fn permit_to_list(&self, session: &Session) -> Result<Permit, QueueFull> {
        self.0.state.listing.acquire(QueueKey::of_session(session)).await
    }

    /// Waits for the turn of a client to have `count` tokens signed, a second at most. Before the first is signed, the
    /// signatures of all are taken, so none is wasted on an answer that can't be finished.
    ///
    /// # Errors
    /// [`SignErrorKind::Busy`](keys::SignErrorKind::Busy).
    pub async fn turn_to_sign(
        &self,
        signer: Arc<dyn TokenSigner>,
        count: u32,
        key: QueueKey,
    ) -> Result<Turn, SignError> {
        let Some(ceiling) = signer.ceiling() else { return Ok(Turn(signer)) };
        let turn = async {
            // One caller at a time waits for the ceiling, and the others for that one.
            let _first = self.0.state.signing.acquire(key).await.ok()?;
            while let Err(wait) = ceiling.take(count) {
                sleep(wait).await;
            }
            Some(())
        };
        match timeout(WAIT_TO_SIGN, turn).await {
            Ok(Some(())) => Ok(Turn(signer)),
            _ => Err(ceiling.busy()),
        }
    }

    /// A permit to look up a client that may not exist, to be kept until it is read. None is needed for a client that was
    /// there lately. Networks take turns, so made-up ids delay only the sender's own network, and only for clients that
    /// this process hasn't seen lately.
    ///
    /// # Errors
    /// [`QueueFull`], if more wait than there can be connections.
    pub async fn permit_to_look_up(&self, id: &ClientId, key: QueueKey) -> Result<Option<Permit>, QueueFull> {
        let lately = |known: &Remembered| is_within(known, CLIENT_CACHE_WHILE_AWAY, self.clock.now());
        match self.remembered(id, lately) {
            Some(_) => Ok(None),
            None => self.0.state.looking_up.acquire(key).await.map(Some),
        }
    }

    /// Our cookies.
    pub fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// A client's record, at most a minute old. That a client doesn't exist is never cached, so a new client works at
    /// once.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        let (now, epoch) = (self.clock.now(), self.0.state.epoch.load(Ordering::Acquire));
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

    /// A client's record of at most a quarter of an hour ago, for a client that acts for itself while the store is
    /// unavailable. Not while the store is busy, which callers can bring about, and not if the record is known to be out
    /// of date because the store was changed (as far as a backend tells).
    ///
    /// # Errors
    /// `error`, with which reading the client failed.
    pub fn client_while_away(
        &self,
        id: &ClientId,
        error: StoreError,
        now: Timestamp,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        let epoch = self.0.state.epoch.load(Ordering::Acquire);
        let usable =
            |known: &Remembered| known.epoch == epoch && is_within(known, CLIENT_CACHE_WHILE_AWAY, now);
        let away = error.kind() == StoreErrorKind::Unavailable;
        let known = if away { self.remembered(id, usable) } else { None };
        known.map(Some).ok_or(error)
    }

    /// Lets nothing that was read before count as fresh: another process changed the store, or may have.
    pub fn distrust_caches(&self) {
        self.0.state.epoch.fetch_add(1, Ordering::AcqRel);
        self.keys.distrust();
    }

    fn remembered(&self, id: &ClientId, usable: impl FnOnce(&Remembered) -> bool) -> Option<Arc<Client>> {
        let clients = self.0.state.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.get(id).filter(|known| usable(known)).map(|known| Arc::clone(&known.client))
    }

    fn remember(&self, id: &ClientId, known: Remembered) {
        let mut clients = self.0.state.clients.write().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENT_CACHE_SIZE && !clients.contains_key(id) {
            clients.clear();
        }
        clients.insert(id.clone(), known);
    }

    /// Forgets a client that was deleted, so that it can't be used while the store is unavailable either.
    fn forget(&self, id: &ClientId) {
        if self.remembered(id, |_| true).is_some() {
            self.0.state.clients.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
    }
}

/// After a jump back of the clock a record seems to be from the future: then it is read again, too.
fn is_within(known: &Remembered, age: Duration, now: Timestamp) -> bool {
    known.read_at <= now && now.since(known.read_at) < age
}
