//! The second record: public halves of removed keys, which for 90 days verify `id_token_hint` and nothing else.

use super::error::{KeysError, RingRefusal};
use super::ring::{KEEP_RETIRED, RetiredKey, RetiredKeys, Ring};
use protocol::time::Timestamp;
use storage::{RingDocument, Stamp, Store};

/// How often the write is tried while others write, too.
const ATTEMPTS: usize = 5;
/// How many revocations are remembered. They are limited by number, so that no wrong clock makes one forgotten.
const MAX_REVOKED: usize = 100;

/// The ring without what has expired, and the public keys to keep for `id_token_hint`; `None` if nothing has expired.
pub(super) fn prune(ring: &Ring, now: Timestamp) -> Option<(Ring, Vec<RetiredKey>)> {
    let mut pruned = ring.clone();
    let removed = pruned.keys.extract_if(.., |key| key.is_removed(now));
    // A key that never signed has no hints to verify.
    let used = removed.filter(|key| key.retire_at.is_some_and(|retire_at| key.sign_from < retire_at));
    let retired = used
        .filter_map(|key| Some(RetiredKey { until: key.remove_at?.plus(KEEP_RETIRED), public: key.public }))
        .collect();
    pruned.masters.retain(|master| !master.remove_at.is_some_and(|at| at.has_passed(now)));
    pruned.revoked.drain(..pruned.revoked.len().saturating_sub(MAX_REVOKED));
    (pruned != *ring).then_some((pruned, retired))
}

/// The record with its version.
pub(super) async fn read(store: &dyn Store) -> Result<(Option<u64>, RetiredKeys), KeysError> {
    match store.ring(RingDocument::RetiredKeys).await? {
        Some(document) => Ok((Some(document.version), RetiredKeys::parse(&document.body)?)),
        None => Ok((None, RetiredKeys::empty())),
    }
}

/// The keys that verify hints. A damaged record verifies none, and is in the way of nothing else.
pub(super) async fn for_hints(store: &dyn Store) -> Result<RetiredKeys, KeysError> {
    match read(store).await {
        Err(KeysError::Corrupt(what)) => {
            tracing::error!(
                what,
                "the record of removed keys is damaged: an ID token that one of them signed is no hint any more"
            );
            Ok(RetiredKeys::empty())
        }
        read => Ok(read?.1),
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
        let text = after.to_text()?;
        if store.replace_ring(RingDocument::RetiredKeys, seen, &text, stamp).await?.is_done() {
            return Ok(());
        }
    }
    Err(RingRefusal::Contended.into())
}
