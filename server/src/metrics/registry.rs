//! Everything that is counted.

use super::calls::{KmsCalls, StoreCalls};
use super::connections::Connections;
use super::requests::Requests;
use super::sign_ins::SignIns;
use protocol::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use storage::metered::Meters;

/// What the process has counted since its start.
pub struct Registry {
    /// Requests.
    pub requests: Requests,
    /// Sign-ins.
    pub sign_ins: SignIns,
    /// Connections of the public listener.
    pub connections: Arc<Connections>,
    /// Calls of the store.
    pub store: Arc<Meters<StoreCalls>>,
    /// Calls of KMS.
    pub kms: Arc<KmsCalls>,
    refusals: [AtomicU64; Refusal::ALL.len()],
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            requests: Requests::default(),
            sign_ins: SignIns::default(),
            connections: Arc::default(),
            store: Arc::default(),
            kms: Arc::default(),
            refusals: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Registry {
    /// Counts a refusal.
    pub fn refused(&self, refusal: Refusal) {
        if let Some(count) = self.refusals.get(refusal as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// How many requests each refusal ended.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.iter().zip(&self.refusals).map(|(refusal, count)| (*refusal, count.load(Relaxed)))
    }
}
