//! The setting `storage`: how it is written, and the backend that each value stands for. A new backend has its entry
//! here and nowhere else in the server.

use protocol::id::Realm;
use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
#[cfg(feature = "sqlite")]
use storage::SqliteBackend;
use storage::{Backend, DynamoDbBackend};

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageSetting {
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    /// SQLite in memory: gone with the process.
    #[cfg(feature = "sqlite")]
    SqliteMemory,
    /// A DynamoDB table. Region, credentials and endpoint come from the standard AWS variables and files.
    DynamoDb(String),
}

impl StorageSetting {
    /// The place that it names.
    pub fn backend(&self) -> Box<dyn Backend> {
        let realm = Realm::main();
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => Box::new(SqliteBackend::file(path.clone(), realm)),
            #[cfg(feature = "sqlite")]
            Self::SqliteMemory => Box::new(SqliteBackend::memory(realm)),
            Self::DynamoDb(table) => Box::new(DynamoDbBackend::new(table.clone(), realm)),
        }
    }

    /// The setting that a text names; `Err` says how to write one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            #[cfg(not(feature = "sqlite"))]
            Some(("sqlite", _)) => Err("this build has no SQLite: write dynamodb:TABLE".into()),
            #[cfg(feature = "sqlite")]
            Some(("sqlite", ":memory:")) => Ok(Self::SqliteMemory),
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(':') => {
                Ok(Self::Sqlite(path.into()))
            }
            Some(("dynamodb", table)) if is_table_name(table) => Ok(Self::DynamoDb(table.into())),
            Some(("dynamodb", _)) => {
                Err("a table name has 3 to 255 of the characters A-Z a-z 0-9 - . _: write dynamodb:TABLE"
                    .into())
            }
            _ => Err("write sqlite:PATH, dynamodb:TABLE or sqlite::memory:".into()),
        }
    }
}

impl fmt::Display for StorageSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            #[cfg(feature = "sqlite")]
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::DynamoDb(table) => write!(f, "dynamodb:{table}"),
        }
    }
}

/// DynamoDB's rule, checked here so that a bad name fails at the start.
fn is_table_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (3..=255).contains(&text.len()) && text.bytes().all(legal)
}
