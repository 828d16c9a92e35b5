//! Introspection (RFC 7662): asks the issuer about each token, so that a revocation counts at once.
//!
//! A token is verified first, so only the issuer's own tokens cause a request to it.

use crate::cache::{Entry, SharedCache};
use crate::clock::{Clock, now};
use crate::fetch::{Fetch, FetchError, MAX_DOCUMENT, send};
use crate::rejection::{Reason, Rejection};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use protocol::json;
use protocol::params::{encode, encode_all};
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most answers that are remembered.
const MOST: usize = 10_000;

/// What the cache has for a token that is active. Others are not kept.
const ACTIVE: &[u8] = b"active";

/// How the issuer is asked about tokens.
#[derive(Clone)]
pub struct Introspection {
    pub(crate) endpoint: String,
    authorization: String,
    remembered_for: Duration,
}

impl Introspection {
    /// Asks `endpoint`, authenticated as the client that is registered for this API (`client_secret_basic`).
    pub fn new(endpoint: &str, client_id: &str, client_secret: &str) -> Self {
        // RFC 6749 §2.3.1: both are form-encoded before they are joined.
        let pair = format!("{}:{}", encode(client_id), encode(client_secret));
        let authorization = format!("Basic {}", STANDARD.encode(pair));
        Self { endpoint: endpoint.to_owned(), authorization, remembered_for: Duration::ZERO }
    }

    /// Remembers for this long that a token is active; a revocation goes unnoticed meanwhile. By default, nothing is
    /// remembered.
    #[must_use]
    pub fn remember(mut self, age: Duration) -> Self {
        self.remembered_for = age;
        self
    }
}

/// The secret is in it.
impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An [`Introspection`] at work.
pub(crate) struct Introspector {
    how: Introspection,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    cache: Option<Arc<SharedCache>>,
    /// Until when a token counts as active, by its hash.
    active: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Introspector {
    pub(crate) fn new(
        how: Introspection,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
        cache: Option<Arc<SharedCache>>,
    ) -> Self {
        // What may not be remembered is not shared either.
        let cache = cache.filter(|_| !how.remembered_for.is_zero());
        Self { how, fetch, clock, cache, active: Mutex::default() }
    }

    /// Whether the token, which expires at `expiry`, is active.
    pub(crate) async fn check(&self, token: &str, expiry: Timestamp) -> Result<(), Rejection> {
        let mut id = [0; 32];
        id.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let asked = now(&*self.clock);
        // What was remembered for longer than that was remembered before the clock was set back.
        let latest = asked.plus(self.how.remembered_for);
        if self.remembered().get(&id).is_some_and(|until| asked < *until && *until <= latest) {
            return Ok(());
        }
        let until = latest.min(expiry);
        if let Some(shared) = self.shared(&id).await.filter(|shared| *shared <= until) {
            self.remember(id, shared, asked);
            return Ok(());
        }
        match self.ask(token).await {
            Ok(true) => {
                self.remember(id, until, asked);
                self.share(&id, asked, until).await;
                Ok(())
            }
            Ok(false) => Err(Rejection::Invalid(Reason::Inactive)),
            Err(error) => {
                tracing::warn!(endpoint = %self.how.endpoint, cause = %error, "introspection failed");
                Err(Rejection::Unavailable)
            }
        }
    }

    /// Until when a token counts as active because another process asked.
    async fn shared(&self, id: &[u8; 32]) -> Option<Timestamp> {
        let entry = self.cache.as_ref()?.get(&self.words(id)).await?;
        (entry.value == ACTIVE).then_some(entry.until)
    }

    async fn share(&self, id: &[u8; 32], since: Timestamp, until: Timestamp) {
        if let Some(cache) = &self.cache {
            cache.put(&self.words(id), &Entry { since, until, value: ACTIVE.to_vec() }).await;
        }
    }

    /// What the cache keeps an answer by. The issuer answers each client as it sees fit, so the client is part of it.
    fn words<'a>(&'a self, id: &'a [u8; 32]) -> [&'a [u8]; 4] {
        [b"introspection", self.how.endpoint.as_bytes(), self.how.authorization.as_bytes(), id]
    }

    async fn ask(&self, token: &str) -> Result<bool, FetchError> {
        let body = encode_all(&[("token", token), ("token_type_hint", "access_token")]);
        let request = Request::post(&self.how.endpoint)
            .header(AUTHORIZATION, &self.how.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into_bytes());
        let response = send(&*self.fetch, request.map_err(|_| FetchError::Url)?).await;
        let response = response.map_err(|error| match error {
            // RFC 7662 §2.3: it is not the token that is refused.
            FetchError::Status(401) => FetchError::Credentials,
            error => error,
        })?;
        let answer = json::object(response.body(), MAX_DOCUMENT);
        // RFC 7662 §2.2: `active` is required, and a boolean.
        let active =
            answer.as_ref().and_then(|answer| answer.get("active")).and_then(serde_json::Value::as_bool);
        active.ok_or(FetchError::Document("the response to the introspection has no `active`"))
    }

    fn remember(&self, id: [u8; 32], until: Timestamp, now: Timestamp) {
        if until <= now {
            return;
        }
        let mut active = self.remembered();
        if active.len() >= MOST {
            active.retain(|_, until| now < *until);
        }
        if active.len() >= MOST {
            active.clear();
        }
        active.insert(id, until);
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<[u8; 32], Timestamp>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
