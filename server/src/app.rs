//! What every handler can reach: configuration, keys, storage, and one cache. No state of a request lives here.

use crate::clock::Clock;
use crate::config::Settings;
use crate::entropy::Entropy;
use crate::keys::Keys;
use crate::password::Passwords;
use protocol::client::Client;
use protocol::id::ClientId;
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use storage::{Store, StoreError};

/// How long a client's record may be used without asking the store.
const CLIENT_CACHE: Duration = Duration::from_secs(60);

/// What an [`App`] is made of.
pub struct Parts {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The key ring.
    pub keys: Arc<Keys>,
    /// The password pool.
    pub passwords: Arc<Passwords>,
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
    clients: RwLock<HashMap<ClientId, (Timestamp, Arc<Client>)>>,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, clients: RwLock::default() }))
    }

    /// A client, at most a minute old. Unknown ones are never remembered, so a new client works at once.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        let now = self.clock.now();
        if let Some(known) = self.remembered(id, now) {
            return Ok(Some(known));
        }
        let Some(client) = self.store.client(id).await?.map(Arc::new) else { return Ok(None) };
        let mut clients = self.0.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(id.clone(), (now, Arc::clone(&client)));
        Ok(Some(client))
    }

    fn remembered(&self, id: &ClientId, now: Timestamp) -> Option<Arc<Client>> {
        let clients = self.0.clients.read().unwrap_or_else(PoisonError::into_inner);
        let (read_at, client) = clients.get(id)?;
        // A clock that jumped back makes the record look new: then it is read again, too.
        (*read_at <= now && now.since(*read_at) < CLIENT_CACHE).then(|| Arc::clone(client))
    }

    /// Forgets what was read: another process changed the store.
    pub fn drop_caches(&self) {
        self.0.clients.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
