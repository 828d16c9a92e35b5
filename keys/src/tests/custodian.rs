//! Local custody with faults: it can be forbidden to make keys, fail to unwrap some, and let another process interfere.

use super::*;
use std::collections::BTreeSet;
use std::sync::Mutex as Lock;
use std::sync::atomic::AtomicBool;

pub(super) struct Custodian {
    local: LocalCustody,
    /// The ids of keys that don't unwrap.
    locked: Lock<BTreeSet<String>>,
    generates: AtomicBool,
    /// How many masters were unwrapped.
    masters: AtomicU64,
    /// A store in which another process writes the ring whenever a key is made.
    meddled: Option<Arc<dyn Store>>,
}

impl Custodian {
    pub(super) fn new(world: &World) -> Self {
        Self {
            local: world.custody(),
            locked: Lock::default(),
            generates: AtomicBool::new(true),
            masters: AtomicU64::new(0),
            meddled: None,
        }
    }

    /// May use keys but make none, like a token function with KMS.
    pub(super) fn without_generating(world: &World) -> Self {
        Self { generates: AtomicBool::new(false), ..Self::new(world) }
    }

    pub(super) fn meddling(world: &World) -> Self {
        Self { meddled: Some(Arc::clone(&world.store)), ..Self::new(world) }
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
impl Custody for Custodian {
    fn can_generate(&self) -> bool {
        self.generates.load(Ordering::SeqCst)
    }

    async fn first_wrapping_key(&self) -> Result<Option<String>, SignError> {
        self.local.first_wrapping_key().await
    }

    async fn check_existing(&self, wrapping_key: Option<&str>) -> Result<(), PathBuf> {
        self.local.check_existing(wrapping_key).await
    }

    async fn new_signing_key(&self, wrapping_key: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError> {
        if let Some(store) = &self.meddled {
            let there = store.ring(RingDocument::Ring).await.unwrap().unwrap();
            let stamp = Stamp {
                at: START,
                request: RequestId::from_bytes(there.version.to_be_bytes().repeat(2).try_into().unwrap()),
            };
            let done = store.replace_ring(RingDocument::Ring, Some(there.version), &there.body, stamp).await;
            assert!(done.unwrap().is_done());
        }
        self.local.new_signing_key(wrapping_key, alg).await
    }

    async fn new_master(&self, wrapping_key: Option<&str>, id: u16) -> Result<String, SignError> {
        self.local.new_master(wrapping_key, id).await
    }

    async fn signer(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Arc<dyn TokenSigner>, SignError> {
        if self.locked.lock().unwrap().contains(&key.kid) {
            return Err(SignError::bare(SignErrorKind::Busy, "unwrapping"));
        }
        self.local.signer(wrapping_key, key).await
    }

    async fn master(
        &self,
        wrapping_key: Option<&str>,
        master: &RingMaster,
    ) -> Result<Zeroizing<[u8; 32]>, SignError> {
        self.masters.fetch_add(1, Ordering::SeqCst);
        self.local.master(wrapping_key, master).await
    }

    async fn rewrap(&self, ring: Ring, to: &str) -> Result<Ring, SignError> {
        self.local.rewrap(ring, to).await
    }
}
