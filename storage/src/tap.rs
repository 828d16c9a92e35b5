//! A store that tells an observer of each call: to count them, or to make them fail, wait or happen twice where
//! nothing real would on demand. One decorator, so that a new method of [`Store`] is wired once for all observers.

use crate::error::StoreErrorKind;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use async_trait::async_trait;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Builder;
use tokio::task::yield_now;

/// What a call does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads.
    Read,
    /// Reads more than a request needs to be decided.
    Heavy,
    /// Writes.
    Write,
    /// Neither serves a request nor counts towards its budget: probing, polling, sweeping.
    Upkeep,
}

/// A call of a [`Store`] method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method's name.
    pub name: &'static str,
    /// What it does.
    pub access: Access,
}

/// How a call gets to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At once.
    Straight,
    /// After others had their turn.
    Late,
    /// Twice, as SDKs do: it is done, its answer gets lost, others have their turn, and it is sent again.
    Again,
}

/// Who is told.
pub trait Observer: Send + Sync + 'static {
    /// Before the call; an error is returned instead of making it.
    fn before(&self, call: Call) -> Result<(), StoreError>;

    /// After the call succeeded; an error hides that it did ("applied, but the answer was lost").
    fn after(&self, _: Call) -> Result<(), StoreError> {
        Ok(())
    }

    /// How the call gets there.
    fn way(&self, _: Call) -> Way {
        Way::Straight
    }
}

impl<O: Observer> Observer for Arc<O> {
    fn before(&self, call: Call) -> Result<(), StoreError> {
        (**self).before(call)
    }

    fn after(&self, call: Call) -> Result<(), StoreError> {
        (**self).after(call)
    }

    fn way(&self, call: Call) -> Way {
        (**self).way(call)
    }
}

/// A store under observation. Taps can be stacked.
pub struct Tap<O> {
    store: Arc<dyn Store>,
    observer: O,
}

impl<O: Observer> Tap<O> {
    /// Observes `store`; give an `Arc` of the observer to keep hold of it.
    pub fn new(store: Arc<dyn Store>, observer: O) -> Self {
        Self { store, observer }
    }
}

/// Counts calls.
#[derive(Debug, Default)]
pub struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Counts {
    /// Reads and writes since the last time, and starts anew.
    pub fn take(&self) -> (u64, u64) {
        (self.reads.swap(0, Ordering::SeqCst), self.writes.swap(0, Ordering::SeqCst))
    }
}

impl Observer for Counts {
    fn before(&self, call: Call) -> Result<(), StoreError> {
        match call.access {
            Access::Read | Access::Heavy => self.reads.fetch_add(1, Ordering::SeqCst),
            Access::Write => self.writes.fetch_add(1, Ordering::SeqCst),
            Access::Upkeep => 0,
        };
        Ok(())
    }
}

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing was done.
    Before,
    /// It was done, but the caller isn't told.
    After,
}

struct Fault {
    name: &'static str,
    passes: u64,
    when: When,
    kind: StoreErrorKind,
}

/// Makes chosen calls fail, each once.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// The `nth` call (from 1) of the method `name` from now on fails. With [`When::After`], calls that fail
    /// by themselves aren't counted.
    pub fn fail(&self, name: &'static str, nth: u64, when: When, kind: StoreErrorKind) {
        self.lock().push(Fault { name, passes: nth.saturating_sub(1), when, kind });
    }

    /// Forgets what has not failed yet.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strike(&self, call: Call, when: When) -> Result<(), StoreError> {
        let mut due = None;
        self.lock().retain_mut(|fault| {
            let concerned = fault.name == call.name && fault.when == when;
            if concerned && fault.passes == 0 && due.is_none() {
                due = Some(fault.kind);
                return false;
            }
            fault.passes = fault.passes.saturating_sub(u64::from(concerned));
            true
        });
        due.map_or(Ok(()), |kind| Err(StoreError::new(kind, call.name, "injected fault")))
    }
}

impl Observer for Faults {
    fn before(&self, call: Call) -> Result<(), StoreError> {
        self.strike(call, When::Before)
    }

    fn after(&self, call: Call) -> Result<(), StoreError> {
        self.strike(call, When::After)
    }
}

/// Another program: does something just before a call of a name is made for the first time.
pub struct Meddler {
    name: &'static str,
    act: Mutex<Option<Act>>,
}

type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Meddler {
    /// Does `act` before the first call of the method `name`.
    pub fn before(name: &'static str, act: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { name, act: Mutex::new(Some(Box::pin(act))) }
    }
}

impl Observer for Meddler {
    fn before(&self, call: Call) -> Result<(), StoreError> {
        let due = || self.act.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(act) = (call.name == self.name).then(due).flatten() else { return Ok(()) };
        let failed = |text: String| StoreError::new(StoreErrorKind::Unavailable, call.name, text);
        // The caller's own thread is taken.
        let other = std::thread::spawn(move || {
            let alone = Builder::new_current_thread().enable_all().build()?;
            alone.block_on(act);
            io::Result::Ok(())
        });
        let ended = other.join().map_err(|_| failed("the meddler panicked".into()))?;
        ended.map_err(|error| failed(error.to_string()))
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
                let call = Call { name: stringify!($name), access: Access::$access };
                self.observer.before(call)?;
                match self.observer.way(call) {
                    Way::Straight => {}
                    Way::Late => yield_now().await,
                    Way::Again => {
                        let _unheard = self.store.$name($(Clone::clone(&$arg)),*).await?;
                        yield_now().await;
                    }
                }
                let answer = self.store.$name($($arg),*).await?;
                self.observer.after(call)?;
                Ok(answer)
            }
        )+}
    };
}

operations!(tap);
