//! An issuer's keys over time: fetched by one task at a time, used until they are too old, refreshed before that.
//!
//! | state | what happens |
//! |---|---|
//! | younger than half its max-age | used |
//! | older than that | used; a task refreshes them |
//! | older than its max-age | the caller waits for the refresh; if that fails, they are used and tried again later |
//! | older than 24 h beyond that, or none | the caller waits; without keys nothing is decided |
//! | without the key that a token names | the caller waits for a refresh, but see [`PAUSE`] |

use crate::cache::{Entry, SharedCache};
use crate::clock::{Clock, now};
use crate::fetch::{Fetch, FetchError, get};
use crate::keyset::KeySet;
use crate::location::Reach;
use crate::signature::PublicKey;
use protocol::json;
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

/// The least time between two fetches while there are keys, however many unknown `kid`s are sent.
const PAUSE: Duration = Duration::from_secs(30);
/// The same while there are none, which no caller can cause.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(1);
/// How long keys are used beyond their max-age while the issuer is away.
const STALE_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// The max-age of a response that has none.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(600);
/// A shorter one would fetch too often, a longer one would use removed keys for too long.
const MAX_AGES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(3600)];

/// Where keys come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The `jwks_uri` of the issuer's metadata at this URL.
    Discovery(String),
    /// This URL.
    JwksUri(String),
}

/// The keys of one issuer.
pub(crate) struct Keys {
    pub(crate) issuer: String,
    pub(crate) source: Source,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) reach: Reach,
    pub(crate) fetch: Option<Arc<dyn Fetch>>,
    pub(crate) clock: Arc<dyn Clock>,
    cache: Option<Arc<SharedCache>>,
    held: RwLock<Held>,
    flight: Arc<Mutex<Flight>>,
}

/// What is known now.
#[derive(Clone, Default)]
struct Held {
    set: Option<Arc<KeySet>>,
    since: Timestamp,
    max_age: Duration,
    attempted: Option<Timestamp>,
    /// How many attempts have ended.
    ended: u64,
    has_failed: bool,
}

/// Keys, and when the issuer said that they were its.
struct Fetched {
    set: KeySet,
    since: Timestamp,
    max_age: Duration,
}

/// What only the task that fetches uses.
#[derive(Default)]
struct Flight {
    /// The `jwks_uri` that discovery has found; forgotten when it fails.
    jwks_uri: Option<String>,
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// We have no keys of the issuer.
    Unavailable,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Ageing,
    Expired,
    Unusable,
}

impl Held {
    fn age(&self, now: Timestamp) -> Age {
        let age = now.since(self.since);
        match &self.set {
            None => Age::Unusable,
            Some(_) if age >= self.max_age.saturating_add(STALE_LIMIT) => Age::Unusable,
            Some(_) if age >= self.max_age => Age::Expired,
            Some(_) if age >= self.max_age / 2 => Age::Ageing,
            Some(_) => Age::Fresh,
        }
    }

    fn may_attempt(&self, now: Timestamp) -> bool {
        let pause = if self.age(now) == Age::Unusable { PAUSE_WITHOUT_KEYS } else { PAUSE };
        // An attempt in the future was made before the clock was set back.
        self.attempted.is_none_or(|at| at > now || now.since(at) >= pause)
    }
}

impl Keys {
    pub(crate) fn new(
        issuer: String,
        source: Source,
        algorithms: Vec<Algorithm>,
        (reach, fetch): (Reach, Option<Arc<dyn Fetch>>),
        clock: Arc<dyn Clock>,
        embedded: Option<KeySet>,
        cache: Option<Arc<SharedCache>>,
    ) -> Arc<Self> {
        let since = now(&*clock);
        // Embedded keys that nothing can replace don't age.
        let max_age = if fetch.is_some() { DEFAULT_MAX_AGE } else { Duration::MAX };
        let held = Held { set: embedded.map(Arc::new), since, max_age, ..Held::default() };
        Arc::new(Self {
            issuer,
            source,
            algorithms,
            reach,
            fetch,
            clock,
            cache,
            held: RwLock::new(held),
            flight: Arc::default(),
        })
    }

    /// The key for a token, without waiting. It says nothing about a key that is not known yet.
    pub(crate) fn known(&self, kid: &str, alg: Algorithm) -> Result<Arc<PublicKey>, NoKey> {
        let held = self.held();
        if held.age(now(&*self.clock)) == Age::Unusable {
            return Err(NoKey::Unavailable);
        }
        held.set.and_then(|set| set.find(kid, alg)).ok_or(NoKey::Unknown)
    }

    /// The key for a token; fetches if that is due.
    pub(crate) async fn find(self: &Arc<Self>, kid: &str, alg: Algorithm) -> Result<Arc<PublicKey>, NoKey> {
        let held = self.held();
        let wanted = Some((kid, alg));
        match held.age(now(&*self.clock)) {
            Age::Fresh => {
                if let Some(key) = held.set.as_ref().and_then(|set| set.find(kid, alg)) {
                    return Ok(key);
                }
            }
            Age::Expired if !held.has_failed => self.refresh(wanted).await,
            Age::Ageing | Age::Expired => self.refresh_behind(wanted),
            Age::Unusable => self.refresh(wanted).await,
        }
        match self.known(kid, alg) {
            Err(NoKey::Unknown) => {
                self.refresh(wanted).await;
                self.known(kid, alg)
            }
            known => known,
        }
    }

    /// Waits for the fetch that is on its way, or fetches the keys, unless that was tried just now. With a key that is
    /// wanted, a set of the cache is enough only if it has this key.
    pub(crate) async fn refresh(self: &Arc<Self>, wanted: Option<(&str, Algorithm)>) {
        let ended = self.held().ended;
        let flight = Arc::clone(&self.flight).lock_owned().await;
        if self.held().ended != ended {
            // Callers with an attempt of their own each would wait in line for an issuer that doesn't answer.
            return;
        }
        if let Some(task) = self.launch(flight, wanted) {
            // A failure is in the log, and its consequence in what is held.
            let _panicked = task.await;
        }
    }

    /// The same without waiting.
    fn refresh_behind(self: &Arc<Self>, wanted: Option<(&str, Algorithm)>) {
        if let Ok(flight) = Arc::clone(&self.flight).try_lock_owned() {
            drop(self.launch(flight, wanted));
        }
    }

    /// Whether there are keys.
    pub(crate) fn is_warm(&self) -> bool {
        self.held().age(now(&*self.clock)) != Age::Unusable
    }

    /// Starts a fetch if one is due. It is a task of its own: a caller who hangs up must not end the fetch that others wait
    /// for.
    fn launch(
        self: &Arc<Self>,
        mut flight: OwnedMutexGuard<Flight>,
        wanted: Option<(&str, Algorithm)>,
    ) -> Option<JoinHandle<()>> {
        let runtime = Handle::try_current().ok()?;
        let now = now(&*self.clock);
        if self.fetch.is_none() || !self.held().may_attempt(now) {
            return None;
        }
        self.update(|held| held.attempted = Some(now));
        let this = Arc::clone(self);
        let wanted = wanted.map(|(kid, alg)| (kid.to_owned(), alg));
        Some(runtime.spawn(async move {
            if let Some(shared) = this.shared(wanted).await {
                return this.keep(Ok(shared));
            }
            match this.fetched(&mut flight, now).await {
                Ok((fetched, value)) => {
                    let entry = Entry { since: now, until: now.plus(fetched.max_age), value };
                    this.keep(Ok(fetched));
                    this.share(&entry).await;
                }
                Err(error) => this.keep(Err(error)),
            }
        }))
    }

    fn keep(&self, fetched: Result<Fetched, FetchError>) {
        self.update(|held| held.ended += 1);
        match fetched {
            Ok(Fetched { set, since, max_age }) => self.update(|held| {
                let set = Some(Arc::new(set));
                // What came from the cache may be refreshed as soon as if it had been fetched here.
                let attempted = Some(since);
                *held = Held { set, since, max_age, attempted, has_failed: false, ..*held };
            }),
            Err(error) => {
                tracing::warn!(issuer = %self.issuer, cause = %error, "the issuer's keys can't be fetched");
                self.update(|held| held.has_failed = true);
            }
        }
    }

    /// The keys that another process fetched, if they are newer than ours.
    async fn shared(&self, wanted: Option<(String, Algorithm)>) -> Option<Fetched> {
        let Entry { since, until, value } = self.cache.as_ref()?.get(&self.words()).await?;
        let set = KeySet::parse(&value, &self.algorithms)?;
        let held = self.held();
        let is_newer = held.set.is_none() || held.since < since;
        let has_wanted = wanted.is_none_or(|(kid, alg)| set.find(&kid, alg).is_some());
        (is_newer && has_wanted).then_some(Fetched { set, since, max_age: until.since(since) })
    }

    async fn share(&self, entry: &Entry) {
        if let Some(cache) = &self.cache {
            cache.put(&self.words(), entry).await;
        }
    }

    /// What the cache keeps the keys by.
    fn words(&self) -> [&[u8]; 3] {
        let (Source::Discovery(url) | Source::JwksUri(url)) = &self.source;
        [b"keys", self.issuer.as_bytes(), url.as_bytes()]
    }

    /// The issuer's keys, with the document that has them.
    async fn fetched(&self, flight: &mut Flight, since: Timestamp) -> Result<(Fetched, Vec<u8>), FetchError> {
        let fetch = self.fetch.as_deref().ok_or(FetchError::NoTransport)?;
        let found = flight.jwks_uri.take();
        let url = match (&self.source, found) {
            (Source::JwksUri(url), _) => url.clone(),
            (Source::Discovery(_), Some(found)) => found,
            (Source::Discovery(at), None) => self.discover(fetch, at).await?,
        };
        let response = get(fetch, &url).await?;
        let set = KeySet::parse(response.body(), &self.algorithms)
            .ok_or(FetchError::Document("no usable key in the JWK Set"))?;
        flight.jwks_uri = Some(url);
        let max_age = max_age(&response);
        Ok((Fetched { set, since, max_age }, response.into_body()))
    }

    /// OIDC Discovery §4.3: the metadata names exactly the issuer it was fetched for.
    async fn discover(&self, fetch: &dyn Fetch, at: &str) -> Result<String, FetchError> {
        let response = get(fetch, at).await?;
        let document = json::object(response.body(), crate::fetch::MAX_DOCUMENT)
            .ok_or(FetchError::Document("the metadata is not a JSON object"))?;
        if document.get("issuer").is_none_or(|issuer| *issuer != self.issuer.as_str()) {
            return Err(FetchError::Document("the metadata is another issuer's"));
        }
        let url = document.get("jwks_uri").and_then(serde_json::Value::as_str);
        let url = url.ok_or(FetchError::Document("the metadata has no jwks_uri"))?;
        if self.reach.allows_url(url) { Ok(url.to_owned()) } else { Err(FetchError::Url) }
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How long the response stays fresh: RFC 9111 §5.2.2.1, less the time that a cache had it (§4.2.3), within [`MAX_AGES`].
fn max_age(response: &http::Response<Vec<u8>>) -> Duration {
    let headers = response.headers().get_all(http::header::CACHE_CONTROL).iter();
    let mut directives =
        headers.filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(','));
    // RFC 9111 §5.2: names of directives are case-insensitive.
    let seconds = directives.find_map(|one| {
        let (name, value) = one.split_once('=')?;
        let is_max_age = name.trim().eq_ignore_ascii_case("max-age");
        is_max_age.then(|| value.trim().trim_matches('"').parse().ok()).flatten()
    });
    let age =
        response.headers().get(http::header::AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    let [least, most] = MAX_AGES;
    let fresh = seconds.map_or(DEFAULT_MAX_AGE, Duration::from_secs);
    fresh.saturating_sub(age.map_or(Duration::ZERO, Duration::from_secs)).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    /// In a hundred years.
    struct Later;

    impl Clock for Later {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(160 * 365 * 24 * 3600)
        }
    }

    #[test]
    fn the_age_is_read_as_caches_read_it() {
        for (cache, age, seconds) in [
            ("public, Max-Age=90", None, 90),
            ("MAX-AGE = \"90\"", None, 90),
            ("s-maxage=70, max-age=90", None, 90),
            ("max-age=300", Some("200"), 100),
            ("max-age=300", Some("290"), 60),
            ("max-age=300", Some("soon"), 300),
            ("no-store", Some("100"), 500),
        ] {
            let response = http::Response::builder().header("cache-control", cache);
            let response = age.into_iter().fold(response, |response, age| response.header("age", age));
            assert_eq!(max_age(&response.body(Vec::new()).unwrap()).as_secs(), seconds, "{cache} {age:?}");
        }
    }

    #[test]
    fn embedded_keys_age_only_if_others_can_be_fetched() {
        struct Nowhere;
        impl Fetch for Nowhere {
            fn send(&self, _: http::Request<Vec<u8>>) -> crate::fetch::Fetching<'_> {
                Box::pin(async { Err(FetchError::NoTransport) })
            }
        }
        let set = br#"{ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "a", "alg": "EdDSA",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }"#; // RFC 8037 A.2
        for (fetch, is_known) in [(None, true), (Some(Arc::new(Nowhere) as Arc<dyn Fetch>), false)] {
            let set = KeySet::parse(set, &[Algorithm::EdDSA]).unwrap();
            let source = Source::JwksUri("https://login.example/jwks".into());
            let keys = Keys::new(
                "https://login.example".into(),
                source,
                vec![Algorithm::EdDSA],
                (Reach::Public, fetch),
                Arc::new(Later),
                Some(set),
                None,
            );
            keys.update(|held| held.since = Timestamp::EPOCH);
            assert_eq!(keys.known("a", Algorithm::EdDSA).is_ok(), is_known);
        }
    }
}
