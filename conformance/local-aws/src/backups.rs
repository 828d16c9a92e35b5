//! Continuous backups: whether a table's point-in-time recovery is on. The emulator doesn't know the two calls.

use axum::http::StatusCode;
use dynoxide::Database;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The tables whose recovery is on.
#[derive(Clone, Default)]
pub(crate) struct Backups(Arc<Mutex<HashSet<String>>>);

impl Backups {
    /// The answer to one of the two calls; `None` to any other.
    pub(crate) fn answer(
        &self,
        database: &Database,
        target: &str,
        body: &[u8],
    ) -> Option<(StatusCode, String)> {
        let (_, operation) = target.split_once('.')?;
        if !matches!(operation, "DescribeContinuousBackups" | "UpdateContinuousBackups") {
            return None;
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let table = request["TableName"].as_str().unwrap_or_default();
        if !matches!(database.get_table_metadata(table), Ok(Some(_))) {
            let error = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TableNotFoundException",
                "message": format!("Table not found: {table}"),
            });
            return Some((StatusCode::BAD_REQUEST, error.to_string()));
        }
        let mut recoverable = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match request["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"].as_bool() {
            Some(true) => drop(recoverable.insert(table.to_owned())),
            Some(false) => drop(recoverable.remove(table)),
            None => {}
        }
        let status = if recoverable.contains(table) { "ENABLED" } else { "DISABLED" };
        let description = json!({ "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": status },
        } });
        Some((StatusCode::OK, description.to_string()))
    }
}
