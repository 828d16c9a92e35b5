//! AWS KMS as the custody.
//!
//! `kms-envelope`: KMS makes key pairs and gives them out encrypted; a process that signs has them decrypted once, when it
//! starts. `kms-sign`: the private halves never leave KMS, which signs each token. In both, one symmetric KMS key wraps
//! the masters. A ring may have keys of both kinds, so one opener opens both.
//!
//! A rotation ([`KmsMaker`]) only generates and a process that signs ([`KmsOpener`]) only decrypts and signs: each has a
//! client with its own calls, [`calls`], so that IAM can allow each process its own.

mod calls;
mod fault;
mod maker;
pub mod meter;
mod once;
mod opener;
mod signer;
mod switch;
mod wrapped;

pub use maker::{KmsMaker, Mode};
pub use opener::KmsOpener;
pub use switch::KmsSwitch;
