//! SQLite: one file, one thread that writes, a few that read.
//!
//! Absent on purpose: a connection pool for writing (SQLite has one writer, and a thread of our own can group
//! commits), and any rule beyond the conditions of the guarded updates.

use crate::kept::Kept;
use crate::steps::steps;
use crate::{
    Belongings, Commit, DeniedToken, Document, Finding, Found, GrantLocator, GrantView, Place, RingDocument,
    SignInView, Stamp, Store, StoreError, TokenView,
};
use async_trait::async_trait;
use home::Home;
use protocol::attempts::{AttemptKey, Limit};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::generation::Generation;
use protocol::grant::{Grant, GrantKey, Refresh, RevocationReason};
use protocol::id::{ClientId, Realm, SessionId, UserId};
use protocol::name::Identifier;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use queue::{Access, Queue};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod attempt;
mod belongings;
mod client;
mod column;
mod consent;
mod fault;
mod grant;
mod home;
mod queue;
mod readers;
mod realm;
mod schema;
mod session;
mod skeleton;
mod sweep;
#[cfg(test)]
mod tests;
mod token;
mod user;
mod writer;

/// How long a connection waits for another process' lock.
const BUSY: Duration = Duration::from_secs(5);

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In this process only, on one connection; gone when it is dropped.
    Memory,
}

/// A migration that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The schema before; 0 if there was no store.
    pub from: i64,
    /// The schema now.
    pub to: i64,
}

/// A realm in a SQLite store.
pub struct Sqlite {
    realm: Realm,
    // Dropped before the writer, whose connection, as the last one, folds the log back into the file.
    readers: Option<Queue>,
    /// A reader of its own for what goes through more than a request needs, so that no request waits behind it.
    heavy: Option<Queue>,
    writer: Queue,
}

impl Sqlite {
    /// Opens a store. With `create`, a missing one is made and an old one is migrated; without, both are
    /// `Unavailable`. A store of a newer program is `Corrupt`.
    pub fn open(location: &Location, create: bool, realm: Realm) -> Result<Self, StoreError> {
        Self::open_waiting(location, create, realm, BUSY)
    }

    fn open_waiting(
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
    async fn read<T: Send + 'static>(
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

    async fn write<T: Send + 'static>(
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

/// Hands a step to the thread that owns a connection: what it needs goes along, owned. All but `Upkeep` are functions
/// of [`step`] by the same name.
macro_rules! on_a_thread {
    ($($access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl Store for Sqlite {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                on_a_thread!(@$access self, $name, $($arg),*)
            }
        )+}
    };
    (@Read $self:ident, $name:ident, $($arg:ident),*) => {{
        $(let $arg = $arg.to_owned();)*
        let act = move |db: &_, realm: &_| step::$name(db, realm, $(&$arg),*);
        $self.read($self.readers.as_ref(), stringify!($name), act).await
    }};
    (@Heavy $self:ident, $name:ident, $($arg:ident),*) => {{
        $(let $arg = $arg.to_owned();)*
        let act = move |db: &_, realm: &_| step::$name(db, realm, $(&$arg),*);
        $self.read($self.heavy.as_ref(), stringify!($name), act).await
    }};
    (@Write $self:ident, $name:ident, $($arg:ident),*) => {{
        $(let $arg = $arg.to_owned();)*
        $self.write(stringify!($name), move |db, realm| step::$name(db, realm, $(&$arg),*)).await
    }};
    (@Upkeep $self:ident, $name:ident, $($arg:ident),*) => { Sqlite::$name($self, $($arg),*).await };
}

steps!(on_a_thread);

/// Every step by its name.
mod step {
    pub(super) use super::attempt::{debts, note_attempt};
    pub(super) use super::belongings::{belongings, delete_belongings};
    pub(super) use super::client::{client, clients, create_client, delete_client, replace_client};
    pub(super) use super::consent::{forget_consent, remember_consent};
    pub(super) use super::grant::{
        burn_code, create_grant, load_grant, redeem_code, restore_grant, revoke_grant, rotate_refresh,
    };
    pub(super) use super::realm::{issuer, replace_issuer, replace_ring, ring};
    pub(super) use super::session::{
        end_session, load_sign_in, reauthenticate, restore_session, start_session,
    };
    pub(super) use super::token::{denied_tokens, deny_token, load_token};
    pub(super) use super::user::{
        add_identifier, create_user, delete_user, find_user, set_password, set_profile, set_user_disabled,
        user, user_ids, users, void_user,
    };
}

/// Begins or ends a transaction; parsed once for each connection.
fn control(db: &Connection, text: &str) -> rusqlite::Result<()> {
    db.prepare_cached(text)?.execute(()).map(drop)
}

/// How a guarded write ended: by the rows it changed, else by what is there instead.
fn settle<T>(
    changed: usize,
    stamp: &Stamp,
    read: impl FnOnce() -> rusqlite::Result<Option<Kept<T>>>,
    mine: impl FnOnce(&T) -> bool,
) -> rusqlite::Result<Commit<T>> {
    if changed > 0 { Ok(Commit::Done) } else { Ok(Kept::settle(read()?, *stamp, mine)) }
}
