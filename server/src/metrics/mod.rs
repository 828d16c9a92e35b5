//! What the server counts, and how it is read: as Prometheus text, and on Lambda as embedded metrics of CloudWatch.
//!
//! A value is an atomic number in a table of fixed size. Counting allocates, locks and formats nothing. What callers send
//! is never a label: a path that is no endpoint counts as `other`, and clients and users are not told apart.
//!
//! Written here and not taken from a crate: the registries of crates keep series in a locked map by label text and allow
//! any label, and an exporter would bring an HTTP stack of its own. What is left for a crate to do is the text format.

mod calls;
mod connections;
mod embedded;
mod families;
mod gauges;
mod histogram;
mod page;
mod prometheus;
mod registry;
mod requests;
mod sign_ins;
#[cfg(test)]
mod tests;
mod text;

pub use calls::{KmsCalls, StoreCalls};
pub use connections::Connections;
pub use embedded::EmbeddedMetrics;
pub use families::{Family, Kind};
pub use gauges::{Gauges, PasswordLoad};
pub use histogram::Histogram;
pub use page::markdown;
pub use prometheus::{CONTENT_TYPE, render};
pub use registry::Registry;
pub use requests::{ENDPOINTS, Ended, InProgress, Requests};
pub use sign_ins::{SignIn, SignIns};
