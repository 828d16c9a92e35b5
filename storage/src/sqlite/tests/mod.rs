//! What SQLite promises beyond the contract, and the contract on a file and in memory.

use super::location::{Location, SchemaChange};
use super::queue::{Access, Queue};
use super::realm;
use super::store::Sqlite;
use crate::contract::newer::kind_of;
use crate::contract::sample::*;
use crate::signature::*;
use crate::tap::{Observer, Operation, Tap};
use crate::{Store, StoreErrorKind, Transfer};
use protocol::id::Realm;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Waker};
use std::time::Duration;
use tempfile::TempDir;

mod earlier;
mod group;
mod many;
mod newer;
mod outage;
mod queue;
mod schema;
mod share;
mod skeleton;
mod sweep;

contract!(on_file, on_file_empty);
contract!(in_memory, in_memory_empty);

/// The folder of a store's file. It is an observer, so that a tapped store keeps it until it is closed.
struct Folder(TempDir);

impl Observer for Folder {
    fn before(&self, _: Operation) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn on_file_empty() -> Arc<dyn Store> {
    let folder = Folder::new();
    Arc::new(Tap::new(Arc::new(folder.create()), folder))
}

async fn in_memory_empty() -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap())
}

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keyward.db")
    }

    fn location(&self) -> Location {
        Location::File(self.path())
    }

    /// Opens the store, made if it is missing.
    fn create(&self) -> Sqlite {
        Sqlite::open(&self.location(), true, Realm::main()).unwrap()
    }

    /// Opens the existing store; `Err` with kind and message.
    fn open(&self) -> Result<Sqlite, (StoreErrorKind, String)> {
        Sqlite::open(&self.location(), false, Realm::main())
            .map_err(|error| (error.kind(), error.to_string()))
    }

    /// Another program's connection to the file.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

/// A call that was made and is not answered yet.
type Sent<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Makes a call without waiting for its answer; the thread that runs it must be held.
fn send<'a, T>(call: impl Future<Output = T> + 'a) -> Sent<'a, T> {
    let mut call: Sent<'a, T> = Box::pin(call);
    assert!(is_pending(&mut call));
    call
}

fn is_pending<T>(call: &mut Sent<'_, T>) -> bool {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// A thread of a store, blocked.
struct Held<'a> {
    release: Sender<()>,
    call: Sent<'a, Result<(), StoreError>>,
}

/// Holds the writing thread, so that the calls that are sent wait together.
fn hold(store: &Sqlite) -> Held<'_> {
    hold_one_of(&store.writer)
}

/// Holds one of the threads of a queue.
fn hold_one_of(queue: &Queue) -> Held<'_> {
    let (begun, begins) = channel();
    let (release, released) = channel();
    let wait = move |_: &Connection| {
        begun.send(()).unwrap();
        released.recv().unwrap();
        Ok(())
    };
    let call = send(queue.run("hold", Access::Read, wait));
    begins.recv().unwrap();
    Held { release, call }
}

impl Held<'_> {
    async fn release(self) {
        self.release.send(()).unwrap();
        self.call.await.unwrap();
    }
}
