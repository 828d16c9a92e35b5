//! From settings to the parts of a running server. The only place that chooses the real clock, real randomness and real
//! storage; tests assemble their own parts.

use crate::admin::Admin;
use crate::app::{App, Parts};
use crate::config::{KeysSetting, RotatedBy, Settings};
use crate::metrics::{KmsCalls, Registry};
use crate::password::Passwords;
use keys::clock::{Clock, SystemClock};
use keys::entropy::{Entropy, SystemEntropy};
use keys::kms::{KmsMaker, KmsOpener};
use keys::{Ceiling, Custody, KeyPolicy, Keys, KeysError, LocalCustody, Rotator};
use protocol::id::Realm;
use protocol::lifetimes;
use std::sync::Arc;
use std::thread::available_parallelism;
use storage::metered::Metered;
use storage::{Store, StoreError};

/// How many password checks may wait per core: about a second of work.
const WAITING_PER_CORE: usize = 32;

/// Opens the store: to serve, which may create or migrate it, or for an operator's command.
///
/// # Errors
/// As [`Backend::open_to_serve`](storage::Backend::open_to_serve) and [`Backend::open`](storage::Backend::open).
pub async fn open_store(settings: &Settings, to_serve: bool) -> Result<Arc<dyn Store>, StoreError> {
    let backend = settings.storage.backend();
    if to_serve { backend.open_to_serve().await } else { backend.open().await }
}

/// A store whose calls are counted.
pub fn metered(store: Arc<dyn Store>, metrics: &Registry) -> Arc<dyn Store> {
    Arc::new(Metered::new(store, Arc::clone(&metrics.store)))
}

/// The key policy that the settings define.
pub fn key_policy(settings: &Settings) -> KeyPolicy {
    let lifetimes = &settings.lifetimes;
    let sealed = [
        lifetimes.refresh_token_absolute,
        lifetimes.session_absolute,
        settings.longest_access_token(),
        lifetimes.code,
        lifetimes::REQUEST,
        lifetimes::DEVICE,
    ];
    KeyPolicy {
        algs: settings.signing_algs.clone(),
        rotation_period: settings.key_rotation_period,
        publish_lead: settings.key_publish_lead,
        retire_after: settings.key_retire_after,
        seal_retention: sealed.into_iter().max().unwrap_or_default(),
        loopback: settings.issuer.is_loopback(),
    }
}

/// Opens the key ring to serve. Where servers rotate, they also make the first ring.
///
/// # Errors
/// As [`Keys::open`].
pub async fn open_keys(
    settings: &Settings,
    store: Arc<dyn Store>,
    metrics: &Registry,
) -> Result<Arc<Keys>, KeysError> {
    open(settings, store, metrics, settings.rotation == RotatedBy::Server, true).await
}

/// What a command reads of the keys; it makes and changes none.
///
/// # Errors
/// As [`Keys::open`].
pub async fn read_keys(settings: &Settings, store: Arc<dyn Store>) -> Result<Arc<Keys>, KeysError> {
    open(settings, store, &Registry::default(), false, false).await
}

async fn open(
    settings: &Settings,
    store: Arc<dyn Store>,
    metrics: &Registry,
    rotates: bool,
    create: bool,
) -> Result<Arc<Keys>, KeysError> {
    let (clock, entropy) = machine();
    let Custody { opener, maker } = counted_custody(settings, &settings.keys, metrics);
    let custody = Custody { opener, maker: maker.filter(|_| rotates) };
    Keys::open(store, custody, key_policy(settings), clock, entropy, create).await
}

/// What changes the key ring for a command. It makes keys and unwraps none.
pub fn rotator(settings: &Settings, store: Arc<dyn Store>, custody: &Custody) -> Rotator {
    let (clock, entropy) = machine();
    Rotator::new(store, custody.maker.clone(), key_policy(settings), clock, entropy)
}

/// The custody that a value of the setting `keys` names. What KMS needs is looked for when it is first called.
pub fn custody(settings: &Settings, keys: &KeysSetting) -> Custody {
    counted_custody(settings, keys, &Registry::default())
}

fn counted_custody(settings: &Settings, keys: &KeysSetting, metrics: &Registry) -> Custody {
    let (clock, entropy) = machine();
    match keys {
        KeysSetting::Local(path) => Custody::of(LocalCustody::new(path, Realm::main(), entropy)),
        KeysSetting::Kms(mode, key) => {
            let environment = storage::aws::Environment::default();
            let ceiling = Ceiling::new(settings.signatures_per_second, clock);
            let opener = KmsOpener::new(environment.clone(), key, Realm::main(), ceiling);
            let maker = KmsMaker::new(environment, key, *mode, Realm::main(), entropy);
            let meter = || Arc::<KmsCalls>::clone(&metrics.kms);
            let (opener, maker) = (opener.measured(meter()), maker.measured(meter()));
            Custody { opener: Arc::new(opener), maker: Some(Arc::new(maker)) }
        }
    }
}

/// The operations of one command.
pub fn admin(store: Arc<dyn Store>) -> Admin {
    let (clock, entropy) = machine();
    Admin::of_command(store, clock.now(), entropy)
}

/// The password pool of this machine: one computation per core.
pub fn passwords() -> Passwords {
    let cores = available_parallelism().map_or(1, usize::from);
    Passwords::new(cores, cores * WAITING_PER_CORE)
}

/// Assembles the application.
///
/// # Errors
/// Only a bug: the metadata can't be serialized.
pub fn app(
    settings: Arc<Settings>,
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    metrics: Arc<Registry>,
) -> Result<App, serde_json::Error> {
    let (clock, entropy) = machine();
    App::new(Parts { settings, store, keys, passwords: passwords(), metrics, clock, entropy })
}

fn machine() -> (Arc<dyn Clock>, Arc<dyn Entropy>) {
    (Arc::new(SystemClock), Arc::new(SystemEntropy))
}
