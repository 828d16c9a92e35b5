//! The background work of a server.

use conformance::World;
use keys::plan::NewKey;
use keys::ring::RingMaster;
use keys::{Custody, Form, LocalCustody, Maker, SignError};
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use server::upkeep::Upkeep;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::yield_now;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Makes keys until it hangs.
struct Slow {
    local: LocalCustody,
    hangs: AtomicBool,
    /// How many rotations wait for it.
    waiting: AtomicU64,
}

#[async_trait::async_trait]
impl Maker for Slow {
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
        if self.hangs.load(Ordering::SeqCst) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            return pending().await;
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

#[tokio::test]
async fn while_a_rotation_hangs_the_rest_of_the_upkeep_is_done_and_no_other_rotation_begins() {
    let folder = TempDir::new().unwrap();
    let local = || {
        let entropy = Arc::new(keys::entropy::SystemEntropy);
        LocalCustody::new(folder.path().join("master.key"), Realm::main(), entropy)
    };
    let slow = Slow { local: local(), hangs: AtomicBool::new(false), waiting: AtomicU64::new(0) };
    let slow = Arc::new(slow);
    let maker = Some(Arc::<Slow>::clone(&slow) as Arc<dyn Maker>);
    let world = World::kept_by(Custody { opener: Arc::new(local()), maker }, &[]).await;
    world.pass(100 * 24 * 3600);
    slow.hangs.store(true, Ordering::SeqCst);
    let mut upkeep = Upkeep::new(world.app.clone());
    let minutes = async {
        for _ in 0..3 * 60 {
            upkeep.poll().await;
            yield_now().await;
        }
    };
    assert!(timeout(Duration::from_secs(20), minutes).await.is_ok());
    assert_eq!(slow.waiting.load(Ordering::SeqCst), 1);
}
