//! Keys as time passes: one store, one clock, and any number of processes.

use super::age::{RETRY_AFTER, RETRY_SOON};
use super::custody::Headers;
use super::plan::NewKey;
use super::ring::{KEEP_RETIRED, MASTER_LEAD, RingKey, RingMaster};
use super::rotator::{ATTEMPTS, read_ring, stamp};
use super::*;
use crate::clock::{Clock, FakeClock};
use crate::entropy::{self, Entropy, SeededEntropy};
use crate::seal::SealKind;
use protocol::id::{Realm, RequestId};
use protocol::jwk::{Algorithm, JwkSet};
use protocol::jwt::{self, Compact};
use protocol::time::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storage::tap::{Counts, Faults, Tap, When};
use storage::{Memory, RingDocument, Stamp, Store, StoreErrorKind};
use tempfile::TempDir;
use zeroize::Zeroizing;

mod changes;
mod clocks;
mod contract;
mod custodian;
mod jwks;
mod kms;
mod kms_world;
mod limits;
mod load;
mod masters;
mod moving;
mod opening;
mod races;
mod refresh;
mod revocation;
mod rewrapping;
mod rotation;
mod signatures;
mod tampering;
mod unused;
mod unwrapping;

use custodian::Custodian;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const ES256: &[Algorithm] = &[Algorithm::ES256];
const TWO: &[Algorithm] = &[Algorithm::EdDSA, Algorithm::ES256];

/// The defaults of a public server.
fn policy(algs: &[Algorithm]) -> KeyPolicy {
    KeyPolicy {
        algs: algs.to_vec(),
        rotation_period: 30 * DAY,
        publish_lead: DAY,
        retire_after: 2 * DAY,
        seal_retention: 90 * DAY,
        loopback: false,
    }
}

fn loopback(algs: &[Algorithm]) -> KeyPolicy {
    KeyPolicy { loopback: true, ..policy(algs) }
}

/// What the processes of a test share.
struct World {
    folder: TempDir,
    store: Arc<dyn Store>,
    faults: Arc<Faults>,
    counts: Arc<Counts>,
    clock: Arc<FakeClock>,
    /// Each process has its own random stream, so that request ids differ.
    streams: AtomicU64,
}

impl World {
    fn new() -> Self {
        let (faults, counts) = (Arc::new(Faults::default()), Arc::new(Counts::default()));
        let counted = Tap::new(Arc::new(Memory::default()), Arc::clone(&counts));
        Self {
            folder: TempDir::new().unwrap(),
            store: Arc::new(Tap::new(Arc::new(counted), Arc::clone(&faults))),
            faults,
            counts,
            clock: Arc::new(FakeClock::new(START)),
            streams: AtomicU64::new(0),
        }
    }

    fn master_key(&self) -> PathBuf {
        self.folder.path().join("keys").join("master.key")
    }

    fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::new(SeededEntropy::new(self.streams.fetch_add(1, Ordering::SeqCst)))
    }

    fn local(&self) -> LocalCustody {
        LocalCustody::new(self.master_key(), Realm::main(), self.entropy())
    }

    fn custody(&self) -> Custody {
        Custody::of(self.local())
    }

    /// May use keys but make none, like a token function with KMS.
    fn custody_without_maker(&self) -> Custody {
        Custody { maker: None, ..self.custody() }
    }

    async fn try_open(
        &self,
        custody: Custody,
        policy: &KeyPolicy,
        create: bool,
    ) -> Result<Arc<Keys>, KeysError> {
        self.try_open_by(Arc::<FakeClock>::clone(&self.clock), custody, policy, create).await
    }

    /// Starts a process with a clock of its own.
    async fn try_open_by(
        &self,
        clock: Arc<dyn Clock>,
        custody: Custody,
        policy: &KeyPolicy,
        create: bool,
    ) -> Result<Arc<Keys>, KeysError> {
        let store = Arc::clone(&self.store);
        Keys::open(store, custody, policy.clone(), clock, self.entropy(), create).await
    }

    /// A rotator for this ring, as a command has it.
    fn rotator(&self, custody: Custody) -> Rotator {
        self.rotator_by(Arc::<FakeClock>::clone(&self.clock), custody, &policy(TWO))
    }

    /// A rotator with a clock of its own.
    fn rotator_by(&self, clock: Arc<dyn Clock>, custody: Custody, policy: &KeyPolicy) -> Rotator {
        Rotator::new(Arc::clone(&self.store), custody.maker, policy.clone(), clock, self.entropy())
    }

    /// Starts a process with local keys and a clock of its own.
    async fn open_by(&self, clock: &Arc<FakeClock>, policy: &KeyPolicy) -> Arc<Keys> {
        let clock = Arc::<FakeClock>::clone(clock);
        self.try_open_by(clock, self.custody(), policy, true).await.unwrap()
    }

    /// Starts a process.
    async fn open(&self, policy: &KeyPolicy) -> Arc<Keys> {
        self.try_open(self.custody(), policy, true).await.unwrap()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn advance(&self, by: Duration) -> Timestamp {
        self.clock.advance(by);
        self.now()
    }

    fn stamp(&self) -> Stamp {
        stamp(&*self.entropy(), self.now())
    }

    /// The ring as it is stored.
    async fn stored(&self) -> (u64, Ring) {
        read_ring(&*self.store).await.unwrap().unwrap()
    }

    /// Replaces a document by any text.
    async fn put(&self, document: RingDocument, text: &str) {
        let seen = self.store.ring(document).await.unwrap().map(|there| there.version);
        assert!(self.store.replace_ring(document, seen, text, self.stamp()).await.unwrap().is_done());
    }

    /// Makes the store unavailable until [`World::back`].
    fn away(&self) {
        for _ in 0..1000 {
            self.faults.fail("ring", 1, When::Before, StoreErrorKind::Unavailable);
        }
    }

    fn back(&self) {
        self.faults.clear();
    }
}

impl Keys {
    /// The work of every minute while the clock can be trusted.
    async fn tick(&self) -> Result<Maintained, KeysError> {
        let maintained = self.maintain().await?;
        self.remove_expired().await?;
        Ok(maintained)
    }
}

/// The keys of a process, without a read.
fn listed(keys: &Keys, now: Timestamp) -> Vec<KeyInfo> {
    keys.current().list(now)
}

/// The one key in a state.
fn only(keys: &Keys, state: KeyState) -> KeyInfo {
    let all = listed(keys, keys.clock().now());
    let mut found = all.iter().filter(|key| key.state == state).cloned();
    let (one, more) = (found.next(), found.next());
    assert!(more.is_none(), "several are {state:?}: {all:?}");
    one.unwrap_or_else(|| panic!("none is {state:?}: {all:?}"))
}

fn count(keys: &Keys, state: KeyState) -> usize {
    listed(keys, keys.clock().now()).iter().filter(|key| key.state == state).count()
}

/// The id of the key that signs for an algorithm.
fn signing(keys: &Keys, alg: Algorithm) -> Option<String> {
    keys.current().signer(Some(alg), keys.clock().now()).ok().map(|signer| signer.kid().to_owned())
}

async fn signed_by(signer: &dyn TokenSigner, claims: &serde_json::Value) -> String {
    let input = jwt::signing_input(signer.header(Typ::Jwt), claims).unwrap();
    let signature = signer.sign(input.as_bytes()).await.unwrap();
    jwt::assemble(input, &signature)
}

/// A token of the default key.
async fn token(keys: &Keys) -> String {
    let signer = keys.current().signer(None, keys.clock().now()).cloned().unwrap();
    signed_by(&*signer, &serde_json::json!({ "sub": "someone" })).await
}

/// Whether a process accepts a token, and whether it does as `id_token_hint`.
fn accepts(keys: &Keys, token: &str) -> (bool, bool) {
    let (snapshot, now) = (keys.current(), keys.clock().now());
    let Some(token) = Compact::parse(token) else { return (false, false) };
    (snapshot.verify(&token, now), snapshot.verify_hint(&token, now))
}

/// The ids of the keys that a process publishes.
fn published(keys: &Keys) -> Vec<String> {
    let jwks: JwkSet = serde_json::from_slice(&keys.current().jwks(keys.clock().now()).body).unwrap();
    jwks.keys.into_iter().map(|key| key.kid).collect()
}

fn refusal<T>(result: Result<T, KeysError>) -> RingRefusal {
    match result.err() {
        Some(KeysError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
