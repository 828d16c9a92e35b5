//! A DynamoDB table as a place for a store.

use super::connect::Patience;
use super::store::DynamoDb;
use crate::{Backend, Finding, Migration, Store, StoreError};
use async_trait::async_trait;
use protocol::id::Realm;
use serde_json::Map;
use std::sync::Arc;

/// A realm in a table, before it is opened. Region, credentials and endpoint are those of the environment, as every AWS
/// program takes them.
#[derive(Clone, Debug)]
pub struct DynamoDbBackend {
    table: String,
    realm: Realm,
}

impl DynamoDbBackend {
    /// The realm in the table of this name.
    pub const fn new(table: String, realm: Realm) -> Self {
        Self { table, realm }
    }

    async fn connect(&self, patience: Patience) -> Result<DynamoDb, StoreError> {
        DynamoDb::open(&self.table, self.realm.clone(), patience).await
    }
}

#[async_trait]
impl Backend for DynamoDbBackend {
    fn name(&self) -> String {
        format!("table {}", self.table)
    }

    /// Makes no call to the table yet.
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(self.connect(Patience::Operator).await?))
    }

    /// Fails if the table has replicas in other regions. A missing table is not made: that is the operator's decision.
    async fn open_to_serve(&self) -> Result<Arc<dyn Store>, StoreError> {
        let store = self.connect(Patience::Request).await?;
        store.require_one_region().await?;
        Ok(Arc::new(store))
    }

    async fn migrate(&self) -> Result<Migration, StoreError> {
        let store = self.connect(Patience::Operator).await?;
        let made = store.migrate().await?;
        let name = self.name();
        let summary = if made { format!("Created the {name}.") } else { format!("The {name} exists.") };
        let details = Map::from_iter([("made".to_owned(), made.into()), ("skeletons".to_owned(), 0.into())]);
        let lacks_skeletons = !made && store.is_ours().await?;
        Ok(Migration { summary, details, findings: store.check().await?, lacks_skeletons })
    }

    async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        self.connect(Patience::Operator).await?.check().await
    }

    fn advice(&self) -> &'static str {
        "check network, endpoint, region, credentials and the table's name, and that the credentials may describe the table"
    }

    fn is_lasting(&self) -> bool {
        true
    }

    fn reports_changes(&self) -> bool {
        false
    }
}
