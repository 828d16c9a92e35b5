//! A store that measures its calls, for servers. It adds to a call one read of the clock before, one after, and one small
//! allocation.

use crate::error::StoreErrorKind;
use crate::signature::*;
use crate::store::{Store, Transfer, operations};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is noted about the calls of one operation.
pub trait Meter: Default + Send + Sync + 'static {
    /// Notes a call: how long it took, and how it failed if it did.
    fn note(&self, took: Duration, failed: Option<StoreErrorKind>);
}

/// A meter for each operation.
#[derive(Default)]
pub struct Meters<M> {
    store: StoreMeters<M>,
    transfer: TransferMeters<M>,
}

impl<M> Meters<M> {
    /// All of them, with the operations' names.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &M)> {
        self.store.each().chain(self.transfer.each())
    }
}

/// A store of which each call is measured. A call that its caller gives up is not noted.
pub struct Metered<M> {
    store: Arc<dyn Store>,
    meters: Arc<Meters<M>>,
}

impl<M: Meter> Metered<M> {
    /// Measures the calls of `store`.
    pub fn new(store: Arc<dyn Store>, meters: Arc<Meters<M>>) -> Self {
        Self { store, meters }
    }
}

macro_rules! meter {
    ($(#[$about:meta])* trait Store: Transfer; $($operations:tt)+) => {
        meter!(Store, StoreMeters, store, $($operations)+);
    };
    ($(#[$about:meta])* trait Transfer; $($operations:tt)+) => {
        meter!(Transfer, TransferMeters, transfer, $($operations)+);
    };
    (
        $trait:ident, $meters:ident, $field:ident,
        $($(#[$doc:meta])* $access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+
    ) => {
        #[derive(Default)]
        struct $meters<M> {$(
            $name: M,
        )+}

        impl<M> $meters<M> {
            fn each(&self) -> impl Iterator<Item = (&'static str, &M)> {
                [$((stringify!($name), &self.$name)),+].into_iter()
            }
        }

        #[async_trait]
        impl<M: Meter> $trait for Metered<M> {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                let began = Instant::now();
                let answer = self.store.$name($($arg),*).await;
                self.meters.$field.$name.note(began.elapsed(), answer.as_ref().err().map(StoreError::kind));
                answer
            }
        )+}
    };
}

operations!(meter);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use crate::tap::{Faults, Tap, When};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Notes(Mutex<Vec<(Duration, Option<StoreErrorKind>)>>);

    impl Meter for Notes {
        fn note(&self, took: Duration, failed: Option<StoreErrorKind>) {
            self.0.lock().unwrap().push((took, failed));
        }
    }

    #[tokio::test]
    async fn each_call_is_noted_under_its_name_with_how_it_ended() {
        let (faults, meters) = (Arc::new(Faults::default()), Arc::new(Meters::<Notes>::default()));
        let tapped = Tap::new(Arc::new(Memory::default()), Arc::clone(&faults));
        let store = Metered::new(Arc::new(tapped), Arc::clone(&meters));
        faults.fail("issuer", 2, When::Before, StoreErrorKind::Busy);
        assert_eq!(store.issuer().await.unwrap(), None);
        assert!(store.issuer().await.is_err());
        store.user_ids().await.unwrap();
        let noted: Vec<_> = meters
            .each()
            .map(|(name, notes)| {
                (name, notes.0.lock().unwrap().iter().map(|note| note.1).collect::<Vec<_>>())
            })
            .filter(|(_, notes)| !notes.is_empty())
            .collect();
        let (fine, busy) = (None, Some(StoreErrorKind::Busy));
        assert_eq!(noted, [("issuer", vec![fine, busy]), ("user_ids", vec![fine])]);
    }
}
