//! The second record: public halves of removed keys, which for 90 days verify `id_token_hint` and nothing else.

use super::error::{KeysError, RingRefusal};
use super::ring::{RetiredKey, RetiredKeys, Ring};
use protocol::time::Timestamp;
use storage::{RingDocument, Stamp, Store};

/// How often the write is tried while others write, too.
const ATTEMPTS: usize = 5;

/// The record with its version.
pub(super) async fn read(store: &dyn Store) -> Result<(Option<u64>, RetiredKeys), KeysError> {
    match store.ring(RingDocument::RetiredKeys).await? {
        Some(document) => Ok((Some(document.version), RetiredKeys::parse(&document.body)?)),
        None => Ok((None, RetiredKeys::empty())),
    }
}

/// Adds keys, and removes those that have expired or were revoked.
pub(super) async fn merge(
    store: &dyn Store,
    ring: &Ring,
    added: &[RetiredKey],
    now: Timestamp,
    stamp: Stamp,
) -> Result<(), KeysError> {
    for _ in 0..ATTEMPTS {
        let (seen, before) = read(store).await?;
        let mut after = before.clone();
        let new = added.iter().filter(|key| before.keys.iter().all(|old| old.public.kid != key.public.kid));
        after.keys.extend(new.cloned());
        let revoked = |kid: &str| ring.revoked.iter().any(|revoked| revoked.kid == kid);
        after.keys.retain(|key| !key.until.has_passed(now) && !revoked(&key.public.kid));
        if after == before {
            return Ok(());
        }
        let text = serde_json::to_string(&after)
            .map_err(|_| KeysError::Corrupt("the retired keys can't be written"))?;
        if store.replace_ring(RingDocument::RetiredKeys, seen, &text, stamp).await?.is_done() {
            return Ok(());
        }
    }
    Err(RingRefusal::Contended.into())
}
