//! What most scenarios run on.

use crate::Outcome;
use crate::load::Flow;
use crate::machine::Machine;
use crate::product::Product;
use crate::results::Row;
use crate::rounds::{Plan, Subject, compare};
use crate::server::Server;

/// The user that all sign in as.
pub const USERNAME: &str = "bench";
/// That user's password.
pub const PASSWORD: &str = "a password nobody else has";

/// Where a scenario runs.
pub struct Testbed<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The installed product, in which clients and users are made.
    pub product: &'a Product,
    /// The product's server.
    pub server: &'a Server,
    /// How long and how hard.
    pub plan: Plan,
}

impl Testbed<'_> {
    /// Compares the product to a floor.
    pub(super) async fn compare<A: Flow, B: Flow>(
        &self,
        name: impl Into<String>,
        floor: (&Server, A),
        product: B,
    ) -> Outcome<Row> {
        let floor = Subject { server: floor.0, flow: floor.1 };
        let product = Subject { server: self.server, flow: product };
        Ok(Row { name: name.into(), costs: compare(&floor, &product, self.plan).await? })
    }
}
