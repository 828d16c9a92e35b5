//! What operators do with clients, users and keys. The command line is one face of this; an HTTP API will be another.

mod call;
mod client_ids;
pub mod clients;
pub mod declared;
mod error;
pub mod groups;
mod lookalikes;
pub mod members;
pub mod metadata;
mod patience;
mod registration;
pub mod transfer;
pub mod user_update;
pub mod users;

pub use call::{Actor, Admin};
pub use error::{AdminError, UserRefused};
