//! From settings to the parts of a running server. The only place that chooses the real clock, real randomness and real
//! storage; tests assemble their own parts.

use crate::admin::Admin;
use crate::app::{App, Parts};
use crate::clock::{Clock, SystemClock};
use crate::config::{KeysSetting, Settings, StorageSetting};
use crate::entropy::{Entropy, SystemEntropy};
use crate::keys::{KeyPolicy, Keys, KeysError, LocalCustody};
use crate::password::Passwords;
use protocol::id::Realm;
use protocol::lifetimes;
use std::sync::Arc;
use std::thread::available_parallelism;
use storage::{DynamoDb, Location, Patience, Sqlite, Store, StoreError};

/// How many password checks may wait per core: about a second of work.
const WAITING_PER_CORE: usize = 32;

/// Opens the store; `create` for a server. `dev` and `serve` create a SQLite store; only `storage migrate` creates a
/// DynamoDB table.
pub async fn open_store(settings: &Settings, create: bool) -> Result<Arc<dyn Store>, StoreError> {
    let sqlite = |location| Sqlite::open(&location, create, Realm::main());
    Ok(match &settings.storage {
        StorageSetting::Sqlite(path) => Arc::new(sqlite(Location::File(path.clone()))?),
        StorageSetting::SqliteMemory => Arc::new(sqlite(Location::Memory)?),
        StorageSetting::DynamoDb(table) if create => {
            let table = open_table(table, Patience::Request).await?;
            table.require_one_region().await?;
            Arc::new(table)
        }
        StorageSetting::DynamoDb(table) => Arc::new(open_table(table, Patience::Operator).await?),
    })
}

/// Opens a DynamoDB table.
pub async fn open_table(name: &str, patience: Patience) -> Result<DynamoDb, StoreError> {
    DynamoDb::open(name, Realm::main(), patience).await
}

/// The key policy that the settings define.
pub fn key_policy(settings: &Settings) -> KeyPolicy {
    let lifetimes = &settings.lifetimes;
    let sealed = [
        lifetimes.refresh_token_absolute,
        lifetimes.session_absolute,
        lifetimes.access_token,
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

/// Opens the key ring; `create` makes the first one.
pub async fn open_keys(
    settings: &Settings,
    store: Arc<dyn Store>,
    create: bool,
) -> Result<Arc<Keys>, KeysError> {
    let (clock, entropy) = machine();
    let KeysSetting::Local(path) = &settings.keys;
    let custody = Arc::new(LocalCustody::new(path, Realm::main(), Arc::clone(&entropy)));
    Keys::open(store, custody, key_policy(settings), clock, entropy, create).await
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
) -> Result<App, serde_json::Error> {
    let (clock, entropy) = machine();
    App::new(Parts { settings, store, keys, passwords: passwords(), clock, entropy })
}

fn machine() -> (Arc<dyn Clock>, Arc<dyn Entropy>) {
    (Arc::new(SystemClock), Arc::new(SystemEntropy))
}
