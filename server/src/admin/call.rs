//! One administrative call: who acts, and the id and time of everything the call does.

use crate::telemetry;
use keys::entropy::{self, Entropy};
use protocol::claims::Catalog;
use protocol::event::Event;
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::sync::Arc;
use storage::{RingDocument, Stamp, Store};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may run commands on this machine. Each write is an event of the audit log.
    Operator,
    /// An operator who authenticated under this name. Each write is an event of the audit log, which names them.
    Principal(String),
    /// The server itself, for a user who signs up, or for the demo. Those write their own events.
    Server,
}

impl Actor {
    /// The name in the audit log; `None` if this actor's writes are no events.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Operator => Some("operator"),
            Self::Principal(name) => Some(name),
            Self::Server => None,
        }
    }
}

/// The operations on clients, users and keys, for one call: a command, or a request. Make one for each call.
#[derive(Clone)]
pub struct Admin {
    /// Who acts.
    pub actor: Actor,
    /// The call's id and time: every write and every event carries them.
    pub call: Stamp,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The claims that users can have.
    pub claims: Arc<Catalog>,
}

impl Admin {
    /// A command of an operator that began `at` this time; its id is random.
    pub fn of_command(store: Arc<dyn Store>, at: Timestamp, entropy: Arc<dyn Entropy>) -> Self {
        let call = Stamp { at, request: RequestId::from_bytes(entropy::bytes(&*entropy)) };
        Self { actor: Actor::Operator, call, store, entropy, claims: Arc::default() }
    }

    /// Changes the key ring and records that as an event, if it did change.
    ///
    /// # Errors
    /// Those of the change.
    pub async fn change_ring<T, E>(
        &self,
        event: Event,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let ring = async || {
            let found = self.store.ring(RingDocument::Ring).await;
            found.ok().flatten().map(|document| document.body)
        };
        let before = ring().await;
        let changed = change.await?;
        let after = ring().await;
        if before != after {
            self.audit(&event.changing(before.as_ref(), after.as_ref()));
        }
        Ok(changed)
    }

    /// Writes an operator's event to the audit log.
    pub(super) fn audit(&self, event: &Event) {
        if let Some(name) = self.actor.name() {
            telemetry::audit_by(name, self.call, event);
        }
    }
}
