//! What operators do with clients, users and keys. The command line is one face of this; an API will be another.

pub mod clients;
mod lookalikes;
pub mod metadata;
pub mod transfer;
pub mod users;

use crate::clock::Clock;
use crate::entropy::{self, Entropy};
use crate::password::PasswordError;
use crate::telemetry;
use protocol::client::BadClient;
use protocol::event::Event;
use protocol::id::RequestId;
use std::fmt;
use std::sync::Arc;
use storage::{RingDocument, Stamp, Store, StoreError, StoreErrorKind};
use tokio::task::JoinError;
use users::UserRefused;

/// Who is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An operator: each write is an event of the audit log.
    Operator,
    /// The server, for somebody who signs up or for the demo: what happened is said there.
    Server,
}

/// What operations work with.
#[derive(Clone)]
pub struct Admin {
    /// Who is at work.
    pub actor: Actor,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Admin {
    /// Marks a write of now.
    pub fn stamp(&self) -> Stamp {
        Stamp { at: self.clock.now(), request: RequestId::from_bytes(entropy::bytes(&*self.entropy)) }
    }

    /// Makes a change of the key ring an event.
    ///
    /// # Errors
    /// What the change says.
    pub async fn change_ring<T, E>(
        &self,
        event: Event,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let ring = async || {
            let found = self.store.ring(RingDocument::Ring).await;
            found.ok().flatten().map(|document| document.body)
        };
        let (before, stamp) = (ring().await, self.stamp());
        let changed = change.await?;
        self.note(stamp, &event.changing(before.as_ref(), ring().await.as_ref()));
        Ok(changed)
    }

    /// Writes what an operator did to the audit log.
    fn note(&self, stamp: Stamp, event: &Event) {
        if self.actor == Actor::Operator {
            telemetry::audit(stamp, event);
        }
    }
}

/// Why an operation was not done.
#[derive(Debug)]
pub enum AdminError {
    /// We said no: what is wrong and how to mend it, in one sentence.
    Refused(String),
    /// A user can't be made or changed like this; the name it was about.
    User(UserRefused, String),
    /// Storage failed.
    Store(StoreError),
    /// Hashing a password failed.
    Password(PasswordError),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(mend) => f.write_str(mend),
            Self::User(refused, name) => refused.explain(name).fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Password(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AdminError {}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A task of ours panicked.
impl From<JoinError> for AdminError {
    fn from(error: JoinError) -> Self {
        Self::Store(StoreError::new(StoreErrorKind::Unavailable, "task", error))
    }
}

impl From<PasswordError> for AdminError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}

impl From<BadClient> for AdminError {
    fn from(error: BadClient) -> Self {
        Self::Refused(error.message())
    }
}
