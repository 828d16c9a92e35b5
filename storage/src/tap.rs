//! A store that shows each operation to an observer, for tests: to count operations, or to make them fail, wait or
//! happen twice, which no real backend does on demand.

use crate::error::StoreErrorKind;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use async_trait::async_trait;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::yield_now;

/// What an operation does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads.
    Read,
    /// Reads more than a request needs to be decided.
    Heavy,
    /// Writes.
    Write,
    /// Serves no request, and doesn't count towards its budget: probing, polling, sweeping.
    Upkeep,
}

/// A call of a [`Store`] method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The method's name.
    pub name: &'static str,
    /// What it does.
    pub access: Access,
}

/// How an operation reaches the store.
pub enum Way {
    /// At once.
    Straight,
    /// After other tasks had their turn.
    Late,
    /// Twice, as SDKs retry: it takes effect, its answer is lost, other tasks have their turn, and it is sent again.
    Again,
    /// After somebody else has acted.
    After(Act),
}

/// What somebody else does.
pub type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Is shown each operation.
pub trait Observer: Send + Sync + 'static {
    /// Called before the operation; an error is returned instead of running it.
    fn before(&self, operation: Operation) -> Result<(), StoreError>;

    /// Called after the operation succeeded; an error is returned instead of its result ("applied, but the answer was
    /// lost").
    fn after(&self, _: Operation) -> Result<(), StoreError> {
        Ok(())
    }

    /// How the operation reaches the store.
    fn way(&self, _: Operation) -> Way {
        Way::Straight
    }
}

impl<O: Observer> Observer for Arc<O> {
    fn before(&self, operation: Operation) -> Result<(), StoreError> {
        (**self).before(operation)
    }

    fn after(&self, operation: Operation) -> Result<(), StoreError> {
        (**self).after(operation)
    }

    fn way(&self, operation: Operation) -> Way {
        (**self).way(operation)
    }
}

/// A store under observation. Taps can be stacked.
pub struct Tap<O> {
    store: Arc<dyn Store>,
    observer: O,
}

impl<O: Observer> Tap<O> {
    /// Observes `store`. To keep access to the observer, pass an `Arc` of it.
    pub fn new(store: Arc<dyn Store>, observer: O) -> Self {
        Self { store, observer }
    }
}

/// Counts operations.
#[derive(Debug, Default)]
pub struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Counts {
    /// Reads and writes since the last call, and starts again at 0.
    pub fn take(&self) -> (u64, u64) {
        (self.reads.swap(0, Ordering::SeqCst), self.writes.swap(0, Ordering::SeqCst))
    }
}

impl Observer for Counts {
    fn before(&self, operation: Operation) -> Result<(), StoreError> {
        match operation.access {
            Access::Read | Access::Heavy => self.reads.fetch_add(1, Ordering::SeqCst),
            Access::Write => self.writes.fetch_add(1, Ordering::SeqCst),
            Access::Upkeep => 0,
        };
        Ok(())
    }
}

/// When an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before it runs.
    Before,
    /// After it took effect, so that the caller doesn't know that it did.
    After,
}

struct Fault {
    name: &'static str,
    passes: u64,
    when: When,
    kind: StoreErrorKind,
}

/// Makes chosen operations fail, each once.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// From now on, the `nth` call (from 1) of the method `name` fails. With [`When::After`], calls that fail anyway
    /// aren't counted.
    pub fn fail(&self, name: &'static str, nth: u64, when: When, kind: StoreErrorKind) {
        self.lock().push(Fault { name, passes: nth.saturating_sub(1), when, kind });
    }

    /// Forgets the faults that have not happened yet.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strike(&self, operation: Operation, when: When) -> Result<(), StoreError> {
        let mut due = None;
        self.lock().retain_mut(|fault| {
            let concerned = fault.name == operation.name && fault.when == when;
            if concerned && fault.passes == 0 && due.is_none() {
                due = Some(fault.kind);
                return false;
            }
            fault.passes = fault.passes.saturating_sub(u64::from(concerned));
            true
        });
        due.map_or(Ok(()), |kind| Err(StoreError::new(kind, operation.name, "injected fault")))
    }
}

impl Observer for Faults {
    fn before(&self, operation: Operation) -> Result<(), StoreError> {
        self.strike(operation, When::Before)
    }

    fn after(&self, operation: Operation) -> Result<(), StoreError> {
        self.strike(operation, When::After)
    }
}

/// Another program, which acts just before the first call of a method.
pub struct Meddler {
    name: &'static str,
    act: Mutex<Option<Act>>,
}

impl Meddler {
    /// Does `act` before the first call of the method `name`.
    pub fn before(name: &'static str, act: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { name, act: Mutex::new(Some(Box::pin(act))) }
    }
}

impl Observer for Meddler {
    fn before(&self, _: Operation) -> Result<(), StoreError> {
        Ok(())
    }

    fn way(&self, operation: Operation) -> Way {
        let due = || self.act.lock().unwrap_or_else(PoisonError::into_inner).take();
        (operation.name == self.name).then(due).flatten().map_or(Way::Straight, Way::After)
    }
}

macro_rules! tap {
    (
        $(#[$about:meta])* trait $trait:ident $(: $base:ident)?;
        $($(#[$doc:meta])* $access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+
    ) => {
        #[async_trait]
        impl<O: Observer> $trait for Tap<O> {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                let operation = Operation { name: stringify!($name), access: Access::$access };
                self.observer.before(operation)?;
                match self.observer.way(operation) {
                    Way::Straight => {}
                    Way::Late => yield_now().await,
                    Way::After(act) => act.await,
                    Way::Again => {
                        let _lost_answer = self.store.$name($(Clone::clone(&$arg)),*).await?;
                        yield_now().await;
                    }
                }
                let answer = self.store.$name($($arg),*).await?;
                self.observer.after(operation)?;
                Ok(answer)
            }
        )+}
    };
}

operations!(tap);
