//! Keys: what signs tokens and seals opaque strings, shared by all processes through one record, the ring.
//!
//! [`ring`] says what the record means, [`plan`] which changes it may get, [`custody`] how private keys are protected,
//! [`snapshot`] what a process uses, [`age`] for how long. [`process`] ties them to storage and time. Every change is
//! compare-and-set on the ring's version; the loser of a race drops its work. The timer that calls [`Keys::maintain`]
//! is not here.

mod age;
mod ceiling;
mod claim;
mod claims;
pub mod clock;
pub mod custody;
mod der;
pub mod entropy;
mod error;
mod form;
mod home;
pub mod kms;
mod load;
pub mod local;
pub mod master_file;
mod moving;
pub mod plan;
mod process;
mod removal;
mod retired;
mod retry;
mod revoking;
pub mod rewrap;
pub mod ring;
mod rotator;
pub mod seal;
pub mod signer;
pub mod snapshot;
pub mod tap;
#[cfg(test)]
mod tests;
mod unused;
mod unwrapping;
mod verified;

pub use age::STALE_LIMIT;
pub use ceiling::{Ceiling, LEAST_CEILING};
pub use custody::{Custody, Maker, Opener, TokenSigner, Typ};
pub use error::{KeysError, RingRefusal, SignError, SignErrorKind};
pub use form::{Form, kept_key};
pub use home::{custody_of, is_same_custody};
pub use local::LocalCustody;
pub use moving::Moved;
pub use process::{Keys, Maintained, RingStatus};
pub use ring::{KeyPolicy, KeyState, REFRESH_AFTER, Ring};
pub use rotator::{ChangeReport, RotateWhen, Rotator, Run};
pub use snapshot::{Jwks, KeyInfo, Snapshot};
