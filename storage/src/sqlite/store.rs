//! The store: each operation goes to the thread that owns a connection.

use super::guarded::control;
use super::home::Home;
use super::location::{Location, Migration};
use super::queue::{Access, Queue};
use super::{operation, readers, realm, schema, sweep, writer};
use crate::Finding;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
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
    // Dropped before the writer, whose connection, as the last one, folds the log back into the file.
    pub(super) readers: Option<Queue>,
    /// A reader of its own for what goes through more than a request needs, so that no request waits behind it.
    pub(super) heavy: Option<Queue>,
    pub(super) writer: Queue,
}

impl Sqlite {
    /// Opens a store. With `create`, a missing one is made and an old one is migrated; without, both are
    /// `Unavailable`. A store of a newer program is `Corrupt`.
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
        let (readers, heavy, home) = match location {
            Location::Memory => (None, None, Arc::new(Home::MEMORY)),
            Location::File(path) => {
                let home = Arc::new(Home::of(path.clone())?);
                let start = |count| {
                    let connections = (0..count).map(|_| schema::connect_reader(path, busy));
                    readers::start(connections.collect::<Result<_, _>>()?, &home)
                };
                (Some(start(readers::COUNT)?), Some(start(1)?), home)
            }
        };
        Ok(Self { realm, readers, heavy, writer: writer::start(db, home)? })
    }

    /// The schema this program makes and needs.
    pub const fn schema_version() -> i64 {
        schema::newest()
    }

    /// Makes a missing store, or brings an old one to this program's schema.
    pub fn migrate(path: &Path) -> Result<Migration, StoreError> {
        schema::migrate(&mut schema::connect(&Location::File(path.into()), true, BUSY)?)
    }

    /// Examines a store without changing it; no finding means that it is sound.
    pub fn check(path: &Path) -> Result<Vec<Finding>, StoreError> {
        schema::check(path, BUSY)
    }

    /// One read transaction, so that records read together were true together.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        readers: Option<&Queue>,
        step: &'static str,
        act: impl FnOnce(&Connection, &Realm) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let realm = self.realm.clone();
        let queue = readers.unwrap_or(&self.writer);
        let snapshot = move |db: &Connection| {
            control(db, "BEGIN")?;
            let answer = act(db, &realm);
            // A disk that fails makes SQLite end the transaction by itself; then there is nothing to end here.
            if !db.is_autocommit() {
                control(db, "COMMIT")?;
            }
            answer
        };
        queue.run(step, Access::Read, snapshot).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        step: &'static str,
        act: impl FnOnce(&Connection, &Realm) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let realm = self.realm.clone();
        self.writer.run(step, Access::Write, move |db| act(db, &realm)).await
    }

    /// A write that nobody reads: only that shows a full disk, or one that may only be read any more.
    async fn probe(&self) -> Result<(), StoreError> {
        self.write("probe", |db, _| realm::write_nothing(db)).await?;
        self.issuer().await.map(drop)
    }

    /// Asked on the writing connection: it counts what others committed, not what we did.
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
