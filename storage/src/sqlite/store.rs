//! The store: each operation goes to the thread that owns a connection.

use super::database_file::DatabaseFile;
use super::guarded::control;
use super::location::{Location, SchemaChange};
use super::queue::{Access, Queue};
use super::{operation, readers, realm, schema, sweep, writer};
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use crate::{Finding, StoreErrorKind};
use async_trait::async_trait;
use protocol::id::Realm;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection waits for another process' lock.
const BUSY: Duration = Duration::from_secs(5);

/// A realm in a SQLite store.
pub struct Sqlite {
    realm: Realm,
    // Dropped before the writer: the last connection to close checkpoints the log into the file.
    pub(super) readers: Option<Queue>,
    /// A reader for reads of more than a request needs, so that no request waits behind them.
    pub(super) heavy: Option<Queue>,
    pub(super) writer: Queue,
    file: Arc<DatabaseFile>,
}

impl Sqlite {
    /// Opens a store. With `create`, a missing one is made and an old one is migrated.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable) without `create`, if the store is missing or
    /// old; [`StoreErrorKind::Corrupt`](crate::StoreErrorKind::Corrupt) if a newer program made it.
    pub fn open(location: &Location, create: bool, realm: Realm) -> Result<Self, StoreError> {
        Self::open_waiting(location, create, realm, BUSY)
    }

    pub(super) fn open_waiting(
        location: &Location,
        create: bool,
        realm: Realm,
        busy: Duration,
    ) -> Result<Self, StoreError> {
        let mut db = schema::connect(location, create, busy)?;
        if create || *location == Location::Memory {
            schema::migrate(&mut db)?;
        }
        schema::require_newest(&db)?;
        let (readers, heavy, file) = match location {
            Location::Memory => (None, None, Arc::new(DatabaseFile::MEMORY)),
            Location::File(path) => {
                let file = Arc::new(DatabaseFile::at(path.clone())?);
                let start = |count| {
                    let connections = (0..count).map(|_| schema::connect_reader(path, busy));
                    readers::start(connections.collect::<Result<_, _>>()?, &file)
                };
                (Some(start(readers::COUNT)?), Some(start(1)?), file)
            }
        };
        Ok(Self { realm, readers, heavy, writer: writer::start(db, Arc::clone(&file))?, file })
    }

    /// The schema version this program makes and needs.
    pub const fn schema_version() -> i64 {
        schema::newest()
    }

    /// Makes a missing store, or migrates an old one to this program's schema.
    pub(crate) fn migrate(path: &Path) -> Result<SchemaChange, StoreError> {
        schema::migrate(&mut schema::connect(&Location::File(path.into()), true, BUSY)?)
    }

    /// Examines a store without changing it; no findings mean that it is sound.
    pub fn check(path: &Path) -> Result<Vec<Finding>, StoreError> {
        schema::check(path, BUSY)
    }

    /// Runs `act` in one read transaction, so that it reads records of the same instant.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        readers: Option<&Queue>,
        name: &'static str,
        act: impl FnOnce(&Connection, &Realm) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let realm = self.realm.clone();
        let queue = readers.unwrap_or(&self.writer);
        let snapshot = move |db: &Connection| {
            control(db, "BEGIN")?;
            let answer = act(db, &realm);
            // SQLite ends the transaction itself when the disk fails.
            if !db.is_autocommit() {
                control(db, "COMMIT")?;
            }
            answer
        };
        queue.run(name, Access::Read, snapshot).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        act: impl FnOnce(&Connection, &Realm) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let realm = self.realm.clone();
        self.writer.run(name, Access::Write, move |db| act(db, &realm)).await
    }

    /// Commits a write without meaning: only a write shows a disk that fails or is mounted read-only. It may not show one that
    /// is full, so that is checked, too, on the thread that writes: the room is not taken from a write of ours.
    async fn probe(&self) -> Result<(), StoreError> {
        self.write("probe", |db, _| realm::write_nothing(db)).await?;
        let file = Arc::clone(&self.file);
        let room = self.writer.run("probe", Access::Read, move |_| Ok(file.check_room())).await?;
        room.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, "probe", error))?;
        self.issuer().await.map(drop)
    }

    /// Read on the writing connection, whose number changes with the commits of other processes, not with ours.
    async fn change_mark(&self) -> Result<u64, StoreError> {
        let mark = |db: &Connection| db.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
        self.writer.run("change_mark", Access::Read, mark).await.map(i64::unsigned_abs)
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write("sweep", move |db, realm| sweep::sweep(db, realm, before)).await
    }
}

/// Sends an operation with its arguments, owned, to the thread that owns a connection. All but `Upkeep` are functions
/// of [`operation`] by the same name.
macro_rules! on_a_thread {
    (
        $(#[$about:meta])* trait $trait:ident $(: $base:ident)?;
        $($(#[$doc:meta])* $access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+
    ) => {
        #[async_trait]
        impl $trait for Sqlite {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                on_a_thread!(@$access self, $name, $($arg),*)
            }
        )+}
    };
    (@Read $self:ident, $name:ident, $($arg:ident),*) => {{
        $(let $arg = $arg.to_owned();)*
        let act = move |db: &_, realm: &_| operation::$name(db, realm, $(&$arg),*);
        $self.read($self.readers.as_ref(), stringify!($name), act).await
    }};
    (@Heavy $self:ident, $name:ident, $($arg:ident),*) => {{
        $(let $arg = $arg.to_owned();)*
        let act = move |db: &_, realm: &_| operation::$name(db, realm, $(&$arg),*);
        $self.read($self.heavy.as_ref(), stringify!($name), act).await
    }};
    (@Write $self:ident, $name:ident, $($arg:ident),*) => {{
        $(let $arg = $arg.to_owned();)*
        $self.write(stringify!($name), move |db, realm| operation::$name(db, realm, $(&$arg),*)).await
    }};
    (@Upkeep $self:ident, $name:ident, $($arg:ident),*) => { Sqlite::$name($self, $($arg),*).await };
}

operations!(on_a_thread);
