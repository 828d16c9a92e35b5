//! KMS keys that nothing uses, which cost money until an operator deletes them.

use super::form::{kept_key, key_id};
use super::ring::Ring;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The ARNs of the keys that were named.
#[derive(Default)]
pub(super) struct Unused(Mutex<BTreeSet<String>>);

impl Unused {
    /// Names a key that nothing uses.
    pub(super) fn note(&self, arn: &str) {
        log(arn);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(arn.to_owned());
    }

    /// Names the keys of a ring that stay in KMS although the ring that is `kept` has them no more, or never had them.
    pub(super) fn note_all(&self, ring: &Ring, kept: &Ring) {
        missing(ring, kept).for_each(|arn| self.note(arn));
    }

    /// The keys that were named.
    pub(super) fn named(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Logs the keys that the next ring leaves behind, before it is written: a process that is killed right after the write says
/// no more.
pub(super) fn log_leaving(ring: &Ring, next: &Ring) {
    missing(ring, next)
        .for_each(|arn| tracing::info!(key = arn, "a key ring without this KMS key is being written"));
}

/// Logs that nothing uses a key.
pub(crate) fn log(arn: &str) {
    tracing::warn!(key = arn, "nothing uses this KMS key any more: disable it, and schedule its deletion");
}

/// A process announced that it makes keys and has not written them: it was ended, or is still at it. Which keys it made, KMS
/// alone knows. `ring`: what there is now; empty if there is none.
pub(super) fn log_interrupted(ring: &Ring) {
    let used: Vec<_> = ring.keys.iter().filter_map(|key| kept_key(&key.wrapped)).collect();
    let wrapped_by = ring.wrapping_key.as_deref().and_then(key_id).unwrap_or("the id of the wrapping key");
    tracing::warn!(
        ?used,
        "an earlier change was interrupted while it made keys in KMS: of the KMS keys with the tags \
         keyward-purpose=signing-key and keyward-wrapping-key={wrapped_by}, only those in `used` are in use; schedule the \
         deletion of the others"
    );
}

/// Logs that KMS may have made a key whose name nobody knows. `wrapped_by`: the id of its deployment's wrapping key.
pub(crate) fn log_lost(wrapped_by: &str) {
    tracing::warn!(
        "it is not known whether KMS made a signing key, because its answer was lost: of the KMS keys with the tags \
         keyward-purpose=signing-key and keyward-wrapping-key={wrapped_by}, only those that `keyward keys list` shows are in \
         use; once no rotation runs, schedule the deletion of the others"
    );
}

/// Logs the keys of a ring that may have been stored or not.
pub(super) fn log_uncertain(ring: &Ring, before: &Ring) {
    for arn in missing(ring, before) {
        tracing::warn!(
            key = arn,
            "it is not known whether the store names this new KMS key: if `keyward keys list` does not show it, nothing uses it"
        );
    }
}

fn missing<'a>(ring: &'a Ring, kept: &'a Ring) -> impl Iterator<Item = &'a str> {
    let is_missing = |wrapped: &str| kept.keys.iter().all(|kept| kept.wrapped != wrapped);
    ring.keys.iter().map(|key| key.wrapped.as_str()).filter(move |key| is_missing(key)).filter_map(kept_key)
}
