//! Local custody with faults: it can fail to unwrap some keys, and let another process interfere.

use super::*;
use crate::tap::{Observer, observed};
use std::collections::BTreeSet;
use std::sync::Mutex as Lock;

pub(super) struct Custodian {
    local: Custody,
    /// The ids of keys that don't unwrap.
    locked: Lock<BTreeSet<String>>,
    /// How many masters were unwrapped.
    masters: AtomicU64,
    /// A store in which another process writes the ring whenever a key is made.
    meddled: Option<Arc<dyn Store>>,
}

impl Custodian {
    pub(super) fn new(world: &World) -> Self {
        Self { local: world.custody(), locked: Lock::default(), masters: AtomicU64::new(0), meddled: None }
    }

    pub(super) fn meddling(world: &World) -> Self {
        Self { meddled: Some(Arc::clone(&world.store)), ..Self::new(world) }
    }

    pub(super) fn custody(self: &Arc<Self>) -> Custody {
        observed(self.local.clone(), self)
    }

    pub(super) fn lock(&self, kid: &str) {
        self.locked.lock().unwrap().insert(kid.to_owned());
    }

    pub(super) fn unlock(&self) {
        self.locked.lock().unwrap().clear();
    }

    pub(super) fn unwrapped_masters(&self) -> u64 {
        self.masters.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Observer for Custodian {
    async fn before_new_key(&self) {
        let Some(store) = &self.meddled else { return };
        let there = store.ring(RingDocument::Ring).await.unwrap().unwrap();
        let stamp = Stamp {
            at: START,
            request: RequestId::from_bytes(there.version.to_be_bytes().repeat(2).try_into().unwrap()),
        };
        let done = store.replace_ring(RingDocument::Ring, Some(there.version), &there.body, stamp).await;
        assert!(done.unwrap().is_done());
    }

    async fn before_signer(&self, key: &RingKey) -> Result<(), SignError> {
        let is_locked = self.locked.lock().unwrap().contains(&key.kid);
        if is_locked { Err(SignError::bare(SignErrorKind::Busy, "unwrapping")) } else { Ok(()) }
    }

    async fn before_masters(&self, count: usize) -> Result<(), SignError> {
        self.masters.fetch_add(count as u64, Ordering::SeqCst);
        Ok(())
    }
}
