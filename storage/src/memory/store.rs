//! The store: one lock around the tables, never held across an await.

use super::tables::Tables;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An empty store per value; gone when dropped.
#[derive(Default)]
pub struct Memory(Mutex<Tables>);

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! under_the_lock {
    (
        $(#[$about:meta])* trait $trait:ident $(: $base:ident)?;
        $($(#[$doc:meta])* $access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+
    ) => {
        #[async_trait]
        impl $trait for Memory {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                Ok(self.tables().$name($($arg),*))
            }
        )+}
    };
}

operations!(under_the_lock);
