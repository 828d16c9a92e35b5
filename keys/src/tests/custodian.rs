//! Local custody with faults: it can fail to unwrap some keys, and let another process interfere.

use super::*;
use std::collections::BTreeSet;
use std::sync::Mutex as Lock;

pub(super) struct Custodian {
    local: LocalCustody,
    /// The ids of keys that don't unwrap.
    locked: Lock<BTreeSet<String>>,
    /// How many masters were unwrapped.
    masters: AtomicU64,
    /// A store in which another process writes the ring whenever a key is made.
    meddled: Option<Arc<dyn Store>>,
}

impl Custodian {
    pub(super) fn new(world: &World) -> Self {
        Self { local: world.local(), locked: Lock::default(), masters: AtomicU64::new(0), meddled: None }
    }

    pub(super) fn meddling(world: &World) -> Self {
        Self { meddled: Some(Arc::clone(&world.store)), ..Self::new(world) }
    }

    pub(super) fn custody(self: &Arc<Self>) -> Custody {
        Custody { opener: Arc::<Self>::clone(self), maker: Some(Arc::<Self>::clone(self)) }
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
impl Maker for Custodian {
    async fn first_wrapping_key(&self) -> Result<String, SignError> {
        self.local.first_wrapping_key().await
    }

    async fn resolve(&self, ring: Option<&str>) -> Result<Option<String>, SignError> {
        self.local.resolve(ring).await
    }

    fn setting(&self) -> String {
        self.local.setting()
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

    async fn new_master(
        &self,
        wrapping_key: Option<&str>,
        id: u16,
        former: Option<&RingMaster>,
    ) -> Result<String, SignError> {
        self.local.new_master(wrapping_key, id, former).await
    }

    async fn wrap_signing_key(&self, to: &str, kid: &str, pkcs8: &[u8]) -> Result<String, SignError> {
        self.local.wrap_signing_key(to, kid, pkcs8).await
    }

    async fn wrap_masters(
        &self,
        to: &str,
        masters: &[(u16, Zeroizing<[u8; 32]>)],
    ) -> Result<Vec<String>, SignError> {
        self.local.wrap_masters(to, masters).await
    }

    fn form(&self) -> Form {
        self.local.form()
    }
}

#[async_trait::async_trait]
impl Opener for Custodian {
    async fn check_existing(&self, wrapping_key: Option<&str>) -> Result<(), PathBuf> {
        self.local.check_existing(wrapping_key).await
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

    async fn masters(
        &self,
        wrapping_key: Option<&str>,
        masters: &[&RingMaster],
    ) -> Vec<Result<Zeroizing<[u8; 32]>, SignError>> {
        self.masters.fetch_add(masters.len() as u64, Ordering::SeqCst);
        self.local.masters(wrapping_key, masters).await
    }

    async fn export(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SignError> {
        self.local.export(wrapping_key, key).await
    }
}
