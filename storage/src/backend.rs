//! A place where a store can be, before it is opened. A new backend implements [`Backend`], [`Store`] and
//! [`Transfer`](crate::Transfer), and passes the `contract`; the server's setting `storage` names it.

use crate::error::StoreError;
use crate::finding::Finding;
use crate::store::Store;
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A place where a store can be.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Its name in messages, such as `keyward-data/keyward.db` or `table keyward`.
    fn name(&self) -> String;

    /// Opens the store for an operator's command, which would rather wait than fail.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable) if there is no store, or one of an older
    /// schema; [`StoreErrorKind::Corrupt`](crate::StoreErrorKind::Corrupt) if a newer program made it.
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Opens the store for a server, whose requests would rather fail than wait. A backend may make or migrate the store
    /// first.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable) if no server
    /// may run on it.
    async fn open_to_serve(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Makes a missing store, or brings an old one to this program's schema.
    async fn migrate(&self) -> Result<Migration, StoreError>;

    /// Examines the store without changing it; no findings mean that it is sound.
    async fn check(&self) -> Result<Vec<Finding>, StoreError>;

    /// What to do when the store can't be examined.
    fn advice(&self) -> &'static str;

    /// Whether the store outlives the process that opened it.
    fn is_lasting(&self) -> bool;

    /// Whether a process notices another one's writes, by [`Store::change_mark`]. If not, it uses what it cached until
    /// that expires.
    fn reports_changes(&self) -> bool;
}

/// What [`Backend::migrate`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// In a sentence, for an operator.
    pub summary: String,
    /// As a JSON object, for programs.
    pub details: Map<String, Value>,
    /// What is still wrong and has to be changed by other means.
    pub findings: Vec<Finding>,
    /// Whether users that an older program made may lack their skeletons. Opening adds them on some backends.
    pub lacks_skeletons: bool,
}
