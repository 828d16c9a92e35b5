//! Making the store as a file declares it (`keyward apply`): everything is checked and compared first, then changed.
//!
//! Only what was declared before is ever deleted; what commands made stays until a declaration names it.

pub mod file;

mod change;
mod clients;

pub use change::{Action, Change, Difference};
pub use file::Declaration;

use clients::Target;

use super::call::Admin;
use super::error::AdminError;
use crate::config::Settings;

/// What has to change, and how.
#[derive(Debug, Default)]
pub struct Plan {
    /// What differs from the declaration.
    pub steps: Vec<Step>,
    /// Clients that were declared before and are no longer, which a plan that prunes deletes.
    pub left_over: Vec<String>,
}

/// One record that has to change.
#[derive(Debug)]
pub struct Step {
    /// What changes, as it is shown.
    pub change: Change,
    target: Target,
    /// A secret that was made for it.
    fresh: Option<String>,
}

impl Admin {
    /// Compares a declaration with what there is. `variable` reads the environment.
    ///
    /// # Errors
    /// The store's; or, inside, everything that is wrong with the declaration.
    pub async fn plan(
        &self,
        declaration: &Declaration,
        settings: &Settings,
        prune: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Result<Plan, Vec<String>>, AdminError> {
        let there = self.store.clients().await?;
        Ok(self.plan_clients(&declaration.clients, there, settings, prune, variable))
    }

    /// Makes one change.
    ///
    /// # Errors
    /// [`AdminError::Contended`] if the record was changed since it was compared; [`AdminError::Store`].
    pub async fn carry_out(&self, step: &mut Step) -> Result<(), AdminError> {
        self.change_declared_client(&step.target).await?;
        step.change.client_secret = step.fresh.take();
        step.change.done = true;
        Ok(())
    }
}
