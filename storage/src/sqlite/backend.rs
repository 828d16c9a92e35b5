//! A SQLite file, or memory, as a place for a store.

use super::location::Location;
use super::store::Sqlite;
use crate::{Backend, Finding, Migration, Store, StoreError, StoreErrorKind};
use async_trait::async_trait;
use protocol::id::Realm;
use serde_json::Map;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A realm at a location, before it is opened.
#[derive(Clone, Debug)]
pub struct SqliteBackend {
    location: Location,
    realm: Realm,
}

impl SqliteBackend {
    /// The realm in a file.
    pub const fn file(path: PathBuf, realm: Realm) -> Self {
        Self { location: Location::File(path), realm }
    }

    /// A realm in memory, made by each opening.
    pub const fn memory(realm: Realm) -> Self {
        Self { location: Location::Memory, realm }
    }

    fn open_with(&self, create: bool) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(Sqlite::open(&self.location, create, self.realm.clone())?))
    }

    fn path(&self, operation: &'static str) -> Result<&Path, StoreError> {
        match &self.location {
            Location::File(path) => Ok(path),
            Location::Memory => {
                Err(StoreError::new(StoreErrorKind::Unavailable, operation, "a store in memory has no file"))
            }
        }
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    fn name(&self) -> String {
        match &self.location {
            Location::File(path) => path.display().to_string(),
            Location::Memory => "memory".to_owned(),
        }
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.open_with(false)
    }

    /// Makes a missing file, and migrates an old one.
    async fn open_to_serve(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.open_with(true)
    }

    async fn migrate(&self) -> Result<Migration, StoreError> {
        let change = Sqlite::migrate(self.path("migrate")?)?;
        let name = self.name();
        let summary = match change.from {
            0 => format!("Created {name} with schema {}.", change.to),
            from if from == change.to => format!("{name} already has schema {}.", change.to),
            from => format!("Updated {name} from schema {from} to {}.", change.to),
        };
        let details =
            Map::from_iter([("from".to_owned(), change.from.into()), ("to".to_owned(), change.to.into())]);
        // `Sqlite::migrate` has added the skeletons.
        Ok(Migration { summary, details, findings: Vec::new(), lacks_skeletons: false })
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        Sqlite::check(self.path("check")?)
    }

    fn advice(&self) -> &'static str {
        "start `keyward serve` once if there is no store yet, correct the setting `storage`, or make room on its disk"
    }

    fn is_lasting(&self) -> bool {
        self.location != Location::Memory
    }

    fn reports_changes(&self) -> bool {
        true
    }
}
