//! A cache that several processes share: the keys of issuers, and which tokens they called active.
//!
//! Whoever can read it learns no token: names are MACs, and the values are public keys and dates. Whoever can write to it
//! can inject nothing: a value has a MAC over its name, its dates and its content, so it counts only where it was put, and
//! only until it ends. To put an old value back gains nothing beyond its end, which is when it would have been forgotten
//! without the cache.

use crate::clock::{Clock, now};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign, verify};
use protocol::base64url;
use protocol::time::Timestamp;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The fewest bytes of the secret.
pub(crate) const MIN_SECRET: usize = 32;
const MAC: usize = 32;
const DATE: usize = 8;

/// What a [`Cache`] returns.
pub type Caching<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps values by their names. `RedisCache` is one.
///
/// It can't fail: what can't be read now is absent, and what can't be written is lost. An implementation ends within a
/// fraction of a second, because a request waits for it.
pub trait Cache: Send + Sync + 'static {
    /// The value of a name.
    fn get<'a>(&'a self, name: &'a str) -> Caching<'a, Option<Vec<u8>>>;
    /// Keeps a value for at most this long.
    fn put<'a>(&'a self, name: &'a str, value: Vec<u8>, ttl: Duration) -> Caching<'a, ()>;
}

/// A [`Cache`] whose content is checked.
pub(crate) struct SharedCache {
    cache: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    names: Key,
    entries: Key,
}

/// A value with its dates.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When the issuer said so.
    pub(crate) since: Timestamp,
    /// From when on it doesn't count.
    pub(crate) until: Timestamp,
    pub(crate) value: Vec<u8>,
}

impl SharedCache {
    pub(crate) fn new(cache: Arc<dyn Cache>, clock: Arc<dyn Clock>, secret: &[u8]) -> Self {
        // A key for each purpose.
        let secret = Key::new(HMAC_SHA256, secret);
        let derived = |purpose: &str| Key::new(HMAC_SHA256, sign(&secret, purpose.as_bytes()).as_ref());
        Self { cache, clock, names: derived("names 1"), entries: derived("entries 1") }
    }

    /// What is kept for these words, if it counts now.
    pub(crate) async fn get(&self, words: &[&[u8]]) -> Option<Entry> {
        let name = self.name(words);
        let found = self.cache.get(&name).await?;
        let (since, rest) = found.split_first_chunk::<DATE>()?;
        let (until, rest) = rest.split_first_chunk::<DATE>()?;
        let (tag, value) = rest.split_first_chunk::<MAC>()?;
        let date = |bytes: &[u8; DATE]| Timestamp::from_millis(u64::from_be_bytes(*bytes));
        let entry = Entry { since: date(since), until: date(until), value: value.to_vec() };
        verify(&self.entries, &signed(&name, &entry), tag).ok()?;
        let now = now(&*self.clock);
        (entry.since <= now && now < entry.until).then_some(entry)
    }

    pub(crate) async fn put(&self, words: &[&[u8]], entry: &Entry) {
        let ttl = entry.until.since(now(&*self.clock));
        if ttl.is_zero() {
            return;
        }
        let name = self.name(words);
        let tag: Tag = sign(&self.entries, &signed(&name, entry));
        let dates = [entry.since, entry.until].map(|date| date.millis().to_be_bytes());
        self.cache.put(&name, [dates.as_flattened(), tag.as_ref(), &entry.value].concat(), ttl).await;
    }

    /// The lengths keep apart what would be equal when joined.
    fn name(&self, words: &[&[u8]]) -> String {
        let mut text = Vec::new();
        for word in words {
            text.extend_from_slice(&word.len().to_be_bytes());
            text.extend_from_slice(word);
        }
        format!("keyward-guard:{}", base64url::encode(sign(&self.names, &text).as_ref()))
    }
}

/// What the MAC of an entry covers. All names are equally long.
fn signed(name: &str, entry: &Entry) -> Vec<u8> {
    let dates = [entry.since, entry.until].map(|date| date.millis().to_be_bytes());
    [name.as_bytes(), dates.as_flattened(), &entry.value].concat()
}
