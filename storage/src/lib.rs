//! What Keyward keeps, and the one trait through which it is kept.
//!
//! A method of [`Store`] is one atomic operation of the protocol, named by what it means. There is no generic get or
//! put, no transaction to hold open, and no rule of OAuth in a backend beyond comparing stored state. Every
//! backend passes the same suite of tests, `contract`.

#[cfg(any(test, feature = "contract"))]
#[macro_use]
pub mod contract;
pub mod aws;
mod backend;
mod belongings;
mod commit;
mod dynamodb;
mod error;
mod finding;
mod memory;
pub mod metered;
mod ring;
mod signature;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod stored;
pub mod tap;
mod view;

pub use backend::{Backend, Migration};
pub use belongings::{BELONGINGS_LIMIT, Belonging, Belongings, Place};
pub use commit::{Commit, Stamp};
pub use dynamodb::{DynamoDb, DynamoDbBackend, Patience};
pub use error::{StoreError, StoreErrorKind};
pub use finding::{FINISH_IMPORT, Finding, UNFINISHED_IMPORT};
pub use memory::Memory;
pub use ring::{Document, RingDocument};
#[cfg(feature = "sqlite")]
pub use sqlite::{Location, Sqlite, SqliteBackend};
pub use store::{MEMBERS_LIMIT, SWEEP_LIMIT, Store, Transfer};
pub use view::{DeniedToken, Found, GrantLocator, GrantView, SignInView, TokenView};
