//! SQLite: one file, one thread that writes, a few that read.
//!
//! Absent on purpose: a connection pool for writing (SQLite has one writer, and a thread of our own can group
//! commits), and any rule beyond the conditions of the guarded updates.

use crate::kept::Kept;
use crate::{Commit, Document, GrantView, RingDocument, SignInView, Stamp, Store, StoreError};
use async_trait::async_trait;
use protocol::client::Client;
use protocol::grant::{Grant, RevocationReason};
use protocol::id::{ClientId, GrantId, Realm, SessionId, UserId};
use protocol::name::Identifier;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::{Authentication, Session};
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use queue::{Access, Queue};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod client;
mod column;
mod consent;
mod fault;
mod grant;
mod meta;
mod queue;
mod readers;
mod schema;
mod session;
mod sweep;
#[cfg(test)]
mod tests;
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

/// Something wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: String,
    /// What to do about it.
    pub mend: &'static str,
}

/// A realm in a SQLite store.
pub struct Sqlite {
    realm: Realm,
    // Dropped before the writer, whose connection, as the last one, folds the log back into the file.
    readers: Option<Queue>,
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
        let (readers, path) = match location {
            Location::Memory => (None, None),
            Location::File(path) => {
                let connections = (0..readers::COUNT).map(|_| schema::connect_reader(path, busy));
                (Some(readers::start(connections.collect::<Result<_, _>>()?)?), Some(path.clone()))
            }
        };
        Ok(Self { realm, readers, writer: writer::start(db, path)? })
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

    async fn read<T: Send + 'static>(
        &self,
        step: &'static str,
        act: impl FnOnce(&Connection, &Realm) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let realm = self.realm.clone();
        let queue = self.readers.as_ref().unwrap_or(&self.writer);
        // One read transaction, so that records read together were true together.
        let snapshot = move |db: &Connection| {
            let transaction = db.unchecked_transaction()?;
            let answer = act(&transaction, &realm)?;
            transaction.commit()?;
            Ok(answer)
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
}

/// How a guarded write ended: by the rows it changed, else by what is there instead.
fn settle<T>(
    changed: usize,
    stamp: Stamp,
    read: impl FnOnce() -> rusqlite::Result<Option<Kept<T>>>,
    mine: impl FnOnce(&T) -> bool,
) -> rusqlite::Result<Commit<T>> {
    if changed > 0 { Ok(Commit::Done) } else { Ok(Kept::settle(read()?, stamp, mine)) }
}

#[async_trait]
impl Store for Sqlite {
    async fn issuer(&self) -> Result<Option<String>, StoreError> {
        self.read("issuer", meta::issuer).await
    }

    async fn set_issuer(&self, issuer: &str, stamp: Stamp) -> Result<(), StoreError> {
        let issuer = issuer.to_owned();
        self.write("set_issuer", move |db, realm| meta::set_issuer(db, realm, &issuer, stamp)).await
    }

    async fn ring(&self, document: RingDocument) -> Result<Option<Document>, StoreError> {
        self.read("ring", move |db, realm| Ok(meta::ring(db, realm, document)?.map(|kept| kept.record))).await
    }

    async fn replace_ring(
        &self,
        document: RingDocument,
        seen: Option<u64>,
        body: &str,
        stamp: Stamp,
    ) -> Result<Commit<Document>, StoreError> {
        let body = body.to_owned();
        self.write("replace_ring", move |db, realm| {
            meta::replace_ring(db, realm, document, seen, &body, stamp)
        })
        .await
    }

    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let id = id.clone();
        self.read("client", move |db, realm| Ok(client::get(db, realm, &id)?.map(|kept| kept.record))).await
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.read("clients", client::all).await
    }

    async fn create_client(&self, client: &Client, stamp: Stamp) -> Result<Commit<Client>, StoreError> {
        let client = client.clone();
        self.write("create_client", move |db, realm| client::create(db, realm, &client, stamp)).await
    }

    async fn set_client_disabled(
        &self,
        id: &ClientId,
        disabled: bool,
        stamp: Stamp,
    ) -> Result<Commit<Client>, StoreError> {
        let id = id.clone();
        self.write("set_client_disabled", move |db, realm| {
            client::set_disabled(db, realm, &id, disabled, stamp)
        })
        .await
    }

    async fn delete_client(&self, id: &ClientId, _: Stamp) -> Result<Commit<Client>, StoreError> {
        let id = id.clone();
        self.write("delete_client", move |db, realm| client::delete(db, realm, &id)).await
    }

    async fn find_user(&self, identifier: &Identifier) -> Result<Option<UserId>, StoreError> {
        let identifier = identifier.clone();
        self.read("find_user", move |db, realm| user::find(db, realm, &identifier)).await
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let id = *id;
        self.read("user", move |db, realm| Ok(user::get(db, realm, &id)?.map(|kept| kept.record))).await
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read("users", user::all).await
    }

    async fn create_user(
        &self,
        user: &User,
        identifiers: &[Identifier],
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError> {
        let (user, identifiers) = (user.clone(), identifiers.to_vec());
        self.write("create_user", move |db, realm| user::create(db, realm, &user, &identifiers, stamp)).await
    }

    async fn set_user_disabled(
        &self,
        id: &UserId,
        disabled: bool,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError> {
        let id = *id;
        self.write("set_user_disabled", move |db, realm| user::set_disabled(db, realm, &id, disabled, stamp))
            .await
    }

    async fn set_password(
        &self,
        id: &UserId,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError> {
        let (id, password) = (*id, password.clone());
        self.write("set_password", move |db, realm| user::set_password(db, realm, &id, &password, stamp))
            .await
    }

    async fn delete_user(&self, id: &UserId, _: Stamp) -> Result<Commit<User>, StoreError> {
        let id = *id;
        self.write("delete_user", move |db, realm| user::delete(db, realm, &id)).await
    }

    async fn load_sign_in(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        client: &ClientId,
    ) -> Result<SignInView, StoreError> {
        let (user, session, client) = (*user, session.copied(), client.clone());
        self.read("load_sign_in", move |db, realm| {
            let session = session.map(|id| session::get(db, realm, &user, &id)).transpose()?.flatten();
            Ok(SignInView {
                user: user::get(db, realm, &user)?.map(|kept| kept.record),
                session: session.map(|kept| kept.record),
                consent: consent::get(db, realm, &user, &client)?,
            })
        })
        .await
    }

    async fn start_session(&self, session: &Session, stamp: Stamp) -> Result<Commit<Session>, StoreError> {
        let session = session.clone();
        self.write("start_session", move |db, realm| session::start(db, realm, &session, stamp)).await
    }

    async fn reauthenticate(
        &self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        secret: &Digest,
        authentication: &Authentication,
        stamp: Stamp,
    ) -> Result<Commit<Session>, StoreError> {
        let (user, id, seen, secret, authentication) =
            (*user, *session, *seen, *secret, authentication.clone());
        self.write("reauthenticate", move |db, realm| {
            session::reauthenticate(db, realm, (&user, &id), &seen, &secret, &authentication, stamp)
        })
        .await
    }

    async fn end_session(
        &self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, StoreError> {
        let (user, id, seen) = (*user, *session, *seen);
        self.write("end_session", move |db, realm| session::end(db, realm, (&user, &id), &seen, stamp)).await
    }

    async fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        scope: &Scope,
        stamp: Stamp,
    ) -> Result<(), StoreError> {
        let (user, client, scope) = (*user, client.clone(), scope.clone());
        self.write("remember_consent", move |db, realm| {
            consent::remember(db, realm, &user, &client, &scope, stamp)
        })
        .await
    }

    async fn create_grant(&self, grant: &Grant, stamp: Stamp) -> Result<Commit<Grant>, StoreError> {
        let grant = grant.clone();
        self.write("create_grant", move |db, realm| grant::create(db, realm, &grant, stamp)).await
    }

    async fn load_grant(&self, user: &UserId, grant: &GrantId) -> Result<GrantView, StoreError> {
        let (user, id) = (*user, *grant);
        self.read("load_grant", move |db, realm| {
            Ok(GrantView {
                grant: grant::get(db, realm, &user, &id)?.map(|kept| kept.record),
                user: user::get(db, realm, &user)?.map(|kept| kept.record),
            })
        })
        .await
    }

    async fn redeem_code(
        &self,
        user: &UserId,
        grant: &GrantId,
        code: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError> {
        let (user, id, code) = (*user, *grant, *code);
        self.write("redeem_code", move |db, realm| grant::redeem(db, realm, &user, &id, &code, stamp)).await
    }

    async fn burn_code(
        &self,
        user: &UserId,
        grant: &GrantId,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError> {
        let (user, id) = (*user, *grant);
        self.write("burn_code", move |db, realm| grant::burn(db, realm, &user, &id, stamp)).await
    }

    async fn revoke_grant(
        &self,
        user: &UserId,
        grant: &GrantId,
        reason: RevocationReason,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError> {
        let (user, id) = (*user, *grant);
        self.write("revoke_grant", move |db, realm| grant::revoke(db, realm, &user, &id, reason, stamp)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        // Taking the write lock is the check; the empty transaction around this changes nothing.
        self.write("probe", |_, _| Ok(())).await?;
        self.issuer().await.map(drop)
    }

    async fn change_mark(&self) -> Result<u64, StoreError> {
        // Asked on the writing connection: it counts what others committed, not what we did.
        let mark = |db: &Connection| db.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
        self.writer.run("change_mark", Access::Read, mark).await.map(i64::unsigned_abs)
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write("sweep", move |db, realm| sweep::sweep(db, realm, before)).await
    }
}
