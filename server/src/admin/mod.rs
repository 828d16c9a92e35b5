//! What operators do with clients, users and keys. The command line is one face of this; an API will be another.

pub mod clients;
pub mod transfer;
pub mod users;

use crate::clock::Clock;
use crate::entropy::{self, Entropy};
use crate::password::PasswordError;
use protocol::client::BadClient;
use protocol::id::RequestId;
use std::fmt;
use std::sync::Arc;
use storage::{Stamp, Store, StoreError};
use users::UserRefused;

/// What operations work with.
#[derive(Clone)]
pub struct Admin {
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
